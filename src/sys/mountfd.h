/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Mounts by descriptor: thin wrappers of the new mount API (fsopen, fsconfig, fsmount, open_tree, move_mount,
 * mount_setattr) and pivot_root. A "detached mount" is a mount that is in no mount table: it lives as long as
 * its descriptor and can be attached once, in any mount namespace. All functions return >= 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Attributes of one mount, for mn_fs_mount and mn_mount_setattr (values of the kernel's MOUNT_ATTR_*). */
enum mn_mount_attr {
        MN_MOUNT_RDONLY = 0x1,
        MN_MOUNT_NOSUID = 0x2,
        MN_MOUNT_NODEV = 0x4,
        MN_MOUNT_NOEXEC = 0x8,
        MN_MOUNT_ATIME_MASK =
                0x70, /* the three times below are one choice: clear the mask when setting one */
        MN_MOUNT_RELATIME = 0x0,
        MN_MOUNT_NOATIME = 0x10,
        MN_MOUNT_STRICTATIME = 0x20,
        MN_MOUNT_NODIRATIME = 0x80,
        MN_MOUNT_IDMAP = 0x100000,
        MN_MOUNT_NOSYMFOLLOW = 0x200000,
};

/* Starts the configuration of a new file system of `type` ("overlay", "tmpfs", ...): a context descriptor. */
int mn_fs_open(const char *type);

/* Sets one parameter: a string (at most 255 bytes), a flag when `value` is NULL, or a descriptor. */
int mn_fs_set(int context_fd, const char *key, const char *value);
int mn_fs_set_fd(int context_fd, const char *key, int fd);

/* Creates the file system and returns it as a detached mount with the MN_MOUNT_* attributes `attrs`. */
int mn_fs_mount(int context_fd, unsigned attrs);

/* The kernel's last message about a context ("overlay: invalid value ..."), for error texts; "" when none. */
const char *mn_fs_message(int context_fd, char *buf, size_t size);

/* A detached copy (bind) of the mount at `path` relative to `dirfd`, with the mounts below it when
   `is_recursive`. An empty path means `dirfd` itself. */
int mn_mount_clone(int dirfd, const char *path, bool is_recursive);

/* Attaches a detached mount on the file or directory behind `target_fd`. */
int mn_mount_attach(int mount_fd, int target_fd);

/* As above, onto `name` below `dirfd`, not following a symbolic link at the end. */
int mn_mount_attach_at(int mount_fd, int dirfd, const char *name);

/* What mn_mount_setattr changes. */
typedef struct mn_mount_change {
        uint64_t set;         /* MN_MOUNT_* to set */
        uint64_t clear;       /* MN_MOUNT_* to clear */
        uint64_t propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE; 0: unchanged */
        int userns_fd;        /* with MN_MOUNT_IDMAP in `set` */
        bool is_recursive;
} mn_mount_change;

/* Changes attributes of the mount behind `fd`, or of the one at `path` below it when `path` is not "". */
int mn_mount_setattr(int fd, const char *path, const mn_mount_change *change);

/* Makes the mount behind `new_root_fd` the root of this mount namespace, drops the old one with everything
   below it, and changes into the new one. */
int mn_pivot_root(int new_root_fd);

/* A read-only detached copy of the mount of one file (a program): executed through its descriptor, the file
   cannot be opened for writing through /proc/PID/exe. */
int mn_mount_clone_readonly(const char *path);
