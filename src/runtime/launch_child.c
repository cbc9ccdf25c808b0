/* SPDX-License-Identifier: Apache-2.0 */
/* The container's first process, from its birth in the new namespaces to the execution of the program. It
   runs with the runtime's privileges and the host's files open until launch_close_fds, so it is not dumpable
   and executes nothing of the container's before that. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "runtime/console.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/resources.h"
#include "runtime/rootfs.h"
#include "runtime/seccomp_listener.h"
#include "runtime/sysctls.h"
#include "sys/fd.h"

static void close_from(unsigned first, unsigned last) {
        if (first <= last)
                syscall(SYS_close_range, first, last, 0);
}

void launch_close_fds(int preserve, const int *keep, size_t len) {
        unsigned next = (unsigned) (STDERR_FILENO + 1 + preserve);
        for (;;) {
                int lowest = -1;
                for (size_t i = 0; i < len; i++)
                        if (keep[i] >= 0 && (unsigned) keep[i] >= next && (lowest < 0 || keep[i] < lowest))
                                lowest = keep[i];
                if (lowest < 0)
                        break;
                if ((unsigned) lowest > next)
                        close_from(next, (unsigned) lowest - 1);
                next = (unsigned) lowest + 1;
        }
        close_from(next, ~0U);
}

/* ---- entering ---- */

static mn_status set_names(launch *l, mn_err *err) {
        const char *hostname = l->spec->hostname, *domainname = l->spec->domainname;
        if (hostname && *hostname && sethostname(hostname, strlen(hostname)) < 0)
                return mn_fail_errno(err, -errno, "hostname: \"%s\"", hostname);
        if (domainname && *domainname && setdomainname(domainname, strlen(domainname)) < 0)
                return mn_fail_errno(err, -errno, "domainname: \"%s\"", domainname);
        return MN_OK;
}

static mn_status start_session(launch *l, mn_err *err) {
        umask(0);
        if (setsid() < 0)
                return mn_fail_errno(err, -errno, "setsid");
        /* A keyring of its own; a kernel or filter without keyrings has none to protect. */
        if (!l->options->has_no_keyring)
                syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, l->id);
        return set_names(l, err);
}

/* ---- the file system ---- */

static mn_status run_container_hooks(launch *l, const oci_hook_list *hooks, const char *kind,
                                     container_status status, mn_err *err) {
        if (hooks->len == 0)
                return MN_OK;
        l->has_environment = true;
        l->record.pid = getpid(); /* as the container sees it */
        oci_state state = container_oci_state(&l->record, status, &l->spec->annotations);
        return hooks_run(hooks, kind, &state, err);
}

static mn_status open_terminal(launch *l, rootfs *fs, mn_err *err) {
        const oci_process *p = l->spec->process;
        int slave = -1;
        mn_status st = console_open(fs->root_fd, l->console_fd, p->console_size, p->user.uid, &slave, err);
        if (st == MN_OK)
                st = rootfs_bind_console(fs, slave, err);
        if (st == MN_OK)
                st = console_take(slave, err);
        mn_close(slave);
        return st;
}

static mn_status build_rootfs(launch *l, rootfs *fs, mn_err *err) {
        mn_status st = rootfs_attach(fs, err);
        if (st == MN_OK)
                st = rootfs_mount_all(fs, err);
        runtime_trace(l->rt, "  mounts");
        if (st == MN_OK)
                st = rootfs_make_devices(fs, err);
        runtime_trace(l->rt, "  devices");
        if (st == MN_OK && l->spec->process->terminal)
                st = open_terminal(l, fs, err);
        if (st == MN_OK && !l->is_fast)
                st = launch_ask(l, REQUEST_HOOKS, err);
        if (st == MN_OK) /* after the hooks: an interface's sysctls need the interface */
                st = sysctls_apply(l->spec, fs->proc_fd, err);
        if (st == MN_OK && l->spec->hooks)
                st = run_container_hooks(l, &l->spec->hooks->create_container, "createContainer",
                                         CONTAINER_CREATING, err);
        if (st == MN_OK)
                st = rootfs_protect(fs, err);
        runtime_trace(l->rt, "  masks");
        if (st == MN_OK)
                st = rootfs_enter(fs, err);
        runtime_trace(l->rt, "  pivot");
        return st;
}

static mn_status make_rootfs(launch *l, mn_err *err) {
        rootfs fs = {
                .spec = l->spec,
                .namespaces = &l->namespaces,
                .cgroup = &l->cgroup,
                .lacks_cgroup = l->lacks_cgroup,
                .rt = l->rt,
                .bundle_fd = l->bundle_fd,
                .root_fd = l->root_fd,
                .source_fds = l->source_fds,
                .has_user_namespace = namespace_is_own(&l->namespaces, CLONE_NEWUSER),
                .proc_fd = -1,
                .sys_fd = -1,
                .dev_fd = -1,
                .null_fd = -1,
                .empty_fd = -1,
        };
        mn_status st = fs.has_user_namespace ? MN_OK : process_set_oom_score(l->spec->process, 0, l->rt, err);
        if (st == MN_OK)
                st = process_set_labels(l->spec->process, err);
        return st == MN_OK ? build_rootfs(l, &fs, err) : st;
}

/* ---- the program ---- */

static mn_status wait_for_start(launch *l, mn_err *err) {
        struct pollfd fifo = { .fd = l->fifo_fd, .events = POLLIN };
        while (poll(&fifo, 1, -1) < 0)
                if (errno != EINTR)
                        return mn_fail_errno(err, -errno, "waiting for start");
        /* With such hooks `start` waits for its end to break, which it does on execution. */
        if (!hooks_are_awaited(l->spec->hooks))
                l->fifo_fd = mn_close(l->fifo_fd);
        return MN_OK;
}

/* The fast way has nobody to ask: the record and the last limits are our own work. */
static mn_status commit_alone(launch *l, mn_err *err) {
        mn_status st = resources_apply_memory(&l->cgroup, l->spec->linux_ ? l->spec->linux_->resources : NULL,
                                              l->memory_limit_fd, err);
        if (st == MN_OK)
                st = launch_commit(l, err);
        const int keep[] = { l->listener_fd };
        launch_close_fds(l->options->preserve_fds, keep, MN_ARRAY_LEN(keep));
        runtime_trace(l->rt, "  record");
        return st;
}

static mn_status run_program(launch *l, mn_err *err) {
        mn_status st = process_apply(&l->process, l->rt, err);
        runtime_trace(l->rt, "  limits, identity");
        if (st == MN_OK)
                st = process_find(&l->process, err);
        runtime_trace(l->rt, "  program found");
        if (st == MN_OK && !l->is_fast) {
                st = launch_ask(l, REQUEST_READY, err);
                if (st == MN_OK && l->waits_for_start) {
                        l->sync_fds[1] = mn_close(l->sync_fds[1]);
                        st = wait_for_start(l, err);
                }
        }
        if (st == MN_OK && l->spec->hooks)
                st = run_container_hooks(l, &l->spec->hooks->start_container, "startContainer",
                                         CONTAINER_CREATED, err);
        int listener = 0;
        if (st == MN_OK)
                st = process_seal(&l->process, &listener, err);
        l->record.pid = l->pid;
        if (st == MN_OK && listener > 0)
                st = seccomp_send_listener(l->listener_fd, listener, &l->record, CONTAINER_CREATING, l->spec,
                                           l->pid, err);
        runtime_trace(l->rt, "  seccomp, capabilities");
        return st == MN_OK ? process_execute(&l->process, err) : st;
}

static mn_status child_steps(launch *l, mn_err *err) {
        mn_status st = launch_enter(l, err);
        if (st == MN_OK)
                st = start_session(l, err);
        runtime_trace(l->rt, "  namespaces, cgroup");
        if (st == MN_OK)
                st = make_rootfs(l, err);
        if (st)
                return st;
        if (l->is_fast) {
                st = commit_alone(l, err);
        } else {
                const int keep[] = { l->sync_fds[1], l->fifo_fd, l->start_error_fd, l->listener_fd };
                launch_close_fds(l->options->preserve_fds, keep, MN_ARRAY_LEN(keep));
        }
        return st == MN_OK ? run_program(l, err) : st;
}

int launch_child(void *launch_ptr) {
        launch *l = launch_ptr;
        mn_err err = { 0 };
        if (!l->is_fast)
                l->sync_fds[0] = mn_close(l->sync_fds[0]);
        mn_status st = child_steps(l, &err);
        if (l->is_fast) {
                l->child_status = st;
                l->child_err = err;
        } else if (l->sync_fds[1] >= 0) {
                cleanup_free char *message = mn_asprintf("%c%c%s", REQUEST_ERROR, (char) st,
                                                         mn_err_text(&err));
                send(l->sync_fds[1], message, MN_MIN(strlen(message), (size_t) 4095), MSG_NOSIGNAL);
        } else {
                dprintf(STDERR_FILENO, "minato-runtime: %s\n", mn_err_text(&err));
                if (l->start_error_fd >= 0)
                        dprintf(l->start_error_fd, "%s", mn_err_text(&err));
        }
        _exit(st == MN_NOT_FOUND ? 127 : 126);
}
