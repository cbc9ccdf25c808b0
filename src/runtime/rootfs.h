/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The container's file system tree, built by the child in its new mount namespace while the host's tree is
 * still there. Every path in the container is resolved below root_fd (sys/path.h) to a descriptor, and what
 * is done is done on that descriptor; paths of the host (bind sources, /dev/null) come from the host.
 */

#include <stdbool.h>

#include "oci/runtime_spec.h"
#include "runtime/context.h"
#include "runtime/namespaces.h"
#include "sys/cgroup.h"

enum { ROOTFS_MAX_LATE_READONLY = 64 };

typedef struct rootfs {
        const oci_spec *spec;
        const namespace_plan *namespaces;
        const mn_cgroup *cgroup;
        bool lacks_cgroup; /* there is none of its own: what is mounted for it is empty */
        runtime_context *rt;
        int bundle_fd;
        int root_fd;             /* the root: a detached mount first, then attached */
        const int *source_fds;   /* per mount: a detached mount prepared by the parent, or -1; NULL: none
                                    prepared */
        bool has_user_namespace; /* device nodes cannot be made: the host's are bound */
        int proc_fd;             /* root of the procfs that was mounted on /proc, verified; -1: none */
        int sys_fd;              /* likewise for /sys */
        int dev_fd;              /* the container's /dev */
        int null_fd;             /* the host's /dev/null, verified; opened when needed */
        int empty_fd;            /* the empty directory that masks the others; -1 before the first */
        bool has_fresh_dev;      /* /dev is a tmpfs mounted by us */
        bool has_foreign_dev;    /* /dev is a bind mount: its nodes are the caller's business */
        int late_readonly[ROOTFS_MAX_LATE_READONLY]; /* mounts that become read-only at the end */
        size_t late_readonly_len;
} rootfs;

/* Makes the tree private to the new namespace and puts the root into it. */
mn_status rootfs_attach(rootfs *fs, mn_err *err) MN_MUST_USE;

/* All of mounts[], in order. */
mn_status rootfs_mount_all(rootfs *fs, mn_err *err) MN_MUST_USE;

/* The default nodes, linux.devices and the links of /dev. */
mn_status rootfs_make_devices(rootfs *fs, mn_err *err) MN_MUST_USE;

/* linux.maskedPaths and linux.readonlyPaths, mounts that were to be read-only, root.readonly. */
mn_status rootfs_protect(rootfs *fs, mn_err *err) MN_MUST_USE;

/* Makes the root the root and drops the host's tree; applies linux.rootfsPropagation. With a borrowed mount
   namespace: enters that, and the root as a detached tree. */
mn_status rootfs_enter(rootfs *fs, mn_err *err) MN_MUST_USE;

/* Binds the terminal behind `slave_fd` over /dev/console. */
mn_status rootfs_bind_console(rootfs *fs, int slave_fd, mn_err *err) MN_MUST_USE;

/* Whether the kernel's SELinux policy knows the context in `field`, named in errors. */
mn_status rootfs_check_context(const char *label, const char *field, mn_err *err) MN_MUST_USE;

/* The host's /dev/null as an O_PATH descriptor that is surely it; -errno. */
int rootfs_null(rootfs *fs);

/* Opens `path` in the container as the target of a mount, making it (a directory or an empty file) when
   missing. An O_PATH descriptor; -errno. Refuses (-EXDEV) what lies inside a procfs, but for the files lxcfs
   serves. */
int rootfs_open_target(rootfs *fs, const char *path, bool is_dir, bool is_nofollow);

/* A mount of type "cgroup": what the container may see of its cgroups (rootfs_cgroup.c). */
mn_status rootfs_mount_cgroup(rootfs *fs, const oci_mount *mount, mn_err *err) MN_MUST_USE;

/* Copies the tree behind one directory into another ("tmpcopyup"); -errno. */
int rootfs_copy_tree(int from_dir, int to_dir);

/* Parses linux.rootfsPropagation: MS_* or 0 for none. */
mn_status rootfs_propagation(const oci_spec *spec, unsigned long *ret, mn_err *err) MN_MUST_USE;
