/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mountfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fd.h"

/* The kernel's numbers, so that neither the C library's nor the kernel headers' age matters. */
enum { SET_FLAG = 0, SET_STRING = 1, SET_FD = 5, CMD_CREATE = 6 };
enum { FS_CLOEXEC = 1, TREE_CLONE = 1, MOVE_FROM_FD = 0x4, MOVE_TO_FD = 0x40 };
enum { TREE_RECURSIVE = 0x8000 }; /* AT_RECURSIVE */

/* struct mount_attr of the kernel, first version. */
struct attr {
        uint64_t set, clear, propagation, userns_fd;
};

static int result(long r) {
        return r < 0 ? -errno : (int) r;
}

int mn_fs_open(const char *type) {
        return result(syscall(SYS_fsopen, type, FS_CLOEXEC));
}

int mn_fs_set(int context_fd, const char *key, const char *value) {
        return result(syscall(SYS_fsconfig, context_fd, value ? SET_STRING : SET_FLAG, key, value, 0));
}

int mn_fs_set_fd(int context_fd, const char *key, int fd) {
        return result(syscall(SYS_fsconfig, context_fd, SET_FD, key, NULL, fd));
}

int mn_fs_mount(int context_fd, unsigned attrs) {
        int r = result(syscall(SYS_fsconfig, context_fd, CMD_CREATE, NULL, NULL, 0));
        return r < 0 ? r : result(syscall(SYS_fsmount, context_fd, FS_CLOEXEC, attrs));
}

const char *mn_fs_message(int context_fd, char *buf, size_t size) {
        /* Each read gives one message, "e text"; the last one says why the failing step failed. */
        ssize_t n, last = 0;
        while ((n = read(context_fd, buf, size - 1)) > 0)
                last = n;
        while (last && (buf[last - 1] == '\n' || buf[last - 1] == '\0'))
                last--;
        buf[last] = '\0';
        return last > 2 && buf[1] == ' ' ? buf + 2 : buf;
}

int mn_mount_clone(int dirfd, const char *path, bool is_recursive) {
        unsigned flags = TREE_CLONE | O_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
                         (is_recursive ? TREE_RECURSIVE : 0);
        return result(syscall(SYS_open_tree, dirfd, path, flags));
}

int mn_mount_attach(int mount_fd, int target_fd) {
        return result(syscall(SYS_move_mount, mount_fd, "", target_fd, "", MOVE_FROM_FD | MOVE_TO_FD));
}

int mn_mount_attach_at(int mount_fd, int dirfd, const char *name) {
        return result(syscall(SYS_move_mount, mount_fd, "", dirfd, name, MOVE_FROM_FD));
}

int mn_mount_setattr(int fd, const char *path, const mn_mount_change *change) {
        struct attr attr = {
                .set = change->set,
                .clear = change->clear,
                .propagation = change->propagation,
                .userns_fd = change->set & MN_MOUNT_IDMAP ? (uint64_t) change->userns_fd : 0,
        };
        unsigned flags = (*path ? 0 : AT_EMPTY_PATH) | AT_SYMLINK_NOFOLLOW |
                         (change->is_recursive ? TREE_RECURSIVE : 0);
        return result(syscall(SYS_mount_setattr, fd, path, flags, &attr, sizeof(attr)));
}

int mn_pivot_root(int new_root_fd) {
        if (fchdir(new_root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
                return -errno;
        /* The old root now lies on top of the new one at "/": "." names the topmost, so this takes it off. */
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        return 0;
}

int mn_mount_clone_readonly(const char *path) {
        cleanup_close int fd = mn_mount_clone(AT_FDCWD, path, false);
        if (fd < 0)
                return fd;
        int r = mn_mount_setattr(fd, "", &(mn_mount_change){ .set = MN_MOUNT_RDONLY });
        return r < 0 ? r : MN_TAKE_FD(fd);
}
