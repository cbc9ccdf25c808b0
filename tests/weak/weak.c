/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime with one defence taken out, so that tests of the threat catalogue can be shown to be able to
 * fail. It is the product's own object files; the linker puts the functions below in the place of those that
 * defend
 * (--wrap). Which one is out says MINATO_WEAK; without it this is the product. Never installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "runtime/capabilities.h"
#include "runtime/idmap.h"
#include "runtime/launch.h"
#include "runtime/resources.h"
#include "runtime/rootfs.h"
#include "runtime/seccomp_program.h"
#include "runtime/sysctls.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"
#include "sys/spawn.h"

#define WRAP(type, name, ...)                                                                                \
        type __real_##name(__VA_ARGS__);                                                                     \
        type __wrap_##name(__VA_ARGS__);                                                                     \
        type __wrap_##name(__VA_ARGS__)

enum { NO_FD = -1, PROC_MAGIC = 0x9fa0, MOVE_FOLLOWING = 0x4 | 0x10 };

static bool lacks(const char *defence) {
        const char *weakness = getenv("MINATO_WEAK");
        return weakness && strcmp(weakness, defence) == 0;
}

/* ---- paths: by string on the host, links and all ---- */

static char *host_path(int root, const char *path) {
        return mn_asprintf("/proc/self/fd/%d/%s", root, path);
}

static int open_by_name(int root, const char *path, int flags, mode_t mode) {
        cleanup_free char *full = host_path(root, path);
        int fd = open(full, flags | O_CLOEXEC, mode);
        return fd < 0 ? -errno : fd;
}

static void make_dirs(char *path, mode_t mode) {
        for (char *s = strchr(path + strlen("/proc/self/fd/"), '/'); s; s = strchr(s + 1, '/')) {
                *s = '\0';
                mkdir(path, mode);
                *s = '/';
        }
        mkdir(path, mode);
}

WRAP(int, mn_open_in_root, int root, const char *path, int flags, mode_t mode) {
        return lacks("paths") ? open_by_name(root, path, flags, mode)
                              : __real_mn_open_in_root(root, path, flags, mode);
}

WRAP(int, mn_open_nofollow, int root, const char *path, int flags, mode_t mode) {
        return lacks("paths") ? open_by_name(root, path, flags, mode)
                              : __real_mn_open_nofollow(root, path, flags, mode);
}

WRAP(int, mn_mkdir_in_root, int root, const char *path, mode_t mode, uid_t uid, gid_t gid) {
        if (!lacks("paths"))
                return __real_mn_mkdir_in_root(root, path, mode, uid, gid);
        cleanup_free char *full = host_path(root, path);
        make_dirs(full, mode);
        return open_by_name(root, path, O_PATH | O_DIRECTORY, 0);
}

WRAP(int, mn_open_parent_in_root, int root, const char *path, mode_t mode, char name[256]) {
        if (!lacks("paths"))
                return __real_mn_open_parent_in_root(root, path, mode, name);
        cleanup_free char *full = host_path(root, path);
        char *slash = strrchr(full, '/');
        snprintf(name, 256, "%s", slash + 1);
        *slash = '\0';
        make_dirs(full, mode);
        return open(full, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

WRAP(int, mn_mount_attach_at, int mount_fd, int dirfd, const char *name) {
        if (!lacks("paths"))
                return __real_mn_mount_attach_at(mount_fd, dirfd, name);
        return syscall(SYS_move_mount, mount_fd, "", dirfd, name, MOVE_FOLLOWING) < 0 ? -errno : 0;
}

WRAP(int, openat, int dirfd, const char *path, int flags, ...) {
        va_list ap;
        va_start(ap, flags);
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        return __real_openat(dirfd, path, lacks("paths") ? flags & ~O_NOFOLLOW : flags, mode);
}

/* ---- what is found where it should be is believed ---- */

static int weak_root = NO_FD, weak_null = NO_FD;

/* The root is mounted where it lies, with the host's tree above it, and later only changed into. */
static mn_status attach_in_bundle(rootfs *fs, mn_err *err) {
        char link[64], path[4096] = "";
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fs->bundle_fd);
        if (readlink(link, path, sizeof(path) - 64) > 0)
                strcat(path, "/rootfs");
        cleanup_close int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ? -errno
                                                                    : mn_mount_attach(fs->root_fd, target);
        return r < 0 ? mn_fail_errno(err, r, "attaching the root") : MN_OK;
}

WRAP(mn_status, rootfs_attach, rootfs *fs, mn_err *err) {
        weak_root = fs->root_fd;
        return lacks("pivot") ? attach_in_bundle(fs, err) : __real_rootfs_attach(fs, err);
}

/* The image's /dev/null in place of the host's. */
WRAP(int, open, const char *path, int flags, ...) {
        va_list ap;
        va_start(ap, flags);
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        if (!lacks("null") || weak_root < 0 || strcmp(path, "/dev/null") != 0)
                return __real_open(path, flags, mode);
        return weak_null = openat(weak_root, "dev/null", O_PATH | O_CLOEXEC);
}

/* The source of a bind is looked at, and looked up again to be mounted. */
static char weak_source[4096];
static int weak_source_fd = NO_FD;

WRAP(int, mn_mount_clone, int dirfd, const char *path, bool is_recursive) {
        int fd = __real_mn_mount_clone(dirfd, path, is_recursive);
        if (lacks("source") && *path == '/') {
                snprintf(weak_source, sizeof(weak_source), "%s", path);
                weak_source_fd = fd;
        }
        return fd;
}

WRAP(int, fstat, int fd, struct stat *st) {
        int r = __real_fstat(fd, st);
        if (r == 0 && fd == weak_source_fd && lacks("source"))
                r = stat(weak_source, st);
        if (r == 0 && fd == weak_null && lacks("null")) {
                st->st_mode = S_IFCHR | 0666;
                st->st_rdev = makedev(1, 3);
        }
        return r;
}

/* Below a procfs is like anywhere else. */
WRAP(int, fstatfs, int fd, struct statfs *fs) {
        struct stat st;
        int r = __real_fstatfs(fd, fs);
        if (r == 0 && lacks("procfs") && (long) fs->f_type == PROC_MAGIC && fstat(fd, &st) == 0 &&
            st.st_ino != 1)
                fs->f_type = 0;
        return r;
}

/* The working directory is made before the root is entered. */
WRAP(mn_status, rootfs_enter, rootfs *fs, mn_err *err) {
        if (lacks("cwd")) {
                cleanup_free char *path = host_path(fs->root_fd, fs->spec->process->cwd);
                mkdir(path, 0755);
        }
        return __real_rootfs_enter(fs, err);
}

/* ---- mounts ---- */

WRAP(int, mount, const char *source, const char *target, const char *type, unsigned long flags,
     const void *data) {
        if (lacks("propagation") && (flags & MS_SLAVE))
                return 0;
        if (lacks("readonly"))
                flags &= ~(unsigned long) MS_RDONLY;
        return __real_mount(source, target, type, flags, data);
}

WRAP(int, mn_mount_setattr, int fd, const char *path, const mn_mount_change *change) {
        mn_mount_change weak = *change;
        if (lacks("readonly"))
                weak.set &= ~(uint64_t) MN_MOUNT_RDONLY;
        if (lacks("recursive"))
                weak.is_recursive = false;
        return __real_mn_mount_setattr(fd, path, &weak);
}

WRAP(int, mn_pivot_root, int new_root) {
        if (!lacks("pivot"))
                return __real_mn_pivot_root(new_root);
        return fchdir(new_root) < 0 || chroot(".") < 0 ? -errno : 0;
}

/* ---- the process ---- */

WRAP(mn_status, launch_protect_binary, char **argv, mn_err *err) {
        return lacks("binary") ? MN_OK : __real_launch_protect_binary(argv, err);
}

WRAP(void, launch_close_fds, int preserve, const int *keep, size_t len) {
        if (!lacks("descriptors") && !lacks("dumpable"))
                __real_launch_close_fds(preserve, keep, len);
}

static long without_descriptors(long number, const long a[6]) {
        if (number == SYS_close_range)
                return 0;
        if (number != SYS_getcwd)
                return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        memcpy((void *) a[0], "/", 2);
        return 2;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
        long a[6];
        va_list ap;
        va_start(ap, number);
        for (int i = 0; i < 6; i++)
                a[i] = va_arg(ap, long);
        va_end(ap);
        if (lacks("descriptors") && (number == SYS_close_range || number == SYS_getcwd))
                return without_descriptors(number, a);
        if (lacks("keyring") && number == SYS_keyctl) /* one per container stays with the caller */
                __real_syscall(SYS_add_key, "keyring", a[1], NULL, 0, KEY_SPEC_SESSION_KEYRING);
        if (lacks("groups") && number == SYS_setgroups && a[0] > 0)
                a[0]--; /* the last one is the primary group */
        return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...) {
        unsigned long a[4];
        va_list ap;
        va_start(ap, option);
        for (int i = 0; i < 4; i++)
                a[i] = va_arg(ap, unsigned long);
        va_end(ap);
        if (lacks("dumpable") && option == PR_SET_DUMPABLE)
                a[0] = 1; /* a change of identity has taken it away already */
        if ((lacks("privileges") && option == PR_SET_NO_NEW_PRIVS))
                return 0;
        return __real_prctl(option, a[0], a[1], a[2], a[3]);
}

WRAP(pid_t, setsid, void) {
        return lacks("session") ? 1 : __real_setsid();
}

WRAP(int, capability_set, uint64_t effective, uint64_t permitted, uint64_t inheritable) {
        return __real_capability_set(effective, permitted, lacks("capabilities") ? permitted : inheritable);
}

WRAP(int, seccomp_load, const seccomp_program *program) {
        return lacks("seccomp") ? 0 : __real_seccomp_load(program);
}

/* Nothing is refused, and nothing is written: the host of the test is a real one. */
WRAP(mn_status, sysctls_check, const oci_spec *spec, const namespace_plan *namespaces, mn_err *err) {
        return lacks("sysctls") ? MN_OK : __real_sysctls_check(spec, namespaces, err);
}

WRAP(mn_status, sysctls_apply, const oci_spec *spec, int proc_fd, mn_err *err) {
        return lacks("sysctls") ? MN_OK : __real_sysctls_apply(spec, proc_fd, err);
}

WRAP(int, mn_file_read, int dirfd, const char *name, size_t max, char **ret, size_t *ret_len) {
        if (!lacks("passwd") || strcmp(name, "/etc/passwd") != 0)
                return __real_mn_file_read(dirfd, name, max, ret, ret_len);
        cleanup_close int fd = open(name, O_RDONLY | O_CLOEXEC);
        *ret = mn_alloc(1);
        for (char block[4096]; read(fd, block, sizeof(block)) > 0;)
                ;
        return 0;
}

/* ---- numbers: what the C library makes of them, whatever may stand there ---- */

WRAP(int, mn_parse_u64, const char *s, uint64_t max, uint64_t *ret) {
        if (!lacks("numbers"))
                return __real_mn_parse_u64(s, max, ret);
        *ret = strtoull(s, NULL, 10);
        return 0;
}

WRAP(int, mn_parse_i64, const char *s, int64_t min, int64_t max, int64_t *ret) {
        if (!lacks("numbers"))
                return __real_mn_parse_i64(s, min, max, ret);
        *ret = strtoll(s, NULL, 10);
        return 0;
}

WRAP(int, mn_parse_int, const char *s, int min, int max, int *ret) {
        if (!lacks("numbers"))
                return __real_mn_parse_int(s, min, max, ret);
        *ret = (int) strtol(s, NULL, 10);
        return 0;
}

WRAP(mn_status, idmap_check, const oci_spec *spec, const namespace_plan *namespaces, mn_err *err) {
        return lacks("mappings") ? MN_OK : __real_idmap_check(spec, namespaces, err);
}

/* ---- cgroups, pids ---- */

WRAP(mn_status, resources_apply_devices, const mn_cgroup *cg, const oci_resources *res, mn_err *err) {
        return lacks("devices") ? MN_OK : __real_resources_apply_devices(cg, res, err);
}

WRAP(mn_status, resources_apply, const mn_cgroup *cg, const oci_resources *res, mn_err *err) {
        return lacks("limits") ? MN_OK : __real_resources_apply(cg, res, err);
}

int __real_mn_cgroup_pids(const mn_cgroup *cg, mn_pid_list *ret);
int __wrap_mn_cgroup_pids(const mn_cgroup *cg, mn_pid_list *ret);

/* The program for it is the container's. */
static void run_ps_of(const mn_cgroup *cg) {
        mn_pid_list pids = { 0 };
        char root[64];
        if (__real_mn_cgroup_pids(cg, &pids) < 0 || pids.len == 0)
                return;
        snprintf(root, sizeof(root), "/proc/%d/root", (int) pids.items[0]);
        mn_vec_release(&pids);
        pid_t pid = fork();
        if (pid == 0) {
                if (chroot(root) == 0 && chdir("/") == 0)
                        execl("/bin/ps", "ps", NULL);
                _exit(127);
        }
        waitpid(pid, NULL, 0);
}

int __wrap_mn_cgroup_pids(const mn_cgroup *cg, mn_pid_list *ret) {
        if (lacks("ps"))
                run_ps_of(cg);
        return __real_mn_cgroup_pids(cg, ret);
}

WRAP(int, container_open_pid, const container *c) {
        return lacks("pid_key") ? mn_pidfd_open(c->record.pid) : __real_container_open_pid(c);
}
