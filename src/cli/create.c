/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strv.h"
#include "cli/create_network.h"
#include "cli/create_socket.h"
#include "cli/create_storage.h"
#include "cli/envfile.h"
#include "cli/hostspec.h"
#include "cli/pairs.h"
#include "cli/pull.h"
#include "codec/reference.h"

static int64_t number(const int64_t *value) {
        return value ? *value : 0;
}

/* "host", "container:X" where it is allowed, or nothing. */
static mn_status check_mode(const char *option, const char *word, const char *value, const char *other,
                            mn_err *err) {
        size_t len = other ? strlen(other) : 0;
        if (!value || !*value || strcmp(value, "host") == 0 || (len && strncmp(value, other, len) == 0))
                return MN_OK;
        return mn_fail(err, MN_INVALID, "--%s: invalid %s mode", option, word);
}

static mn_status check_modes(const create_options *o, mn_err *err) {
        mn_status status = check_mode("pid", "PID", o->pid, "container:", err);
        if (!status)
                status = check_mode("uts", "UTS", o->uts, NULL, err);
        if (!status)
                status = check_mode("userns", "USER", o->userns, NULL, err);
        return status ? status : check_mode("cgroupns", "CGROUP", o->cgroupns, "private", err);
}

static mn_status check(const create_options *o, mn_err *err) {
        if (o->rm && o->restart && *o->restart && strcmp(o->restart, "no") != 0)
                return mn_fail(err, MN_INVALID,
                               "conflicting options: cannot specify both --restart and --rm");
        if (o->memory_swappiness && (*o->memory_swappiness < -1 || *o->memory_swappiness > 100))
                return mn_fail(err, MN_INVALID, "invalid value: %lld. Valid memory swappiness range is 0-100",
                               (long long) *o->memory_swappiness);
        if (o->pull && strcmp(o->pull, "always") != 0 && strcmp(o->pull, "missing") != 0 &&
            strcmp(o->pull, "never") != 0 && *o->pull)
                return mn_fail(
                        err, MN_INVALID,
                        "invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
                        o->pull);
        return check_modes(o, err);
}

/* Which streams are attached: all without -a; -i adds standard input. */
static void fill_streams(const create_options *o, create_request *r) {
        wire_container_config *config = &r->body.config;
        bool has_stdin = false;
        r->shows_stdout = r->shows_stderr = !o->attach;
        for (char **a = o->attach; a && *a; a++) {
                if (strcasecmp(*a, "stdin") == 0)
                        has_stdin = true;
                else if (strcasecmp(*a, "stdout") == 0)
                        r->shows_stdout = true;
                else
                        r->shows_stderr = true;
        }
        r->has_stdin = has_stdin || o->interactive;
        if (o->detach)
                r->has_stdin = r->shows_stdout = r->shows_stderr = false;
        config->is_stdin_attached = r->has_stdin;
        config->is_stdout_attached = r->shows_stdout;
        config->is_stderr_attached = r->shows_stderr;
        config->has_open_stdin = o->interactive;
        config->is_stdin_once = o->interactive && r->has_stdin;
        config->is_tty = o->tty;
}

static mn_status fill_health(mn_arena *arena, const create_options *o, wire_container_config *config,
                             mn_err *err) {
        bool has_health = o->health_cmd || o->health_interval || o->health_retries ||
                          o->health_start_interval || o->health_start_period || o->health_timeout;
        if (!o->no_healthcheck && !has_health)
                return MN_OK;
        wire_health_config *h = config->healthcheck = mn_arena_alloc(arena, sizeof(*h));
        if (o->no_healthcheck) {
                if (has_health)
                        return mn_fail(err, MN_INVALID, "--no-healthcheck conflicts with --health-* options");
                h->test = mn_arena_array(arena, 2, sizeof(char *));
                h->test[0] = mn_arena_strdup(arena, "NONE");
                return MN_OK;
        }
        const struct {
                const char *name;
                const int64_t *value;
        } numbers[] = { { "interval", o->health_interval },
                        { "timeout", o->health_timeout },
                        { "retries", o->health_retries },
                        { "start-period", o->health_start_period },
                        { "start-interval", o->health_start_interval } };
        for (size_t i = 0; i < MN_ARRAY_LEN(numbers); i++)
                if (number(numbers[i].value) < 0)
                        return mn_fail(err, MN_INVALID, "--health-%s cannot be negative", numbers[i].name);
        if (o->health_cmd) {
                h->test = mn_arena_array(arena, 3, sizeof(char *));
                h->test[0] = mn_arena_strdup(arena, "CMD-SHELL");
                h->test[1] = (char *) o->health_cmd;
        }
        h->interval_ns = number(o->health_interval);
        h->timeout_ns = number(o->health_timeout);
        h->start_period_ns = number(o->health_start_period);
        h->start_interval_ns = number(o->health_start_interval);
        h->retries = (int32_t) number(o->health_retries);
        return MN_OK;
}

static mn_status fill_config(cli *c, const create_options *o, char **args, wire_container_config *config,
                             mn_err *err) {
        char **labels = NULL;
        mn_status status = envfile_collect(c->arena, o->env_file, o->env, &config->env, err);
        if (!status)
                status = envfile_collect_labels(c->arena, o->label_file, o->label, &labels, err);
        if (status)
                return status;
        pairs_add(c->arena, &config->labels, labels);
        config->image = args[0];
        config->cmd = args[1] ? args + 1 : NULL;
        config->hostname = (char *) o->hostname;
        config->domainname = (char *) o->domainname;
        config->user = (char *) o->user;
        config->working_dir = (char *) o->workdir;
        config->stop_signal = (char *) o->stop_signal;
        config->stop_timeout = o->stop_timeout;
        if (o->entrypoint) {
                config->entrypoint = mn_arena_array(c->arena, 2, sizeof(char *));
                config->entrypoint[0] = (char *) o->entrypoint;
        }
        return fill_health(c->arena, o, config, err);
}

static mn_status fill_throttles(mn_arena *arena, char *const *texts, bool is_size,
                                wire_throttle_device_list *list, mn_err *err) {
        size_t n = mn_strv_len(texts);
        list->items = n ? mn_arena_array(arena, n, sizeof(*list->items)) : NULL;
        for (; list->len < n; list->len++) {
                mn_status status = hostspec_throttle(arena, texts[list->len], is_size,
                                                     &list->items[list->len], err);
                if (status)
                        return status;
        }
        return MN_OK;
}

static mn_status fill_devices(mn_arena *arena, const create_options *o, wire_resources *r, mn_err *err) {
        size_t ndevices = mn_strv_len(o->device), nulimits = mn_strv_len(o->ulimit),
               nweights = mn_strv_len(o->blkio_weight_device);
        mn_status status = fill_throttles(arena, o->device_read_bps, true, &r->blkio_device_read_bps, err);
        if (!status)
                status = fill_throttles(arena, o->device_write_bps, true, &r->blkio_device_write_bps, err);
        if (!status)
                status = fill_throttles(arena, o->device_read_iops, false, &r->blkio_device_read_iops, err);
        if (!status)
                status = fill_throttles(arena, o->device_write_iops, false, &r->blkio_device_write_iops, err);
        size_t ngpus = mn_strv_len(o->gpus);
        r->device_requests.items = ngpus ? mn_arena_array(arena, ngpus, sizeof(*r->device_requests.items))
                                         : NULL;
        for (; !status && r->device_requests.len < ngpus; r->device_requests.len++)
                status = hostspec_gpus(arena, o->gpus[r->device_requests.len],
                                       &r->device_requests.items[r->device_requests.len], err);
        r->devices.items = mn_arena_array(arena, ndevices + 1, sizeof(*r->devices.items)); /* [], not null */
        for (; !status && r->devices.len < ndevices; r->devices.len++)
                status = hostspec_device(arena, o->device[r->devices.len], &r->devices.items[r->devices.len],
                                         err);
        r->ulimits.items = nulimits ? mn_arena_array(arena, nulimits, sizeof(*r->ulimits.items)) : NULL;
        for (; !status && r->ulimits.len < nulimits; r->ulimits.len++)
                status = hostspec_ulimit(arena, o->ulimit[r->ulimits.len], &r->ulimits.items[r->ulimits.len],
                                         err);
        r->blkio_weight_device.items = nweights ? mn_arena_array(arena, nweights,
                                                                 sizeof(*r->blkio_weight_device.items))
                                                : NULL;
        for (; !status && r->blkio_weight_device.len < nweights; r->blkio_weight_device.len++)
                status = hostspec_weight(arena, o->blkio_weight_device[r->blkio_weight_device.len],
                                         &r->blkio_weight_device.items[r->blkio_weight_device.len], err);
        return status;
}

static mn_status fill_resources(mn_arena *arena, const create_options *o, wire_resources *r, mn_err *err) {
        limits_fill(&o->limits, r);
        r->cgroup_parent = (char *) o->cgroup_parent;
        r->device_cgroup_rules = o->device_cgroup_rule;
        r->kernel_memory_bytes = number(o->kernel_memory);
        r->memory_swappiness = o->memory_swappiness && *o->memory_swappiness >= 0 ? o->memory_swappiness
                                                                                  : NULL;
        r->is_oom_kill_disabled = (bool *) &o->oom_kill_disable;
        r->pids_limit = o->limits.pids_limit ? o->limits.pids_limit : mn_arena_alloc(arena, sizeof(int64_t));
        r->cpu_count = number(o->cpu_count);
        r->cpu_percent = number(o->cpu_percent);
        r->io_maximum_iops = (uint64_t) number(o->io_maxiops);
        r->io_maximum_bandwidth = (uint64_t) number(o->io_maxbandwidth);
        return fill_devices(arena, o, r, err);
}

/* The terminal's size travels with the request, so that the process starts with it. */
static void fill_console(mn_arena *arena, const create_options *o, wire_host_config *host) {
        struct winsize size;
        if (!o->tty || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
                return;
        host->console_size.items = mn_arena_array(arena, 2, sizeof(uint64_t));
        host->console_size.items[0] = size.ws_row;
        host->console_size.items[1] = size.ws_col;
        host->console_size.len = 2;
}

/* "host:ip" or "host=ip" as the API has it. */
static char **fill_hosts(mn_arena *arena, char *const *hosts) {
        size_t n = mn_strv_len(hosts);
        char **ret = n ? mn_arena_array(arena, n + 1, sizeof(char *)) : NULL;
        for (size_t i = 0; i < n; i++) {
                size_t len = create_host_length(hosts[i]);
                const char *address = hosts[i] + len + 1;
                size_t size = strlen(address);
                bool is_bracketed = *address == '[' && address[size - 1] == ']';
                ret[i] = mn_arena_printf(arena, "%.*s:%.*s", (int) len, hosts[i],
                                         (int) (is_bracketed ? size - 2 : size), address + is_bracketed);
        }
        return ret;
}

static mn_status fill_host(cli *c, const create_options *o, wire_host_config *host, mn_err *err) {
        mn_arena *arena = c->arena;
        host->container_id_file = (char *) o->cidfile;
        host->is_auto_remove = o->rm;
        hostspec_capabilities(arena, o->cap_add, o->cap_drop, host);
        host->cgroupns_mode = (char *) o->cgroupns;
        host->dns = o->dns;
        host->dns_options = o->dns_option ? o->dns_option : o->dns_opt;
        host->dns_search = o->dns_search;
        host->group_add = o->group_add;
        host->ipc_mode = (char *) o->ipc;
        host->oom_score_adj = (int32_t) number(o->oom_score_adj);
        host->pid_mode = (char *) o->pid;
        host->is_privileged = o->privileged;
        host->is_rootfs_readonly = o->read_only;
        host->uts_mode = (char *) o->uts;
        host->userns_mode = (char *) o->userns;
        host->shm_size_bytes = number(o->shm_size);
        host->runtime = (char *) o->runtime;
        host->isolation = (char *) o->isolation;
        host->has_init = o->init;
        host->log_config.type = (char *) o->log_driver;
        host->restart_policy.name = mn_arena_strdup(arena, "no");
        pairs_add(arena, &host->log_config.config, o->log_opt);
        pairs_add(arena, &host->annotations, o->annotation);
        pairs_add(arena, &host->storage_opt, o->storage_opt);
        pairs_add(arena, &host->sysctls, o->sysctl);
        fill_console(arena, o, host);
        host->extra_hosts = fill_hosts(arena, o->add_host);
        mn_status status = MN_OK;
        if (o->restart)
                status = hostspec_restart_policy(arena, o->restart, &host->restart_policy, err);
        if (!status)
                status = hostspec_security(arena, o->security_opt, host, err);
        return status ? status : fill_resources(arena, o, &host->resources, err);
}

mn_status create_build(cli *c, const create_options *o, char **args, create_request *ret, mn_err *err) {
        *ret = (create_request){ 0 };
        mn_status status = check(o, err);
        fill_streams(o, ret);
        if (!status)
                status = fill_config(c, o, args, &ret->body.config, err);
        if (!status)
                status = fill_host(c, o, &ret->body.host_config, err);
        if (!status)
                status = create_network(c->arena, o, &ret->body, err);
        if (!status)
                status = create_storage(c->arena, o, &ret->body, err);
        return status || !o->use_api_socket ? status : create_socket_add(c, ret, err);
}

/* ---- sending it ---- */

/* Reserves the file that gets the container's id, so that two runs cannot share it. */
static mn_status open_cidfile(const char *name, mn_err *err) {
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno == EEXIST)
                return mn_fail(
                        err, MN_CONFLICT,
                        "container ID file found, make sure the other container isn't running or delete %s",
                        name);
        if (fd < 0)
                return mn_fail(err, MN_INVALID, "failed to create the container ID file: open %s: %s", name,
                               mn_strerror(-errno));
        close(fd);
        return MN_OK;
}

static mn_status write_cidfile(const char *name, const char *id, mn_err *err) {
        FILE *file = fopen(name, "we");
        if (!file || fputs(id, file) < 0 || fclose(file) != 0)
                return mn_fail_errno(err, -errno, "failed to write the container ID (%s) to the file", id);
        return MN_OK;
}

static mn_status pull_missing(cli *c, const create_options *o, const char *image, mn_err *err) {
        mn_reference reference;
        char name[MN_REFERENCE_TEXT_SIZE];
        mn_status status = mn_reference_parse(image, &reference, err);
        if (status)
                return status;
        mn_reference_add_default_tag(&reference);
        if (!o->quiet && (!o->pull || strcmp(o->pull, "always") != 0))
                fprintf(stderr, "Unable to find image '%s' locally\n",
                        mn_reference_familiar(&reference, name));
        const pull_spec spec = { .image = image,
                                 .platform = o->platform,
                                 .fd = o->quiet ? -1 : STDERR_FILENO };
        return pull_image(c, &spec, err);
}

static mn_status post_create(cli *c, const create_options *o, const create_request *request,
                             const mn_json **ret, mn_err *err) {
        cleanup_str mn_str target = MN_STR_INIT(0);
        mn_str_add(&target, "/containers/create");
        client_add_query(&target, "name", o->name);
        client_add_query(&target, "platform", o->platform && *o->platform ? o->platform : NULL);
        return cli_request_object(c, "POST", mn_str_text(&target), &wire_container_create_type,
                                  &request->body, ret, err);
}

mn_status create_container(cli *c, const create_options *o, const create_request *request,
                           const char **ret_id, mn_err *err) {
        const mn_json *answer = NULL;
        const char *image = request->body.config.image;
        bool pulls_always = o->pull && strcmp(o->pull, "always") == 0,
             pulls_never = o->pull && strcmp(o->pull, "never") == 0;
        mn_status status = o->cidfile && *o->cidfile ? open_cidfile(o->cidfile, err) : MN_OK;
        if (status)
                return status;
        if (pulls_always)
                status = pull_missing(c, o, image, err);
        if (!status)
                status = post_create(c, o, request, &answer, err);
        if (status == MN_NOT_FOUND && !pulls_always && !pulls_never &&
            strstr(mn_err_text(err), "No such image")) {
                mn_err_release(err);
                status = pull_missing(c, o, image, err);
                if (!status)
                        status = post_create(c, o, request, &answer, err);
        }
        if (!status) {
                const mn_json *warnings = mn_json_get(answer, "Warnings");
                for (const mn_json *w = warnings ? warnings->child : NULL; w; w = w->next)
                        fprintf(stderr, "WARNING: %s\n", w->text);
                *ret_id = cli_text(answer, "Id");
                status = create_socket_fill(c, request, *ret_id, err);
                if (!status && o->cidfile && *o->cidfile)
                        status = write_cidfile(o->cidfile, *ret_id, err);
        }
        if (status && o->cidfile && *o->cidfile)
                unlink(o->cidfile);
        return status;
}

int create_report(const cli *c, const mn_err *err, int code) {
        cli_failf("%s: %s\n\nRun '%s --help' for more information", c->program, mn_err_text(err), c->path);
        return code;
}
