/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"

mn_status rootfs_propagation(const oci_spec *spec, unsigned long *ret, mn_err *err) {
        static const struct {
                const char *name;
                unsigned long flag;
        } kinds[] = {
                { "shared", MS_SHARED },
                { "slave", MS_SLAVE },
                { "private", MS_PRIVATE },
                { "unbindable", MS_UNBINDABLE },
                { "rshared", MS_SHARED | MS_REC },
                { "rslave", MS_SLAVE | MS_REC },
                { "rprivate", MS_PRIVATE | MS_REC },
                { "runbindable", MS_UNBINDABLE | MS_REC },
        };
        const char *wanted = spec->linux_ ? spec->linux_->rootfs_propagation : NULL;
        *ret = 0;
        if (!wanted || !*wanted)
                return MN_OK;
        for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++)
                if (strcmp(kinds[i].name, wanted) == 0) {
                        *ret = kinds[i].flag;
                        return MN_OK;
                }
        return mn_fail(err, MN_INVALID, "linux.rootfsPropagation: unknown value \"%s\"", wanted);
}

mn_status rootfs_attach(rootfs *fs, mn_err *err) {
        unsigned long propagation;
        mn_status st = rootfs_propagation(fs->spec, &propagation, err);
        if (st)
                return st;
        /* The root is attached on "/" of our copy of the host's tree: nothing of it may flow back. It is
           shared, if at all, once it is the root: pivot_root refuses a mount whose events go somewhere. */
        if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
                return mn_fail_errno(err, -errno, "making the mount tree private");
        uint64_t kind = propagation & ~(unsigned long) MS_REC;
        int r = mn_mount_setattr(fs->root_fd, "",
                                 &(mn_mount_change){ .propagation = kind == MS_SLAVE ? MS_SLAVE : MS_PRIVATE,
                                                     .is_recursive = true });
        if (r < 0)
                return mn_fail_errno(err, r, "root.path: making the mount private");
        cleanup_close int slash = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (slash < 0 || (r = mn_mount_attach(fs->root_fd, slash)) < 0)
                return mn_fail_errno(err, slash < 0 ? -errno : r, "root.path: attaching the mount");
        return MN_OK;
}

/* In a mount namespace that is somebody else's nothing is mounted: the finished tree comes along as a
   detached copy, which lives as long as somebody's root is in it and has nothing above that ".." could reach.
 */
static int enter_borrowed(rootfs *fs) {
        cleanup_close int tree = mn_mount_clone(fs->root_fd, "", true);
        if (tree < 0)
                return tree;
        int r = namespace_enter_mounts(fs->namespaces);
        if (r == 0 && (fchdir(tree) < 0 || chroot(".") < 0))
                r = -errno;
        return r;
}

mn_status rootfs_enter(rootfs *fs, mn_err *err) {
        int r = fs->namespaces->borrows_mounts ? enter_borrowed(fs) : mn_pivot_root(fs->root_fd);
        if (r < 0)
                return mn_fail_errno(err, r, "pivot_root");
        unsigned long propagation;
        mn_status st = rootfs_propagation(fs->spec, &propagation, err);
        if (st == MN_OK && propagation && !fs->namespaces->borrows_mounts &&
            mount(NULL, "/", NULL, propagation, NULL) < 0)
                return mn_fail_errno(err, -errno, "linux.rootfsPropagation");
        return st;
}

mn_status rootfs_check_context(const char *label, const char *field, mn_err *err) {
        if (faccessat(AT_FDCWD, "/sys/fs/selinux/class/process", F_OK, 0) < 0)
                return mn_fail(err, MN_NOT_IMPLEMENTED, "%s: no SELinux policy is loaded here", field);
        int r = mn_file_put(AT_FDCWD, "/sys/fs/selinux/context", label);
        return r < 0 ? mn_fail_errno(err, r, "%s: \"%s\"", field, label) : MN_OK;
}

int rootfs_null(rootfs *fs) {
        if (fs->null_fd >= 0)
                return fs->null_fd;
        cleanup_close int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                return -ENODEV;
        return fs->null_fd = MN_TAKE_FD(fd);
}

/* ---- masked and read-only paths ---- */

/* A path below a pseudo file system that we have mounted and whose directories cannot be links: a procfs
   entry that is no process's. Returns the part below the mount and its descriptor, or NULL. */
static const char *pseudo_path(const rootfs *fs, const char *path, int *ret_fd) {
        const char *rest = NULL;
        if (fs->proc_fd >= 0 && mn_str_has_prefix(path, "/proc/")) {
                static const char *const links[] = { "self", "thread-self", "net", "mounts" };
                rest = path + 6;
                size_t first = strcspn(rest, "/");
                for (size_t i = 0; i < MN_ARRAY_LEN(links); i++)
                        if (strlen(links[i]) == first && memcmp(rest, links[i], first) == 0)
                                return NULL;
                if (*rest >= '0' && *rest <= '9')
                        return NULL;
                *ret_fd = fs->proc_fd;
        } else if (fs->sys_fd >= 0 && (mn_str_has_prefix(path, "/sys/firmware") ||
                                       mn_str_has_prefix(path, "/sys/devices/virtual/"))) {
                rest = path + 5;
                *ret_fd = fs->sys_fd;
        }
        return rest && *rest && !strstr(rest, "..") ? rest : NULL;
}

/* Puts an empty, read-only tmpfs on the directory "name" below the current one (or "." itself): the same one
   on all, for there is nothing in it to keep apart. */
static int mask_dir(rootfs *fs, const char *name) {
        char first[32];
        if (fs->empty_fd >= 0 && mount(mn_fd_path(fs->empty_fd, first), name, NULL, MS_BIND, NULL) == 0)
                return 0;
        if (mount("tmpfs", name, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                  "size=0k,nr_inodes=1,mode=755") < 0)
                return -errno;
        if (fs->empty_fd < 0 && *name != '.')
                fs->empty_fd = openat(AT_FDCWD, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return 0;
}

/* In the directory we are in: a file gets the host's /dev/null, a directory an empty one. Which it is is
   asked first: a bind that the kernel has copied and cannot attach costs a grace period, 20 us to some ms. */
static int mask_here(rootfs *fs, const char *name) {
        char null_path[32];
        struct stat st;
        if (fstatat(AT_FDCWD, name, &st, 0) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return mask_dir(fs, name);
        int null_fd = rootfs_null(fs);
        if (null_fd < 0)
                return null_fd;
        return mount(mn_fd_path(null_fd, null_path), name, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static int mask_elsewhere(rootfs *fs, const char *path) {
        cleanup_close int fd = mn_open_in_root(fs->root_fd, path, O_PATH, 0);
        struct stat st;
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return fchdir(fd) < 0 ? -errno : mask_dir(fs, ".");
        char target[32];
        return mask_here(fs, mn_fd_path(fd, target));
}

static int protect_elsewhere(rootfs *fs, const char *path) {
        cleanup_close int target = mn_open_in_root(fs->root_fd, path, O_PATH, 0);
        if (target < 0)
                return target;
        cleanup_close int copy = mn_mount_clone(target, "", true);
        if (copy < 0)
                return copy;
        int r = mn_mount_setattr(copy, "",
                                 &(mn_mount_change){ .set = MN_MOUNT_RDONLY, .is_recursive = true });
        return r < 0 ? r : mn_mount_attach(copy, target);
}

static int protect_here(const char *name) {
        if (mount(name, name, NULL, MS_BIND | MS_REC, NULL) < 0)
                return -errno;
        return mn_mount_setattr(AT_FDCWD, name, &(mn_mount_change){ .set = MN_MOUNT_RDONLY });
}

typedef int (*path_action)(rootfs *fs, const char *name, bool is_here);

static int mask(rootfs *fs, const char *path, bool is_here) {
        return is_here ? mask_here(fs, path) : mask_elsewhere(fs, path);
}

static int protect(rootfs *fs, const char *path, bool is_here) {
        return is_here ? protect_here(path) : protect_elsewhere(fs, path);
}

/* Applies `action` to every path; one that does not exist needs no protection. */
static mn_status for_paths(rootfs *fs, char **paths, path_action action, const char *field, mn_err *err) {
        int where = -1;
        for (char **path = paths; path && *path; path++) {
                int fd = -1, r = 0;
                if (**path != '/')
                        return mn_fail(err, MN_INVALID, "%s: \"%s\" is not an absolute path", field, *path);
                const char *rest = pseudo_path(fs, *path, &fd);
                if (rest && fd != where)
                        r = fchdir(fd) < 0 ? -errno : 0;
                where = rest ? fd : -1;
                if (r == 0)
                        r = action(fs, rest ? rest : *path, rest != NULL);
                if (r < 0 && r != -ENOENT)
                        return mn_fail_errno(err, r, "%s: \"%s\"", field, *path);
        }
        return MN_OK;
}

mn_status rootfs_protect(rootfs *fs, mn_err *err) {
        if (fs->spec->linux_) {
                mn_status st = for_paths(fs, fs->spec->linux_->readonly_paths, protect, "linux.readonlyPaths",
                                         err);
                if (st == MN_OK)
                        st = for_paths(fs, fs->spec->linux_->masked_paths, mask, "linux.maskedPaths", err);
                if (st)
                        return st;
        }
        static const mn_mount_change readonly = { .set = MN_MOUNT_RDONLY };
        for (size_t i = 0; i < fs->late_readonly_len; i++) {
                int r = mn_mount_setattr(fs->late_readonly[i], "", &readonly);
                if (r < 0)
                        return mn_fail_errno(err, r, "mounts: making a mount read-only");
        }
        int r = fs->spec->root->readonly ? mn_mount_setattr(fs->root_fd, "", &readonly) : 0;
        return r < 0 ? mn_fail_errno(err, r, "root.readonly") : MN_OK;
}
