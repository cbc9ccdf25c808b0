/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of a container, by its fast path. What can be done at the same time is: the shim (started ahead,
 * spare.c) makes the streams and opens the log, and a worker makes the network, while this thread mounts the
 * root, looks up the user and writes config.json. The bundle's directory comes first: it is the record that
 * something is under way, and the next daemon finds it (restore.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "container/apparmor.h"
#include "container/create.h"
#include "container/engine.h"
#include "container/launch.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/mountpoint.h"
#include "sys/path.h"

/* ---- the network, in a worker ---- */

struct network_job {
        struct launch *l;
        pthread_mutex_t lock;
        pthread_cond_t done;
        bool is_done;
        mn_status status;
        mn_err err;
        int netns_fd;
};

static mn_status make_network(struct launch *l, int *ret_fd, mn_err *err) {
        const container_record *r = l->record;
        network_manager *networks = l->e->options.networks;
        if (l->network_target)
                return l->is_host_network ? MN_OK
                                          : network_sandbox_netns(networks, l->network_target, ret_fd, err);
        network_attachment *attachments = mn_alloc_array(r->endpoints.len + 1, sizeof *attachments);
        for (size_t i = 0; i < r->endpoints.len; i++)
                attachments[i] = (network_attachment){ r->endpoints.items[i].key,
                                                       r->endpoints.items[i].value };
        const network_sandbox_spec spec = {
                .container_id = r->id,
                .container_name = r->name,
                .hostname = r->config.hostname,
                .attachments = attachments,
                .nattachments = r->endpoints.len,
                .ports = &r->host_config.port_bindings,
                .exposed = r->config.exposed_ports,
                .publish_all = r->host_config.publishes_all_ports,
                .dns = r->host_config.dns && r->host_config.dns[0] ? r->host_config.dns : NULL,
        };
        mn_status status = network_sandbox_create(networks, &spec, ret_fd, err);
        mn_freep(&attachments);
        return status;
}

static void run_network_job(void *arg) {
        struct network_job *job = arg;
        mn_status status = make_network(job->l, &job->netns_fd, &job->err);
        pthread_mutex_lock(&job->lock);
        job->status = status;
        job->is_done = true;
        pthread_cond_signal(&job->done);
        pthread_mutex_unlock(&job->lock);
}

static void begin_network(struct network_job *job, struct launch *l) {
        *job = (struct network_job){ .l = l, .netns_fd = -1 };
        pthread_mutex_init(&job->lock, NULL);
        pthread_cond_init(&job->done, NULL);
        if (loop_workers_run(l->e->workers, run_network_job, job) < 0)
                run_network_job(job);
}

static mn_status finish_network(struct network_job *job, mn_err *err) {
        pthread_mutex_lock(&job->lock);
        while (!job->is_done)
                pthread_cond_wait(&job->done, &job->lock);
        pthread_mutex_unlock(&job->lock);
        struct launch *l = job->l;
        l->netns_fd = job->netns_fd;
        l->c->has_sandbox = !job->status && !container_mode_target(l->record->host_config.network_mode);
        mn_status status = job->status ? mn_fail(err, job->status, "%s", mn_err_text(&job->err)) : MN_OK;
        mn_err_release(&job->err);
        pthread_mutex_destroy(&job->lock);
        pthread_cond_destroy(&job->done);
        return status;
}

/* ---- root, user, volumes ---- */

static mn_status mount_root(struct launch *l, mn_err *err) {
        const container_record *r = l->record;
        const image_rootfs_spec spec = {
                .image_id = r->image_id,
                .container_fd = l->directory_fd,
                .has_init_layer = true,
                .is_volatile = r->host_config.is_auto_remove,
        };
        return image_rootfs_mount(l->e->options.images, &spec, &l->rootfs_fd, err);
}

static mn_status make_working_dir(struct launch *l, mn_err *err) {
        const char *path = l->record->config.working_dir;
        if (mn_str_is_empty(path) || strcmp(path, "/") == 0)
                return MN_OK;
        cleanup_close int fd = mn_mkdir_in_root(l->rootfs_fd, path, 0755, 0, 0);
        if (fd < 0 && fd != -EROFS)
                return mn_fail(err, MN_INVALID, "cannot make working directory \"%s\": %s", path,
                               mn_strerror(fd));
        return MN_OK;
}

/* "shared" and "slave" say what the host's mounts below the source mean for the container's: nothing, when
   the source is on a mount that shares none. */
static mn_status check_propagation(const container_mount *m, mn_err *err) {
        bool wants_shared = m->propagation && strstr(m->propagation, "shared");
        if (!wants_shared && !(m->propagation && strstr(m->propagation, "slave")))
                return MN_OK;
        cleanup_mount_point mn_mount_point at = { 0 };
        int r = mn_mount_point_of(m->source, &at);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot find the mount of '%s'", m->source);
        if (at.is_shared || (at.is_slave && !wants_shared))
                return MN_OK;
        return mn_fail(err, MN_INTERNAL, "path %s is mounted on %s but it is not a shared%s mount", m->source,
                       at.path, wants_shared ? "" : " or slave");
}

static mn_status bind_source(const container_mount *m, char **ret, mn_err *err) {
        *ret = m->source;
        struct stat st;
        if (stat(m->source, &st) == 0)
                return check_propagation(m, err);
        if (errno != ENOENT || !m->creates_source)
                return mn_fail(err, MN_INVALID,
                               "invalid mount config for type \"bind\": bind source path does not "
                               "exist: %s",
                               m->source);
        int r = mn_mkdir_p(m->source, 0755);
        return r < 0 ? mn_fail_errno(err, r, "error while creating mount source path '%s'", m->source)
                     : check_propagation(m, err);
}

/* A directory of the volume, resolved inside it. */
static mn_status volume_subpath(struct launch *l, const container_mount *m, char **path, mn_err *err) {
        if (mn_str_is_empty(m->subpath))
                return MN_OK;
        cleanup_close int root = open(*path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        cleanup_close int fd = root < 0 ? -errno : mn_open_beneath(root, m->subpath, O_PATH, 0);
        if (fd < 0)
                return mn_fail(err, MN_INVALID, "cannot access path %s/%s: %s", *path, m->subpath,
                               mn_strerror(fd));
        char link[32], real[4096];
        ssize_t n = readlink(mn_fd_path(fd, link), real, sizeof real - 1);
        if (n < 0)
                return mn_fail_errno(err, -errno, "cannot access path %s/%s", *path, m->subpath);
        *path = mn_arena_strndup(l->arena, real, (size_t) n);
        return MN_OK;
}

static mn_status use_volume(struct launch *l, const container_mount *m, char **ret, mn_err *err) {
        volume_store *volumes = l->e->options.volumes;
        mn_status status = volume_use(volumes, m->name, l->c->id, false, l->arena, ret, err);
        if (status)
                return status;
        if (!l->c->state.was_started && !m->has_no_copy && mn_str_is_empty(m->subpath))
                status = volume_copy_up(volumes, m->name, l->rootfs_fd, m->destination, err);
        return status ? status : volume_subpath(l, m, ret, err);
}

static mn_status use_mounts(struct launch *l, mn_err *err) {
        const container_mount_list *mounts = &l->record->mounts;
        l->sources = mn_arena_array(l->arena, mounts->len + 1, sizeof *l->sources);
        mn_status status = MN_OK;
        for (size_t i = 0; i < mounts->len && !status; i++) {
                const container_mount *m = &mounts->items[i];
                if (strcmp(m->type, "bind") == 0)
                        status = bind_source(m, &l->sources[i], err);
                else if (strcmp(m->type, "volume") == 0)
                        status = use_volume(l, m, &l->sources[i], err);
                else if (strcmp(m->type, "image") == 0)
                        status = launch_mount_image(l, i, &l->sources[i], err);
                l->c->nvolumes_used = i + 1;
        }
        return status;
}

/* ---- files ---- */

static mn_status write_file(struct launch *l, const char *name, const char *text, size_t len, mn_err *err) {
        int r = mn_file_create(l->directory_fd, name, text, len, 0644);
        if (r == -EEXIST) /* not the first start */
                r = mn_file_replace(l->directory_fd, name, text, len, 0644);
        return r < 0 ? mn_fail_errno(err, r, "cannot write the container's %s", name) : MN_OK;
}

/* hostname, hosts and resolv.conf; for "container:ID" they are the other's. */
static mn_status write_network_files(struct launch *l, mn_err *err) {
        const container_record *r = l->record;
        if (container_mode_target(r->host_config.network_mode))
                return MN_OK;
        cleanup_str mn_str hosts = { 0 }, resolv = { 0 }, hostname = { 0 };
        mn_str_printf(&hostname, "%s\n", r->config.hostname ? r->config.hostname : "");
        const network_resolv_spec spec = {
                .container_id = r->id,
                .is_host_network = l->is_host_network,
                .dns = r->host_config.dns && r->host_config.dns[0] ? r->host_config.dns : NULL,
                .search = r->host_config.dns_search,
                .options = r->host_config.dns_options,
        };
        mn_status status = network_resolv_conf(l->e->options.networks, &spec, &resolv, err);
        if (!status)
                status = network_hosts_file(l->e->options.networks, r->id, r->config.hostname,
                                            r->config.domainname, l->hosts, &hosts, err);
        if (!status)
                status = write_file(l, "hostname", hostname.data, hostname.len, err);
        if (!status)
                status = write_file(l, "hosts", mn_str_text(&hosts), hosts.len, err);
        return status ? status : write_file(l, "resolv.conf", mn_str_text(&resolv), resolv.len, err);
}

static mn_status write_config(struct launch *l, mn_err *err) {
        container_spec_input in;
        mn_status status = launch_spec_input(l, &in, err);
        if (status)
                return status;
        oci_spec spec;
        status = container_spec_build(&in, l->arena, &spec, err);
        if (status)
                return status;
        cleanup_str mn_str text = MN_STR_INIT(8 << 20);
        mn_json_encode(&oci_spec_type, &spec, 0, &text);
        int r = mn_str_error(&text);
        if (r >= 0)
                r = mn_file_create(l->bundle_fd, "config.json", text.data, text.len, 0600);
        return r < 0 ? mn_fail_errno(err, r, "cannot write config.json") : MN_OK;
}

static mn_status make_bundle(struct launch *l, mn_err *err) {
        l->directory_fd = container_open_directory(l->c);
        if (l->directory_fd < 0)
                return mn_fail_errno(err, l->directory_fd, "cannot open the container's directory");
        l->bundle_fd = container_bundle_make(l->c);
        return l->bundle_fd < 0
                       ? mn_fail_errno(err, l->bundle_fd, "cannot make the bundle of container %s", l->c->id)
                       : MN_OK;
}

/* A foreign runtime gets the root as a path. */
static mn_status attach_root(struct launch *l, mn_err *err) {
        if (!l->runtime->is_foreign)
                return MN_OK;
        if (mkdirat(l->bundle_fd, "rootfs", 0700) < 0)
                return mn_fail_errno(err, -errno, "cannot make the mount point of the root");
        int r = mn_mount_attach_at(l->rootfs_fd, l->bundle_fd, "rootfs");
        return r < 0 ? mn_fail_errno(err, r, "cannot mount the root") : MN_OK;
}

/* ---- the shim ---- */

static mn_status send_pending(struct launch *l, mn_err *err) {
        MN_VEC(pending_attach) pending = { 0 };
        engine_lock(l->e);
        memcpy(&pending, &l->c->pending, sizeof pending);
        memset(&l->c->pending, 0, sizeof l->c->pending);
        engine_unlock(l->e);
        mn_status status = MN_OK;
        for (size_t i = 0; i < pending.len; i++) {
                pending_attach *p = &pending.items[i];
                if (!status)
                        status = launch_post_attach(l->link, &p->spec, p->fd, err);
                mn_close(p->fd);
                mn_freep(&p->detach_keys);
        }
        mn_vec_release(&pending);
        return status;
}

static mn_status fill_log(struct launch *l, wire_shim_log *ret, mn_err *err) {
        const wire_log_config *log = &l->record->host_config.log_config;
        logs_config config = { 0 };
        mn_status status = logs_config_parse(log->type, &log->config, &config, err);
        *ret = (wire_shim_log){ .driver = (char *) config.driver,
                                .path = container_path(l->c, l->arena,
                                                       mn_arena_printf(l->arena, "%s-json.log", l->c->id)),
                                .max_size_bytes = config.max_size_bytes,
                                .max_file = config.max_file };
        return status;
}

/* All that the shim can do without the root: its part is done while we mount it. */
static mn_status prepare_shim(struct launch *l, mn_err *err) {
        const container_record *r = l->record;
        wire_shim_start start = {
                .container_id = l->c->id,
                .bundle = container_bundle_path(l->c, l->arena, ""),
                .runtime = (char *) l->runtime->path,
                .runtime_root = container_bundle_path(l->c, l->arena, "runtime"),
                .runtime_args = (char **) l->runtime->args,
                .is_foreign = l->runtime->is_foreign,
                .is_tty = r->config.is_tty,
                .has_stdin = r->config.has_open_stdin,
                .is_stdin_once = r->config.is_stdin_once,
        };
        if (r->host_config.console_size.len == 2) {
                start.console_height = (int32_t) r->host_config.console_size.items[0];
                start.console_width = (int32_t) r->host_config.console_size.items[1];
        }
        mn_status status = fill_log(l, &start.log, err);
        char *names[] = { (char *) "bundle", NULL };
        wire_shim_request request = { .op = (char *) WIRE_SHIM_PREPARE, .fds = names, .start = &start };
        if (!status) /* from now on it holds the bundle, even while this is on its way */
                status = shim_link_post(l->link, &request, &l->bundle_fd, 1, err);
        return status ? status : send_pending(l, err);
}

static mn_status start_shim(struct launch *l, mn_err *err) {
        container_wait_attached(l->c);
        mn_status status = send_pending(l, err); /* who came meanwhile */
        if (status)
                return status;
        char *names[3] = { NULL };
        int fds[2];
        size_t n = 0;
        if (!l->runtime->is_foreign) {
                names[n] = (char *) "rootfs";
                fds[n++] = l->rootfs_fd;
                if (l->netns_fd >= 0) {
                        names[n] = (char *) "netns";
                        fds[n++] = l->netns_fd;
                }
        }
        wire_shim_request request = { .op = (char *) WIRE_SHIM_RUN, .fds = names };
        wire_shim_message reply = { 0 };
        status = shim_link_call(l->link, &request, fds, n, CONTAINER_START_TIMEOUT_MS, l->arena, &reply,
                                &l->pidfd, err);
        l->pid = reply.pid;
        l->started_at = reply.started_at ? reply.started_at : mn_now_ns();
        l->failure_code = reply.code;
        if (status && (reply.code == 126 || reply.code == 127))
                status = MN_INVALID;
        return status ? mn_err_prefix(err, status, "failed to create task for container") : MN_OK;
}

/* ---- together ---- */

static mn_status prepare(struct launch *l, mn_err *err) {
        mn_status status = mount_root(l, err);
        if (!status)
                status = attach_root(l, err);
        if (!status)
                status = container_user_lookup(l->rootfs_fd, l->record->config.user,
                                               l->record->host_config.group_add, l->arena, &l->user, err);
        if (!status)
                status = make_working_dir(l, err);
        if (!status)
                status = use_mounts(l, err);
        if (!status)
                status = launch_share_memory(l, err);
        const char *profile = container_apparmor_profile(&l->record->host_config, l->e->has_apparmor);
        if (!status && mn_str_equal(profile, CONTAINER_DEFAULT_PROFILE))
                status = container_apparmor_load_default(err);
        /* A foreign runtime is told the namespace by a path that needs the descriptor. */
        if (!status && !l->runtime->is_foreign)
                status = write_config(l, err);
        return status;
}

static mn_status launch(struct launch *l, mn_err *err) {
        mn_status status = launch_look_up(l, err);
        if (!status)
                status = make_bundle(l, err);
        if (!status)
                status = container_take_shim(l->e, &l->link, err);
        if (status)
                return status;
        struct network_job job;
        begin_network(&job, l);
        status = prepare_shim(l, err);
        if (!status)
                status = prepare(l, err);
        cleanup_err mn_err network_err = { 0 };
        mn_status network_status = finish_network(&job, &network_err);
        if (!status && network_status)
                status = mn_fail(err, network_status, "%s", mn_err_text(&network_err));
        if (!status && l->runtime->is_foreign)
                status = write_config(l, err);
        if (!status)
                status = write_network_files(l, err);
        if (!status)
                status = start_shim(l, err);
        if (l->has_images && !status) /* the container has copies */
                container_image_mounts_detach(l->c);
        return status;
}

static void started(struct launch *l) {
        container *c = l->c;
        engine_lock(l->e);
        c->run++;
        c->state.status = CONTAINER_RUNNING;
        c->state.pid = l->pid;
        c->state.started_at = l->started_at;
        c->state.exit_code = 0;
        c->state.is_oom_killed = false;
        c->state.was_started = true;
        c->state.is_manually_stopped = false;
        c->is_stop_wanted = false;
        container_set_error(c, "");
        mn_close(c->pidfd);
        c->pidfd = MN_TAKE_FD(l->pidfd);
        c->shim = shim_link_ref(l->link);
        container_health_begin(c);
        container_notify(c);
        engine_unlock(l->e);
        container_event(c, "start", NULL);
        container_watch_shim(c, l->link);
        container_run_job(c, container_save_state);
}

static void failed(struct launch *l, const char *text) {
        container *c = l->c;
        l->bundle_fd = mn_close(l->bundle_fd); /* its lock was ours, too */
        if (l->link)
                shim_link_kill(l->link);
        engine_lock(l->e);
        c->shim = l->link ? shim_link_ref(l->link) : NULL; /* for the tear-down to wait for */
        container_set_error(c, text);
        c->state.exit_code = l->failure_code ? l->failure_code : 128;
        if (c->state.status == CONTAINER_RESTARTING) {
                c->state.status = CONTAINER_EXITED;
                c->state.finished_at = mn_now_ns();
                container_waits_exited(c);
        }
        container_notify(c);
        engine_unlock(l->e);
        container_tear_down(c);
        container_save_state(c);
}

mn_status container_launch(container *c, mn_err *err) {
        container_tear_down(c); /* what the last run may have left */
        struct launch l = { .c = c,
                            .e = c->engine,
                            .record = c->record,
                            .arena = mn_arena_new(),
                            .bundle_fd = -1,
                            .directory_fd = -1,
                            .rootfs_fd = -1,
                            .netns_fd = -1,
                            .pidfd = -1 };
        cleanup_err mn_err failure = { 0 };
        mn_status status = launch(&l, &failure);
        if (status) {
                failed(&l, mn_err_text(&failure));
                status = mn_fail(err, status, "%s", mn_err_text(&failure));
        } else {
                started(&l);
                cleanup_err mn_err gone = { 0 };
                (void) !send_pending(&l, &gone); /* who came since, to a container that was not running yet */
        }
        container_want_spare_shim(l.e);
        shim_link_unref(l.link);
        mn_close(l.bundle_fd);
        mn_close(l.directory_fd);
        mn_close(l.rootfs_fd);
        mn_close(l.netns_fd);
        mn_close(l.pidfd);
        mn_arena_free(l.arena);
        return status;
}

mn_status container_start(container_engine *e, const char *name, const char *detach_keys, mn_err *err) {
        (void) detach_keys; /* each attached client brings its own */
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (status)
                return status;
        container *c = op.c;
        engine_lock(e);
        container_status now = c->state.status;
        c->state.restart_count = 0;
        c->restart_delay_ms = 0;
        if (now == CONTAINER_RESTARTING)
                c->state.status = CONTAINER_EXITED; /* the timer finds nothing to do */
        engine_unlock(e);
        if (now == CONTAINER_PAUSED)
                return mn_fail(err, MN_CONFLICT, "cannot start a paused container, try unpause instead");
        if (now == CONTAINER_RUNNING)
                return mn_fail(err, MN_NOT_MODIFIED, "container %s is running", c->id);
        if (now == CONTAINER_DEAD || now == CONTAINER_REMOVING)
                return mn_fail(err, MN_CONFLICT, "container is marked for removal and cannot be started");
        status = container_launch(c, err);
        if (status && c->record->host_config.is_auto_remove) {
                cleanup_err mn_err removal = { 0 };
                if (container_remove_locked(c, true, &removal))
                        mn_log(MN_LOG_ERROR, "cannot remove a container that did not start",
                               " container=%s error=\"%s\"", c->id, mn_err_text(&removal));
        }
        return status;
}
