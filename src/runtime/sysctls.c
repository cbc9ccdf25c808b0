/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sysctls.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/path.h"

/* "net.ipv4.conf.eth0/1.rp_filter" has dots as separators and slashes inside names if the first separator is
   a dot; with a slash first it is a path already. The caller frees. */
static char *path_of(const char *key) {
        char *path = mn_strdup(key);
        size_t first = strcspn(path, "./");
        if (path[first] == '.')
                for (char *s = path; *s; s++)
                        *s = *s == '.' ? '/' : *s == '/' ? '.' : *s;
        return path;
}

static bool is_ipc(const char *path) {
        static const char *const names[] = { "kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
                                             "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
                                             "kernel/shmmni", "kernel/shm_rmid_forced" };
        for (size_t i = 0; i < MN_ARRAY_LEN(names); i++)
                if (strcmp(names[i], path) == 0)
                        return true;
        return mn_str_has_prefix(path, "fs/mqueue/");
}

static bool is_plain(const char *path) {
        for (const char *s = path; *s; s += strcspn(s, "/"), s += *s == '/') {
                size_t n = strcspn(s, "/");
                if (n == 0 || (n == 1 && *s == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
                        return false;
        }
        return *path && *path != '/';
}

mn_status sysctls_check(const oci_spec *spec, const namespace_plan *namespaces, mn_err *err) {
        for (size_t i = 0; spec->linux_ && i < spec->linux_->sysctl.len; i++) {
                const char *key = spec->linux_->sysctl.items[i].key,
                           *value = spec->linux_->sysctl.items[i].value;
                cleanup_free char *path = path_of(key);
                if (!is_plain(path) || !value || strchr(value, '\n'))
                        return mn_fail(err, MN_INVALID,
                                       "linux.sysctl: \"%s\" is not a name with a one-line value", key);
                if (strcmp(path, "kernel/hostname") == 0)
                        return mn_fail(err, MN_INVALID, "linux.sysctl: \"%s\" conflicts with hostname", key);
                bool is_own = (is_ipc(path) && namespace_is_own(namespaces, CLONE_NEWIPC)) ||
                              (mn_str_has_prefix(path, "net/") &&
                               namespace_is_own(namespaces, CLONE_NEWNET)) ||
                              (strcmp(path, "kernel/domainname") == 0 &&
                               namespace_is_own(namespaces, CLONE_NEWUTS)) ||
                              (mn_str_has_prefix(path, "user/") &&
                               namespace_is_own(namespaces, CLONE_NEWUSER));
                if (!is_own)
                        return mn_fail(err, MN_INVALID,
                                       "linux.sysctl: sysctl \"%s\" is not in a separate kernel namespace",
                                       key);
        }
        return MN_OK;
}

static int private_proc(void) {
        cleanup_close int context = mn_fs_open("proc");
        return context < 0 ? context
                           : mn_fs_mount(context, MN_MOUNT_NOSUID | MN_MOUNT_NODEV | MN_MOUNT_NOEXEC);
}

mn_status sysctls_apply(const oci_spec *spec, int proc_fd, mn_err *err) {
        if (!spec->linux_ || spec->linux_->sysctl.len == 0)
                return MN_OK;
        cleanup_close int own = proc_fd < 0 ? private_proc() : -1;
        cleanup_close int sys = mn_open_nofollow(proc_fd < 0 ? own : proc_fd, "sys", O_PATH | O_DIRECTORY, 0);
        if (sys < 0)
                return mn_fail_errno(err, sys, "linux.sysctl: opening /proc/sys");
        for (size_t i = 0; i < spec->linux_->sysctl.len; i++) {
                const char *key = spec->linux_->sysctl.items[i].key,
                           *value = spec->linux_->sysctl.items[i].value;
                cleanup_free char *path = path_of(key);
                cleanup_close int fd = mn_open_nofollow(sys, path, O_WRONLY, 0);
                int r = fd < 0 ? fd : mn_write_all(fd, value, strlen(value));
                if (r < 0)
                        return mn_fail_errno(err, r, "linux.sysctl: \"%s\" = \"%s\"", key, value);
        }
        return MN_OK;
}
