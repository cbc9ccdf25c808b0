/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The birth of the container's first process. It is born in the new namespaces and joins the others itself.
 *
 * New namespaces must belong to the container's user namespace, and what belongs to the host can only be
 * joined from outside of one. So when a user namespace is joined, or a new one comes with others that are
 * joined, a go-between does that first: it shares our memory and descriptors while we sleep, bears the child
 * as ours and ends. That takes two places in the cgroup for a moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/idmap.h"
#include "runtime/launch.h"
#include "sys/clone.h"
#include "sys/fd.h"

static bool needs_go_between(const namespace_plan *plan) {
        if (plan->join_flags & CLONE_NEWUSER)
                return true;
        return (plan->create_flags & CLONE_NEWUSER) &&
               (plan->join_flags & ~(CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWNS));
}

/* The cgroup namespace is made after its cgroup was joined. An ipc namespace has a mount with an owner, who
   must have a number in the user namespace: it waits for the mappings. */
static int made_late(const namespace_plan *plan) {
        return CLONE_NEWCGROUP | (plan->create_flags & CLONE_NEWUSER ? CLONE_NEWIPC : 0);
}

/* ---- in the child or its go-between ---- */

static mn_status become_root(launch *l, mn_err *err) {
        /* Without groups first: those of the host mean nothing here. */
        if (syscall(SYS_setgroups, 0, NULL) < 0)
                l->process.may_not_setgroups = true;
        if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
                return mn_fail_errno(err, -errno, "linux.uidMappings: becoming root of the user namespace");
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        return MN_OK;
}

static mn_status join(launch *l, mn_err *err) {
        int r = mn_cgroup_join(&l->cgroup, false);
        if (r < 0)
                return mn_fail_errno(err, r, "joining the cgroup");
        r = namespace_join(&l->namespaces,
                           ~(CLONE_NEWTIME | CLONE_NEWNS | (l->has_go_between ? 0 : CLONE_NEWPID)));
        if (r < 0)
                return mn_fail_errno(err, r, "linux.namespaces: joining by path");
        return l->namespaces.join_flags & CLONE_NEWUSER ? become_root(l, err) : MN_OK;
}

mn_status launch_enter(launch *l, mn_err *err) {
        mn_status st = l->has_go_between ? MN_OK : join(l, err);
        if (st == MN_OK && namespace_is_own(&l->namespaces, CLONE_NEWUSER))
                st = launch_ask(l, REQUEST_PRIVILEGES, err);
        if (st == MN_OK && (l->namespaces.create_flags & CLONE_NEWUSER))
                st = become_root(l, err);
        int late = l->namespaces.create_flags & made_late(&l->namespaces);
        if (st == MN_OK && late && syscall(SYS_unshare, late) < 0)
                return mn_fail_errno(err, -errno, "making the namespaces");
        return st;
}

/* ---- the births ---- */

typedef struct go_between {
        launch *l;
        mn_clone_spec child;
} go_between;

static int go_between_main(void *arg) {
        go_between *g = arg;
        launch *l = g->l;
        mn_status st = join(l, &l->child_err);
        pid_t pid = st == MN_OK ? mn_clone(&g->child) : 0;
        if (pid < 0)
                st = mn_fail_errno(&l->child_err, (int) pid, "making the namespaces");
        l->child_status = st;
        _exit(0);
}

static mn_status bear_by_go_between(launch *l, const mn_clone_spec *child, mn_err *err) {
        go_between g = { .l = l, .child = *child };
        pid_t own_pid;
        mn_clone_spec spec = {
                .flags = CLONE_FILES,
                .cgroup_fd = child->cgroup_fd,
                .shares_memory = true,
                .main = go_between_main,
                .arg = &g,
                .ret_pid = &own_pid,
        };
        g.child.flags |= CLONE_PARENT;
        g.child.cgroup_fd = -1;
        l->child_status = MN_INTERNAL;
        pid_t pid = mn_clone(&spec);
        if (pid < 0)
                return mn_fail_errno(err, (int) pid, "making the namespaces");
        waitpid(pid, NULL, 0);
        if (l->child_status)
                return mn_fail(err, l->child_status, "%s", mn_err_text(&l->child_err));
        return MN_OK;
}

/* Namespaces that are entered by being born: time must be offset before its first process, a joined pid
   namespace is chosen by the parent. */
static mn_status enter_for_child(launch *l, mn_err *err) {
        int r = namespace_join(&l->namespaces, CLONE_NEWTIME | (l->has_go_between ? 0 : CLONE_NEWPID));
        if (r < 0)
                return mn_fail_errno(err, r, "linux.namespaces: joining by path");
        if (l->namespaces.create_flags & CLONE_NEWTIME)
                return idmap_new_time_namespace(l->spec, err);
        return MN_OK;
}

mn_status launch_bear(launch *l, int *ret_pidfd, mn_err *err) {
        l->has_go_between = needs_go_between(&l->namespaces);
        mn_status st = enter_for_child(l, err);
        if (st)
                return st;
        if (!l->is_fast && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, l->sync_fds) < 0)
                return mn_fail_errno(err, -errno, "socketpair");
        sigset_t all, old;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &old);
        mn_clone_spec child = {
                .flags = (uint64_t) (unsigned) (l->namespaces.create_flags &
                                                ~(made_late(&l->namespaces) | CLONE_NEWTIME)),
                .cgroup_fd = mn_cgroup_fd(&l->cgroup, MN_CG_UNIFIED),
                .shares_memory = l->is_fast,
                .main = launch_child,
                .arg = l,
                .ret_pid = &l->pid,
                .ret_pidfd = ret_pidfd,
        };
        runtime_trace(l->rt, "prepared");
        if (l->has_go_between) {
                st = bear_by_go_between(l, &child, err);
        } else {
                pid_t pid = mn_clone(&child);
                if (pid < 0)
                        st = mn_fail_errno(err, (int) pid, "making the namespaces");
        }
        sigprocmask(SIG_SETMASK, &old, NULL);
        l->sync_fds[1] = mn_close(l->sync_fds[1]);
        return st;
}
