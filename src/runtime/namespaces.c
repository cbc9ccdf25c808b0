/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sys/clone.h"
#include "sys/fd.h"

const namespace_kind namespace_kinds[NAMESPACE_KINDS] = {
        { "user", "user", CLONE_NEWUSER },  { "cgroup", "cgroup", CLONE_NEWCGROUP },
        { "ipc", "ipc", CLONE_NEWIPC },     { "uts", "uts", CLONE_NEWUTS },
        { "network", "net", CLONE_NEWNET }, { "pid", "pid", CLONE_NEWPID },
        { "mount", "mnt", CLONE_NEWNS },    { "time", "time", CLONE_NEWTIME },
};

static int kind_of(const char *type) {
        for (int i = 0; i < NAMESPACE_KINDS; i++)
                if (strcmp(namespace_kinds[i].type, type) == 0)
                        return i;
        return -1;
}

static mn_status add(namespace_plan *plan, const oci_namespace *ns, size_t index, mn_err *err) {
        int kind = kind_of(ns->type);
        if (kind < 0)
                return mn_fail(err, MN_INVALID, "linux.namespaces[%zu].type: unknown namespace \"%s\"", index,
                               ns->type);
        int flag = namespace_kinds[kind].flag;
        if ((plan->create_flags | plan->join_flags) & flag)
                return mn_fail(err, MN_INVALID, "linux.namespaces[%zu].type: \"%s\" appears twice", index,
                               ns->type);
        if (!ns->path || !*ns->path) {
                plan->create_flags |= flag;
                return MN_OK;
        }
        int fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "linux.namespaces[%zu].path: \"%s\"", index, ns->path);
        plan->join_fds[kind] = fd;
        plan->join_flags |= flag;
        if (ioctl(fd, NS_GET_NSTYPE) != flag)
                return mn_fail(err, MN_INVALID, "linux.namespaces[%zu].path: \"%s\" is not a %s namespace",
                               index, ns->path, ns->type);
        return MN_OK;
}

mn_status namespace_plan_init(namespace_plan *plan, const oci_spec *spec, mn_err *err) {
        *plan = (namespace_plan){ .mounts_fd = -1 };
        for (int i = 0; i < NAMESPACE_KINDS; i++)
                plan->join_fds[i] = -1;
        for (size_t i = 0; spec->linux_ && i < spec->linux_->namespaces.len; i++) {
                mn_status st = add(plan, &spec->linux_->namespaces.items[i], i, err);
                if (st) {
                        namespace_plan_release(plan);
                        return st;
                }
        }
        if (plan->create_flags & CLONE_NEWNS)
                return MN_OK;
        plan->borrows_mounts = true;
        plan->create_flags |= CLONE_NEWNS;
        plan->mounts_fd = plan->join_flags & CLONE_NEWNS
                                  ? fcntl(namespace_joined_fd(plan, CLONE_NEWNS), F_DUPFD_CLOEXEC, 0)
                                  : open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        return plan->mounts_fd < 0
                       ? mn_fail_errno(err, -errno, "linux.namespaces: opening the mount namespace")
                       : MN_OK;
}

void namespace_plan_release(namespace_plan *plan) {
        for (int i = 0; i < NAMESPACE_KINDS; i++)
                plan->join_fds[i] = mn_close(plan->join_fds[i]);
        plan->mounts_fd = mn_close(plan->mounts_fd);
}

bool namespace_is_own(const namespace_plan *plan, int flag) {
        return ((plan->create_flags | plan->join_flags) & flag) != 0;
}

int namespace_joined_fd(const namespace_plan *plan, int flag) {
        for (int i = 0; i < NAMESPACE_KINDS; i++)
                if (namespace_kinds[i].flag == flag)
                        return plan->join_fds[i];
        return -1;
}

bool namespace_is_new(const oci_spec *spec, const char *type) {
        for (size_t i = 0; spec->linux_ && i < spec->linux_->namespaces.len; i++) {
                const oci_namespace *ns = &spec->linux_->namespaces.items[i];
                if (strcmp(ns->type, type) == 0)
                        return !ns->path || !*ns->path;
        }
        return false;
}

int namespace_enter_mounts(const namespace_plan *plan) {
        return setns(plan->mounts_fd, CLONE_NEWNS) < 0 ? -errno : 0;
}

static int join_each(const namespace_plan *plan, int *flags, bool is_tolerant) {
        for (int i = 0; i < NAMESPACE_KINDS; i++) {
                int flag = namespace_kinds[i].flag;
                if (plan->join_fds[i] < 0 || !(*flags & flag))
                        continue;
                if (setns(plan->join_fds[i], flag) == 0)
                        *flags &= ~flag;
                else if (!is_tolerant)
                        return -errno;
        }
        return 0;
}

int namespace_join(const namespace_plan *plan, int flags) {
        int user = flags & plan->join_flags & CLONE_NEWUSER, others = flags & ~CLONE_NEWUSER;
        if (!user)
                return join_each(plan, &others, false);
        /* What belongs to the host can only be joined before, what we had no right to only after. */
        int r = join_each(plan, &others, true);
        if (r == 0)
                r = join_each(plan, &user, false);
        return r == 0 ? join_each(plan, &others, false) : r;
}
