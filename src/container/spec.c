/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: process, namespaces, and the whole. */

#include "container/spec.h"

#include <string.h>
#include <sys/resource.h>

#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/vec.h"
#include "container/apparmor.h"
#include "container/create.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- environment ---- */

typedef MN_VEC(char *) env_vec;

static void set_variable(env_vec *env, char *entry) {
        size_t len = strcspn(entry, "=");
        for (size_t i = 0; i < env->len; i++)
                if (strncmp(env->items[i], entry, len) == 0 && env->items[i][len] == '=') {
                        env->items[i] = entry;
                        return;
                }
        mn_vec_push(env, entry);
}

static bool has_variable(const env_vec *env, const char *name) {
        size_t len = strlen(name);
        for (size_t i = 0; i < env->len; i++)
                if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
                        return true;
        return false;
}

/* What Docker sets, the container's own, and HOME. Entries without '=' name a variable to be left out. */
static char **build_env(const container_spec_input *in, bool is_tty, char *const *extra, mn_arena *arena) {
        const wire_container_config *config = &in->record->config;
        env_vec env = { 0 };
        mn_vec_push(&env, mn_arena_strdup(arena, DEFAULT_PATH));
        mn_vec_push(&env, mn_arena_printf(arena, "HOSTNAME=%s", config->hostname ? config->hostname : ""));
        if (is_tty)
                mn_vec_push(&env, mn_arena_strdup(arena, "TERM=xterm"));
        if (in->is_system)
                mn_vec_push(&env, mn_arena_strdup(arena, "container=docker"));
        for (const char *const *e = in->environment; e && *e; e++)
                set_variable(&env, mn_arena_strdup(arena, *e));
        char *const *lists[] = { in->links, config->env, extra };
        for (size_t l = 0; l < MN_ARRAY_LEN(lists); l++)
                for (char *const *e = lists[l]; e && *e; e++)
                        if (strchr(*e, '='))
                                set_variable(&env, mn_arena_strdup(arena, *e));
        if (!has_variable(&env, "HOME"))
                mn_vec_push(&env, mn_arena_printf(arena, "HOME=%s", in->user->home));
        char **list = mn_arena_array(arena, env.len + 1, sizeof *list);
        memcpy(list, env.items, env.len * sizeof *list);
        mn_vec_release(&env);
        return list;
}

/* ---- process ---- */

static char **build_args(const container_spec_input *in, mn_arena *arena) {
        const container_record *r = in->record;
        size_t n = mn_strv_len(r->args), at = 0;
        char **args = mn_arena_array(arena, n + 4, sizeof *args);
        if (in->init_path) {
                args[at++] = mn_arena_strdup(arena, "/sbin/docker-init");
                args[at++] = mn_arena_strdup(arena, "--");
        }
        args[at++] = r->path;
        for (size_t i = 0; i < n; i++)
                args[at++] = r->args[i];
        return args;
}

static uint64_t limit_value(int64_t v) {
        return v < 0 ? (uint64_t) RLIM_INFINITY : (uint64_t) v;
}

static int rlimit_number(const char *name) {
        static const struct {
                const char *name;
                int number;
        } table[] = {
                { "core", RLIMIT_CORE },         { "cpu", RLIMIT_CPU },
                { "data", RLIMIT_DATA },         { "fsize", RLIMIT_FSIZE },
                { "locks", RLIMIT_LOCKS },       { "memlock", RLIMIT_MEMLOCK },
                { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
                { "nofile", RLIMIT_NOFILE },     { "nproc", RLIMIT_NPROC },
                { "rss", RLIMIT_RSS },           { "rtprio", RLIMIT_RTPRIO },
                { "rttime", RLIMIT_RTTIME },     { "sigpending", RLIMIT_SIGPENDING },
                { "stack", RLIMIT_STACK },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++)
                if (strcmp(table[i].name, name) == 0)
                        return table[i].number;
        return -1;
}

static void add_rlimit(oci_process *p, const wire_ulimit *u, bool is_clamped, mn_arena *arena) {
        oci_rlimit limit = { .type = mn_arena_printf(arena, "RLIMIT_%s", u->name),
                             .hard = limit_value(u->hard),
                             .soft = limit_value(u->soft) };
        for (char *c = limit.type + strlen("RLIMIT_"); *c; c++)
                *c = *c >= 'a' && *c <= 'z' ? (char) (*c - 'a' + 'A') : *c;
        struct rlimit own;
        if (is_clamped && getrlimit(rlimit_number(u->name), &own) == 0) {
                limit.hard = MN_MIN(limit.hard, (uint64_t) own.rlim_max);
                limit.soft = MN_MIN(limit.soft, limit.hard);
        }
        for (size_t i = 0; i < p->rlimits.len; i++)
                if (strcmp(p->rlimits.items[i].type, limit.type) == 0) {
                        p->rlimits.items[i] = limit;
                        return;
                }
        p->rlimits.items[p->rlimits.len++] = limit;
}

static void set_rlimits(const container_spec_input *in, oci_process *p, mn_arena *arena) {
        const wire_resources *r = &in->record->host_config.resources;
        p->rlimits.items = mn_arena_array(arena, in->nulimits + r->ulimits.len + 1, sizeof *p->rlimits.items);
        for (size_t i = 0; i < in->nulimits; i++)
                add_rlimit(p, &in->ulimits[i], true, arena);
        for (size_t i = 0; i < r->ulimits.len; i++)
                add_rlimit(p, &r->ulimits.items[i], false, arena);
}

static void set_user(const container_user *user, oci_process *p) {
        p->user.uid = user->uid;
        p->user.gid = user->gid;
        p->user.additional_gids = user->groups;
}

/* Bounding set for all; what takes effect only for root, as execve would have it. */
static void set_capabilities(char **names, oci_process *p, mn_arena *arena) {
        p->capabilities = mn_arena_alloc(arena, sizeof *p->capabilities);
        p->capabilities->bounding = names;
        if (p->user.uid == 0)
                p->capabilities->effective = p->capabilities->permitted = names;
}

static oci_process *build_process(const container_spec_input *in, mn_arena *arena) {
        const container_record *r = in->record;
        const wire_host_config *host = &r->host_config;
        oci_process *p = mn_arena_alloc(arena, sizeof *p);
        p->terminal = r->config.is_tty;
        if (p->terminal && host->console_size.len == 2 && host->console_size.items[0]) {
                p->console_size = mn_arena_alloc(arena, sizeof *p->console_size);
                p->console_size->height = host->console_size.items[0];
                p->console_size->width = host->console_size.items[1];
        }
        set_user(in->user, p);
        p->args = build_args(in, arena);
        p->env = build_env(in, p->terminal, NULL, arena);
        p->cwd = mn_arena_strdup(arena, mn_str_is_empty(r->config.working_dir) ? "/" : r->config.working_dir);
        set_capabilities(container_capabilities(host, host->is_privileged, arena), p, arena);
        set_rlimits(in, p, arena);
        p->no_new_privileges = container_security_flag(host, "no-new-privileges", in->has_no_new_privileges);
        const char *profile = container_apparmor_profile(host, in->has_apparmor);
        p->apparmor_profile = *profile && strcmp(profile, "unconfined") ? mn_arena_strdup(arena, profile)
                                                                        : NULL;
        if (host->oom_score_adj) {
                p->oom_score_adj = mn_arena_alloc(arena, sizeof *p->oom_score_adj);
                *p->oom_score_adj = host->oom_score_adj;
        }
        return p;
}

void container_spec_exec(const container_exec_input *in, mn_arena *arena, oci_process *ret) {
        const container_spec_input *spec = in->spec;
        const wire_host_config *host = &spec->record->host_config;
        *ret = *build_process(spec, arena);
        ret->terminal = in->request->is_tty;
        ret->console_size = NULL;
        ret->args = in->request->cmd;
        ret->env = build_env(spec, in->request->is_tty, in->request->env, arena);
        if (!mn_str_is_empty(in->request->working_dir))
                ret->cwd = in->request->working_dir;
        bool is_privileged = in->request->is_privileged || host->is_privileged;
        set_capabilities(container_capabilities(host, is_privileged, arena), ret, arena);
        if (in->request->is_privileged)
                ret->apparmor_profile = NULL;
}

/* ---- namespaces ---- */

static void add_namespace(oci_linux *l, const char *type, const char *path, mn_arena *arena) {
        l->namespaces.items[l->namespaces.len++] = (oci_namespace){
                .type = mn_arena_strdup(arena, type), .path = path ? mn_arena_strdup(arena, path) : NULL
        };
}

static void add_shared_namespace(oci_linux *l, const char *type, const char *mode, int32_t pid,
                                 mn_arena *arena) {
        if (mn_str_equal(mode, "host"))
                return;
        bool is_joined = container_mode_target(mode) != NULL;
        add_namespace(l, type, is_joined ? mn_arena_printf(arena, "/proc/%d/ns/%s", pid, type) : NULL, arena);
}

static void set_namespaces(const container_spec_input *in, oci_linux *l, mn_arena *arena) {
        const wire_host_config *host = &in->record->host_config;
        l->namespaces.items = mn_arena_array(arena, 8, sizeof *l->namespaces.items);
        add_namespace(l, "mount", NULL, arena);
        if (in->netns_path)
                add_namespace(l, "network", in->netns_path, arena);
        if (!mn_str_equal(host->uts_mode, "host"))
                add_namespace(l, "uts", NULL, arena);
        add_shared_namespace(l, "pid", host->pid_mode, in->pid_pid, arena);
        add_shared_namespace(l, "ipc", host->ipc_mode, in->ipc_pid, arena);
        if (!mn_str_equal(host->cgroupns_mode, "host"))
                add_namespace(l, "cgroup", NULL, arena);
}

/* ---- the whole ---- */

static bool has_sysctl(const mn_str_map *map, const char *name) {
        return mn_str_map_get(map, name) != NULL;
}

/* Docker's two, where the network namespace is the container's own, and the user's. */
static void set_sysctls(const container_spec_input *in, oci_linux *l, mn_arena *arena) {
        const wire_host_config *host = &in->record->host_config;
        bool has_own_network = in->netns_path && !container_mode_target(host->network_mode);
        for (size_t i = 0; i < host->sysctls.len; i++)
                mn_str_map_set(&l->sysctl, arena, host->sysctls.items[i].key, host->sysctls.items[i].value);
        if (has_own_network && !has_sysctl(&l->sysctl, "net.ipv4.ip_unprivileged_port_start"))
                mn_str_map_set(&l->sysctl, arena, "net.ipv4.ip_unprivileged_port_start", "0");
        if (has_own_network && !has_sysctl(&l->sysctl, "net.ipv4.ping_group_range"))
                mn_str_map_set(&l->sysctl, arena, "net.ipv4.ping_group_range", "0 2147483647");
}

static char *cgroups_path(const container_spec_input *in, mn_arena *arena) {
        const char *parent = in->record->host_config.resources.cgroup_parent;
        if (mn_str_is_empty(parent))
                parent = in->cgroup_parent;
        if (in->uses_systemd_cgroup)
                return mn_arena_printf(arena, "%s:minato:%s",
                                       mn_str_is_empty(parent) ? "system.slice" : parent, in->record->id);
        if (mn_str_is_empty(parent))
                parent = "/minato";
        return mn_arena_printf(arena, "%s%s%s%s", *parent == '/' ? "" : "/", parent,
                               mn_str_has_suffix(parent, "/") ? "" : "/", in->record->id);
}

mn_status container_spec_build(const container_spec_input *in, mn_arena *arena, oci_spec *ret, mn_err *err) {
        const container_record *r = in->record;
        *ret = (oci_spec){ .oci_version = mn_arena_strdup(arena, OCI_VERSION) };
        ret->process = build_process(in, arena);
        ret->root = mn_arena_alloc(arena, sizeof *ret->root);
        ret->root->path = mn_arena_strdup(arena, in->root_path);
        ret->root->readonly = r->host_config.is_rootfs_readonly;
        if (!mn_str_equal(r->host_config.uts_mode, "host")) {
                ret->hostname = mn_str_is_empty(r->config.hostname) ? NULL : r->config.hostname;
                ret->domainname = mn_str_is_empty(r->config.domainname) ? NULL : r->config.domainname;
        }
        ret->linux_ = mn_arena_alloc(arena, sizeof *ret->linux_);
        ret->linux_->cgroups_path = cgroups_path(in, arena);
        ret->linux_->resources = mn_arena_alloc(arena, sizeof *ret->linux_->resources);
        for (size_t i = 0; i < r->host_config.annotations.len; i++)
                mn_str_map_set(&ret->annotations, arena, r->host_config.annotations.items[i].key,
                               r->host_config.annotations.items[i].value);
        if (in->is_system && !in->is_foreign_runtime && !mn_str_equal(r->host_config.cgroupns_mode, "host"))
                mn_str_map_set(&ret->annotations, arena, OCI_ANNOTATION_CGROUP, "delegate");
        set_namespaces(in, ret->linux_, arena);
        set_sysctls(in, ret->linux_, arena);
        container_spec_mounts(in, arena, ret);
        mn_status status = container_spec_resources(&r->host_config.resources, arena, ret->linux_->resources,
                                                    err);
        if (!status)
                status = container_spec_devices(in, arena, ret, err);
        return status ? status : container_spec_security(in, arena, ret, err);
}
