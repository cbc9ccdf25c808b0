/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/strv.h"
#include "base/time.h"
#include "oci/seccomp_profile.h"
#include "runtime/console.h"
#include "runtime/hooks.h"
#include "runtime/idmap.h"
#include "runtime/net_devices.h"
#include "runtime/resctrl.h"
#include "runtime/resources.h"
#include "runtime/rootfs.h"
#include "sys/clone.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"
#include "sys/spawn.h"

/* The configuration and the seccomp program fill half of it. In one mapping of its own (above the allocator's
   threshold) pages are there when they are written, and only then. */
enum { ARENA_SIZE = 256 << 10 };

enum { CGROUP_DELETE_MS = 2000 };

/* The fast way is for containers that need nothing of a parent between birth and execution. */
static bool can_be_fast(const launch *l) {
        const oci_hooks *hooks = l->spec->hooks;
        const oci_linux *linux_ = l->spec->linux_;
        return !l->waits_for_start && !(l->namespaces.create_flags & (CLONE_NEWUSER | CLONE_NEWTIME)) &&
               !(l->namespaces.join_flags & (CLONE_NEWUSER | CLONE_NEWTIME)) &&
               !(hooks && (hooks->prestart.len || hooks->create_runtime.len)) && !l->source_fds &&
               !(linux_ && (linux_->net_devices.len || linux_->intel_rdt));
}

/* ---- what is prepared ---- */

/* root.path as a detached mount. "/proc/self/fd/N" of a mount that is in no table is taken as it is;
   everything else is copied with what is mounted below it. */
static mn_status open_root(launch *l, mn_err *err) {
        const char *path = l->spec->root->path;
        char target[8] = "";
        if (mn_str_has_prefix(path, "/proc/self/fd/") && readlink(path, target, sizeof(target)) == 1 &&
            *target == '/')
                l->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        else
                l->root_fd = mn_mount_clone(*path == '/' ? AT_FDCWD : l->bundle_fd, path, true);
        struct stat st;
        if (l->root_fd < 0)
                return mn_fail_errno(err, l->root_fd == -1 ? -errno : l->root_fd, "root.path: \"%s\"", path);
        if (fstat(l->root_fd, &st) < 0 || !S_ISDIR(st.st_mode))
                return mn_fail(err, MN_INVALID, "root.path: \"%s\" is not a directory", path);
        return MN_OK;
}

static mn_status prepare_seccomp(launch *l, mn_err *err) {
        const oci_seccomp *section = l->spec->linux_ ? l->spec->linux_->seccomp : NULL;
        oci_seccomp built_in;
        const char *wanted = mn_str_map_get(&l->spec->annotations, OCI_ANNOTATION_SECCOMP);
        if (!section && wanted && strcmp(wanted, "default") == 0) {
                oci_seccomp_default(&(oci_seccomp_context){ .capabilities = l->process.caps.bounding },
                                    l->arena, &built_in);
                section = &built_in;
        }
        if (!section)
                return MN_OK;
        mn_status st = seccomp_compile(section, l->arena, &l->process.seccomp, err);
        if (st == MN_OK && l->process.seccomp.has_listener) {
                st = console_connect(section->listener_path, &l->listener_fd, err);
                if (st)
                        return mn_err_prefix(err, st, "linux.seccomp.listenerPath");
        }
        return st;
}

/* The scope, whose memory limits wait until the set-up is done. */
static mn_status start_scope(launch *l, mn_err *err) {
        mn_status st = systemd_cgroup_start(&l->systemd, l->id, l->spec, &l->cgroup_host, &l->holder, err);
        if (st == MN_OK)
                l->has_scope = true;
        return st;
}

static mn_status create_cgroup(launch *l, const char *path, mn_err *err) {
        const oci_resources *res = l->spec->linux_ ? l->spec->linux_->resources : NULL;
        int r = mn_cgroup_create(&l->cgroup_host, path, resources_controllers(&l->cgroup_host, res),
                                 &l->cgroup, NULL);
        if ((r == -EACCES || r == -EPERM || r == -EROFS) && runtime_is_rootless()) {
                runtime_warn(l->rt, "linux.cgroupsPath: \"%s\" cannot be made: no limits, no pause, no ps",
                             path);
                l->lacks_cgroup = true;
                return resources_apply(&l->cgroup, res, err); /* refuses a limit by its name */
        }
        if (r < 0)
                return mn_fail_errno(err, r, "linux.cgroupsPath: creating \"%s\"", path);
        if (l->has_scope)
                resources_lift_memory(&l->cgroup);
        mn_status st = resources_apply(&l->cgroup, res, err);
        l->memory_limit_fd = resources_open_memory_limit(&l->cgroup, res);
        return st == MN_OK ? resources_apply_devices(&l->cgroup, res, err) : st;
}

static mn_status prepare_cgroup(launch *l, mn_err *err) {
        const char *path = l->spec->linux_ ? l->spec->linux_->cgroups_path : NULL;
        int r = mn_cgroup_host_init(&l->cgroup_host);
        if (r < 0)
                return r == -ENOENT ? MN_OK : mn_fail_errno(err, r, "reading the cgroups of this host");
        mn_status st = MN_OK;
        if (l->rt->uses_systemd) {
                st = systemd_unit_parse(path, l->id, &l->systemd, err);
                if (st == MN_OK)
                        st = start_scope(l, err);
                path = l->systemd.path;
        } else if (!path || !*path) {
                path = l->id;
        }
        return st == MN_OK ? create_cgroup(l, path, err) : st;
}

static char *find_resctrl(const launch *l) {
        cleanup_free char *mount = l->spec->linux_ && l->spec->linux_->intel_rdt ? resctrl_mount() : NULL;
        return mount ? mn_arena_strdup(l->arena, mount) : NULL;
}

/* What `start` and the child will speak through. */
static mn_status prepare_start(launch *l, mn_err *err) {
        int r = mkfifoat(l->state_fd, CONTAINER_FIFO, 0600) < 0 ? -errno : 0;
        /* Opened without waiting: the child polls it until `start` writes. */
        if (r == 0)
                r = l->fifo_fd = openat(l->state_fd, CONTAINER_FIFO, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (r >= 0 && l->spec->hooks && l->spec->hooks->start_container.len)
                r = l->start_error_fd = openat(l->state_fd, CONTAINER_START_ERROR,
                                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return r < 0 ? mn_fail_errno(err, -errno, "writing the state of the container") : MN_OK;
}

static mn_status prepare_record(launch *l, mn_err *err) {
        char now[MN_TIME_TEXT_SIZE];
        const char *root = l->spec->root->path;
        l->record = (container_record){
                .oci_version = l->spec->oci_version,
                .id = (char *) (uintptr_t) l->id,
                .bundle = l->bundle,
                .rootfs = *root == '/' ? l->spec->root->path
                                       : mn_arena_printf(l->arena, "%s/%s", l->bundle, root),
                .created = mn_arena_strdup(l->arena, mn_time_format(mn_now_ns(), now)),
                .systemd_unit = l->systemd.name,
                .join_flags = l->namespaces.create_flags | l->namespaces.join_flags,
                .preserve_fds = l->options->preserve_fds,
                .is_plain = !l->spec->hooks && !(l->spec->linux_ && l->spec->linux_->intel_rdt),
                .resctrl = find_resctrl(l),
        };
        mn_str_pair *paths = mn_arena_array(l->arena, l->cgroup.len, sizeof(*paths));
        for (size_t i = 0; i < l->cgroup.len; i++)
                paths[i] = (mn_str_pair){ (char *) (uintptr_t) l->cgroup.dirs[i].key,
                                          l->cgroup.dirs[i].path };
        l->record.cgroup_paths = (mn_str_map){ paths, l->cgroup.len };
        return l->waits_for_start ? prepare_start(l, err) : MN_OK;
}

mn_status launch_commit(launch *l, mn_err *err) {
        l->record.pid = l->pid;
        int r = container_pid_key(l->is_fast ? getpid() : l->pid, &l->record.pid_key);
        if (r < 0)
                return mn_fail_errno(err, r, "identifying the process");
        return container_save(l->state_fd, &l->record, err);
}

/* ---- the child ---- */

/* What is done from outside when the namespaces exist: interfaces, the resctrl group, the runtime's hooks. */
static mn_status equip_namespaces(launch *l, mn_err *err) {
        const oci_hooks *hooks = l->spec->hooks;
        mn_status st = net_devices_move(l->spec->linux_, l->pid, err);
        if (st == MN_OK && l->record.resctrl)
                st = resctrl_apply(l->record.resctrl, l->spec->linux_->intel_rdt, l->id, l->pid, err);
        if (st || !hooks)
                return st;
        l->has_environment = true;
        l->record.pid = l->pid;
        oci_state state = container_oci_state(&l->record, CONTAINER_CREATING, &l->spec->annotations);
        st = hooks_run(&hooks->prestart, "prestart", &state, err);
        return st == MN_OK ? hooks_run(&hooks->create_runtime, "createRuntime", &state, err) : st;
}

/* What a process in a user namespace may not do itself. */
static mn_status use_privileges(launch *l, mn_err *err) {
        mn_status st = l->namespaces.create_flags & CLONE_NEWUSER ? idmap_write(l->spec, l->pid, err) : MN_OK;
        process_raise_limits(&l->process, l->pid);
        return st == MN_OK ? process_set_oom_score(l->spec->process, l->pid, l->rt, err) : st;
}

static mn_status serve(launch *l, char request, mn_err *err) {
        switch (request) {
        case REQUEST_PRIVILEGES:
                return use_privileges(l, err);
        case REQUEST_HOOKS:
                return equip_namespaces(l, err);
        case REQUEST_READY: {
                mn_status st = resources_apply_memory(&l->cgroup,
                                                      l->spec->linux_ ? l->spec->linux_->resources : NULL,
                                                      l->memory_limit_fd, err);
                return st == MN_OK ? launch_commit(l, err) : st;
        }
        default:
                return mn_fail(err, MN_INTERNAL, "unknown request of the child");
        }
}

/* General way: serves the child until it is ready (`create`) or has executed (`run`). */
static mn_status supervise(launch *l, mn_err *err) {
        char message[4096];
        bool is_ready = false;
        for (;;) {
                ssize_t n = recv(l->sync_fds[0], message, sizeof(message) - 1, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return is_ready ? MN_OK
                                        : mn_fail(err, MN_INTERNAL,
                                                  "the container's process ended while it was set up");
                message[n] = '\0';
                if (*message == REQUEST_ERROR)
                        return mn_fail(err, n > 1 ? (mn_status) message[1] : MN_INTERNAL, "%s",
                                       n > 2 ? message + 2 : "");
                mn_status st = serve(l, *message, err);
                if (st)
                        return st;
                is_ready = *message == REQUEST_READY;
                /* What the child cannot know: its pid out here. */
                if (send(l->sync_fds[0], &l->pid, sizeof(l->pid), MSG_NOSIGNAL) < 0)
                        return mn_fail_errno(err, -errno, "answering the child");
                if (is_ready && l->waits_for_start)
                        return MN_OK;
        }
}

mn_status launch_ask(launch *l, launch_request request, mn_err *err) {
        char byte = (char) request;
        ssize_t n = send(l->sync_fds[1], &byte, 1, MSG_NOSIGNAL);
        while (n > 0 && (n = recv(l->sync_fds[1], &l->pid, sizeof(l->pid), 0)) < 0 && errno == EINTR)
                n = 1;
        return n == sizeof(l->pid) ? MN_OK : mn_fail(err, MN_INTERNAL, "the runtime ended during the set-up");
}

/* Takes back what was made. */
static void undo(launch *l, int pidfd) {
        systemd_holder_release(&l->holder);
        if (pidfd >= 0) {
                mn_pidfd_kill(pidfd, SIGKILL);
                mn_wait_pidfd(pidfd);
        }
        if (l->cgroup.len) {
                mn_cgroup_kill(&l->cgroup, SIGKILL);
                mn_cgroup_delete(&l->cgroup, CGROUP_DELETE_MS);
        }
        if (l->record.resctrl)
                resctrl_remove(l->record.resctrl, l->spec->linux_->intel_rdt, l->id);
        if (l->has_environment) {
                oci_state state = container_oci_state(&l->record, CONTAINER_STOPPED, &l->spec->annotations);
                hooks_run_all(&l->spec->hooks->poststop, "poststop", &state, l->rt);
        }
        if (l->has_scope)
                systemd_cgroup_stop(l->systemd.name);
        if (l->state_fd >= 0)
                container_forget(l->rt, l->id);
}

static mn_status write_pid_file(launch *l, mn_err *err) {
        char text[16];
        if (!l->options->pid_file)
                return MN_OK;
        int len = snprintf(text, sizeof(text), "%d", (int) l->pid);
        int r = mn_file_replace(AT_FDCWD, l->options->pid_file, text, (size_t) len, 0644);
        return r < 0 ? mn_fail_errno(err, r, "--pid-file: \"%s\"", l->options->pid_file) : MN_OK;
}

static mn_status prepare(launch *l, mn_err *err) {
        mn_status st = launch_load(l, err);
        if (st == MN_OK) {
                l->process.listen_fds = l->options->preserve_fds;
                l->process.makes_cwd = true;
                l->process.may_not_setgroups = false;
                st = process_plan_init(&l->process, l->spec->process, l->spec->linux_,
                                       namespace_is_own(&l->namespaces, CLONE_NEWUSER), l->rt, l->arena, err);
        }
        if (st == MN_OK)
                st = prepare_seccomp(l, err);
        if (st == MN_OK)
                st = open_root(l, err);
        runtime_trace(l->rt, "config");
        if (st == MN_OK)
                st = idmap_prepare_mounts(l->spec, &l->namespaces, l->bundle_fd, l->arena, &l->source_fds,
                                          err);
        if (st == MN_OK && l->options->console_socket) {
                st = console_connect(l->options->console_socket, &l->console_fd, err);
                if (st)
                        return mn_err_prefix(err, st, "--console-socket");
        } else if (st == MN_OK && l->spec->process->terminal) {
                st = terminal_open(&l->terminal, &l->console_fd, &l->spec->process->console_size, l->arena,
                                   err);
        }
        return st;
}

/* Before anything is made: were we killed, `delete --force` knows by it what to look for. */
static mn_status keep_config(launch *l, mn_err *err) {
        int r = mn_file_create(l->state_fd, CONTAINER_CONFIG_FILE, l->config_text, l->config_len, 0600);
        return r < 0 ? mn_fail_errno(err, r, "writing the state of the container") : MN_OK;
}

static mn_status make(launch *l, int *ret_pidfd, mn_err *err) {
        mn_status st = keep_config(l, err);
        if (st == MN_OK)
                st = prepare_cgroup(l, err);
        runtime_trace(l->rt, "cgroup");
        if (st == MN_OK)
                st = prepare_record(l, err);
        if (st == MN_OK)
                st = launch_bear(l, ret_pidfd, err);
        if (st)
                return st;
        if (l->is_fast) {
                if (l->child_status)
                        st = mn_fail(err, l->child_status, "%s", mn_err_text(&l->child_err));
        } else {
                st = supervise(l, err);
        }
        systemd_holder_release(&l->holder);
        runtime_trace(l->rt, "child");
        return st == MN_OK ? write_pid_file(l, err) : st;
}

mn_status launch_container(launch *l, mn_err *err) {
        l->bundle_fd = l->state_fd = l->fifo_fd = l->root_fd = l->console_fd = l->listener_fd = -1;
        l->start_error_fd = l->memory_limit_fd = l->holder = -1;
        l->sync_fds[0] = l->sync_fds[1] = l->terminal.socket_fd = l->namespaces.mounts_fd = -1;
        l->arena = mn_arena_new_of(ARENA_SIZE);
        for (int i = 0; i < NAMESPACE_KINDS; i++)
                l->namespaces.join_fds[i] = -1;
        cleanup_close int pidfd = -1;
        mn_status st = container_check_id(l->id, err);
        if (st == MN_OK)
                st = prepare(l, err);
        if (st == MN_OK)
                st = container_reserve(l->rt, l->id, &l->state_fd, err);
        if (st)
                return st;
        l->is_fast = can_be_fast(l);
        st = make(l, &pidfd, err);
        if (st)
                undo(l, pidfd);
        return st;
}

void launch_release(launch *l) {
        mn_close(l->bundle_fd);
        mn_close(l->state_fd);
        mn_close(l->fifo_fd);
        mn_close(l->start_error_fd);
        mn_close(l->root_fd);
        mn_close(l->console_fd);
        mn_close(l->listener_fd);
        mn_close(l->memory_limit_fd);
        mn_close(l->sync_fds[0]);
        terminal_close(&l->terminal);
        namespace_plan_release(&l->namespaces);
        mn_cgroup_release(&l->cgroup);
        mn_cgroup_host_release(&l->cgroup_host);
        mn_err_release(&l->child_err);
        mn_freep(&l->config_text);
        free(l->bundle);
        systemd_unit_release(&l->systemd);
        mn_arena_free(l->arena);
}

void launch_block_signals(void) {
        sigset_t all;
        sigfillset(&all);
        signal(SIGCHLD, SIG_DFL);
        sigprocmask(SIG_SETMASK, &all, NULL);
}

int launch_wait(pid_t pid) {
        sigset_t all;
        sigfillset(&all);
        for (;;) {
                int status;
                for (pid_t reaped; (reaped = waitpid(-1, &status, WNOHANG)) > 0;)
                        if (reaped == pid)
                                return mn_exit_code(status);
                int sig = sigwaitinfo(&all, NULL);
                if (sig > 0 && sig != SIGCHLD && sig != SIGTSTP && sig != SIGTTOU && sig != SIGTTIN)
                        kill(pid, sig);
        }
}
