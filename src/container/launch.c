/* SPDX-License-Identifier: Apache-2.0 */
#include "container/launch.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "container/create.h"
#include "container/links.h"
#include "container/system.h"
#include "sys/file.h"

enum { PROFILE_MAX = 4 << 20, ATTACH_TIMEOUT_MS = 10 * 1000 };

/* The container whose namespace is joined: its id, and what of it counts. */
struct joined {
        char *id;
        int32_t pid;
        bool is_host_network, is_host_ipc;
};

/* `what` begins the message: "failed to join PID namespace". */
static mn_status find_joined(struct launch *l, const char *target, const char *what, struct joined *ret,
                             mn_err *err) {
        bool is_network = strstr(what, "network") != NULL;
        ENGINE_LOCKED(l->e);
        container *other = NULL;
        mn_status status = container_find_locked(l->e, target, &other, err);
        if (status)
                return is_network ? status : mn_err_prefix(err, MN_INVALID, "%s", what);
        if (other->state.status == CONTAINER_RESTARTING)
                return mn_fail(err, MN_CONFLICT,
                               "%s: container %s is restarting, wait until the container is running", what,
                               target);
        if (!container_is_running(other) && is_network)
                return mn_fail(err, MN_CONFLICT, "%s of a non running container: container %s is %s", what,
                               other->record->name,
                               container_status_text((container_status) other->state.status));
        if (!container_is_running(other))
                return mn_fail(err, MN_CONFLICT, "%s: container %s is not running", what, target);
        const wire_host_config *host = &other->record->host_config;
        *ret = (struct joined){
                .id = mn_arena_strdup(l->arena, other->id),
                .pid = other->state.pid,
                .is_host_network = mn_str_equal(host->network_mode, "host"),
                .is_host_ipc = mn_str_equal(host->ipc_mode, "host"),
        };
        return MN_OK;
}

static mn_status look_up_network(struct launch *l, mn_err *err) {
        const char *mode = l->record->host_config.network_mode;
        const char *target = container_mode_target(mode);
        l->is_host_network = mn_str_equal(mode, "host");
        if (!target)
                return MN_OK;
        struct joined other;
        mn_status status = find_joined(l, target, "cannot join network namespace", &other, err);
        if (status)
                return status;
        l->network_target = other.id;
        l->is_host_network = other.is_host_network;
        return MN_OK;
}

static mn_status look_up_ipc(struct launch *l, mn_err *err) {
        const char *target = container_mode_target(l->record->host_config.ipc_mode);
        if (!target)
                return MN_OK;
        struct joined other;
        mn_status status = find_joined(l, target, "failed to join IPC namespace", &other, err);
        if (status)
                return status;
        l->ipc_target = other.id;
        l->ipc_pid = other.pid;
        l->is_ipc_of_host = other.is_host_ipc;
        return MN_OK;
}

static mn_status look_up_pid(struct launch *l, mn_err *err) {
        const char *target = container_mode_target(l->record->host_config.pid_mode);
        if (!target)
                return MN_OK;
        struct joined other;
        mn_status status = find_joined(l, target, "failed to join PID namespace", &other, err);
        if (!status)
                l->pid_pid = other.pid;
        return status;
}

static mn_status read_profile(struct launch *l, mn_err *err) {
        const char *path = l->e->options.seccomp_profile;
        if (mn_str_is_empty(path) || strcmp(path, "builtin") == 0 || strcmp(path, "unconfined") == 0)
                return MN_OK;
        cleanup_free char *text = NULL;
        size_t len;
        int r = mn_file_read(AT_FDCWD, path, PROFILE_MAX, &text, &len);
        if (r < 0)
                return mn_fail_errno(err, r, "opening seccomp profile (%s) failed", path);
        l->seccomp_profile = mn_arena_strndup(l->arena, text, len);
        return MN_OK;
}

mn_status launch_look_up(struct launch *l, mn_err *err) {
        const wire_host_config *host = &l->record->host_config;
        l->runtime = container_runtime_of(l->e, host->runtime);
        if (!l->runtime)
                return mn_fail(err, MN_INVALID, "unknown or invalid runtime name: %s", host->runtime);
        mn_status status = look_up_network(l, err);
        if (!status)
                status = look_up_ipc(l, err);
        if (!status)
                status = look_up_pid(l, err);
        if (!status)
                status = container_links_resolve(l->e, l->record, true, l->arena, &l->links_env, &l->hosts,
                                                 err);
        return status ? status : read_profile(l, err);
}

/* Where the files of /etc are: with the container whose network it uses. */
static char *etc_file(struct launch *l, const char *name) {
        return mn_arena_printf(l->arena, "%s/containers/%s/%s", l->e->options.data_root,
                               l->network_target ? l->network_target : l->c->id, name);
}

mn_status launch_spec_input(struct launch *l, container_spec_input *ret, mn_err *err) {
        const container_engine_options *o = &l->e->options;
        const wire_host_config *host = &l->record->host_config;
        bool has_init = host->has_init ? *host->has_init : o->has_init;
        if (has_init && !o->init_path)
                return mn_fail(err, MN_INTERNAL, "minato-init is not installed");
        *ret = (container_spec_input){
                .record = l->record,
                .user = &l->user,
                .root_path = l->runtime->is_foreign ? "rootfs" : "/proc/self/fd/10",
                .netns_path = l->is_host_network ? NULL : "/proc/self/fd/11",
                .hostname_path = etc_file(l, "hostname"),
                .hosts_path = etc_file(l, "hosts"),
                .resolv_conf_path = etc_file(l, "resolv.conf"),
                .sources = l->sources,
                .shm_path = l->shm_path,
                .init_path = has_init ? o->init_path : NULL,
                .ipc_pid = l->ipc_pid,
                .pid_pid = l->pid_pid,
                .cgroup_parent = o->cgroup_parent,
                .uses_systemd_cgroup = o->uses_systemd_cgroup,
                .has_apparmor = l->e->has_apparmor,
                .is_system = container_is_system(l->record, &l->user, has_init, l->rootfs_fd),
                .seccomp_profile = l->seccomp_profile,
                .is_seccomp_off = mn_str_equal(o->seccomp_profile, "unconfined"),
                .has_no_new_privileges = o->has_no_new_privileges,
                .is_foreign_runtime = l->runtime->is_foreign,
                .ulimits = o->ulimits,
                .nulimits = o->nulimits,
                .environment = o->environment,
                .links = l->links_env,
        };
        if (l->runtime->is_foreign && !l->is_host_network)
                ret->netns_path = mn_arena_printf(l->arena, "/proc/%d/fd/%d", (int) getpid(), l->netns_fd);
        return MN_OK;
}

static wire_shim_streams attach_streams(const container_attach_spec *spec) {
        return (wire_shim_streams){
                .has_stdin = spec->has_stdin,
                .has_stdout = spec->has_stdout,
                .has_stderr = spec->has_stderr,
                .is_framed = spec->is_framed,
                .detach_keys = (char *) spec->detach_keys,
        };
}

static char *attach_fds[] = { (char *) "client", NULL };

mn_status launch_send_attach(shim_link *link, const container_attach_spec *spec, int client_fd, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_shim_streams streams = attach_streams(spec);
        wire_shim_request request = { .op = (char *) WIRE_SHIM_ATTACH,
                                      .fds = attach_fds,
                                      .attach = &streams };
        wire_shim_message reply;
        return shim_link_call(link, &request, &client_fd, 1, ATTACH_TIMEOUT_MS, arena, &reply, NULL, err);
}

mn_status launch_post_attach(shim_link *link, const container_attach_spec *spec, int client_fd, mn_err *err) {
        wire_shim_streams streams = attach_streams(spec);
        wire_shim_request request = { .op = (char *) WIRE_SHIM_ATTACH,
                                      .fds = attach_fds,
                                      .attach = &streams };
        return shim_link_post(link, &request, &client_fd, 1, err);
}
