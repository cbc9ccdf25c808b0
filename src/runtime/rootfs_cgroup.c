/* SPDX-License-Identifier: Apache-2.0 */
/* A mount of type "cgroup". v2: the cgroup2 file system. v1 and hybrid: a tmpfs with one directory per
   hierarchy. With a cgroup namespace of its own the container mounts the file systems themselves and sees its
   cgroup as their root; without one, its own directories are bound, never the host's tree. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "runtime/mount_options.h"
#include "runtime/rootfs.h"
#include "sys/clone.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/path.h"

static bool is_delegated(const rootfs *fs) {
        return mn_str_equal(mn_str_map_get(&fs->spec->annotations, OCI_ANNOTATION_CGROUP), "delegate");
}

/* Only these two are made to be handed down: the limits of the v1 controllers could be lifted by whoever can
   write there. A release_agent is in none: that file is in the root of a hierarchy, which is not mounted. */
static unsigned long hierarchy_flags(const rootfs *fs, const mn_cgroup_dir *dir, unsigned long flags) {
        bool is_writable = is_delegated(fs) && (dir->is_v2 || mn_str_equal(dir->key, "name=systemd"));
        return is_writable ? flags & ~(unsigned long) MS_RDONLY : flags;
}

/* Without "nsdelegate" the limits of the container's own v2 cgroup would be writable, too. On a hybrid host
   that can only be those of huge pages. */
static mn_status check_delegation(const rootfs *fs, mn_err *err) {
        const char *value = mn_str_map_get(&fs->spec->annotations, OCI_ANNOTATION_CGROUP);
        const oci_resources *res = fs->spec->linux_ ? fs->spec->linux_->resources : NULL;
        if (value && !is_delegated(fs))
                return mn_fail(err, MN_INVALID,
                               "annotations: " OCI_ANNOTATION_CGROUP ": \"%s\" is not \"delegate\"", value);
        if (!value)
                return MN_OK;
        if (!namespace_is_own(fs->namespaces, CLONE_NEWCGROUP))
                return mn_fail(err, MN_INVALID,
                               "annotations: " OCI_ANNOTATION_CGROUP ": needs a cgroup namespace of its own");
        bool has_limits = fs->cgroup->mode == MN_CGROUP_V2 || (res && res->hugepage_limits.len);
        if (has_limits && !mn_cgroup_has_nsdelegate())
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "annotations: " OCI_ANNOTATION_CGROUP
                               ": cgroup2 is mounted without \"nsdelegate\" (mount -o remount,nsdelegate)");
        return MN_OK;
}

/* Mounts one hierarchy on the directory we are in. */
static int mount_hierarchy(const rootfs *fs, const mn_cgroup_dir *dir, unsigned long flags) {
        if (namespace_is_own(fs->namespaces, CLONE_NEWCGROUP)) {
                const char *data = mn_str_has_prefix(dir->key, "name=") ? "none,name=systemd" : dir->key;
                if (mount("cgroup", ".", dir->is_v2 ? "cgroup2" : "cgroup", flags,
                          dir->is_v2 ? NULL : data) == 0)
                        return 0;
                if (errno != EPERM && errno != EBUSY)
                        return -errno;
        }
        cleanup_close int copy = mn_mount_clone(AT_FDCWD, dir->path, false);
        cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (copy < 0 || here < 0)
                return copy < 0 ? copy : -errno;
        uint64_t set = (flags & MS_RDONLY ? MN_MOUNT_RDONLY : 0) | (flags & MS_NOSUID ? MN_MOUNT_NOSUID : 0) |
                       (flags & MS_NODEV ? MN_MOUNT_NODEV : 0) | (flags & MS_NOEXEC ? MN_MOUNT_NOEXEC : 0);
        int r = mn_mount_setattr(copy, "", &(mn_mount_change){ .set = set, .propagation = MS_PRIVATE });
        return r < 0 ? r : mn_mount_attach(copy, here);
}

/* "cpu,cpuacct" is also reachable as "cpu" and as "cpuacct". */
static int link_parts(int top, const char *key) {
        if (!strchr(key, ','))
                return 0;
        for (const char *s = key; *s;) {
                size_t n = strcspn(s, ",");
                cleanup_free char *part = mn_strndup(s, n);
                if (symlinkat(key, top, part) < 0 && errno != EEXIST)
                        return -errno;
                s += n + (s[n] == ',');
        }
        return 0;
}

static int mount_v1_tree(rootfs *fs, int top, unsigned long flags) {
        for (size_t i = 0; i < fs->cgroup->len; i++) {
                const mn_cgroup_dir *dir = &fs->cgroup->dirs[i];
                const char *name = dir->is_v2                             ? "unified"
                                   : mn_str_has_prefix(dir->key, "name=") ? dir->key + 5
                                                                          : dir->key;
                if (dir->fd < 0)
                        continue;
                if (mkdirat(top, name, 0755) < 0)
                        return -errno;
                cleanup_close int fd = openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0 || fchdir(fd) < 0)
                        return -errno;
                int r = mount_hierarchy(fs, dir, hierarchy_flags(fs, dir, flags));
                if (r == 0)
                        r = link_parts(top, dir->key);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int mount_nothing(rootfs *fs, const oci_mount *mount_spec) {
        cleanup_close int target = rootfs_open_target(fs, mount_spec->destination, true, false);
        if (target < 0 || fchdir(target) < 0)
                return target < 0 ? target : -errno;
        return mount("tmpfs", ".", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                     "mode=755,size=4k") < 0
                       ? -errno
                       : 0;
}

static int mount_tree(rootfs *fs, const oci_mount *mount_spec, unsigned long flags) {
        cleanup_close int target = rootfs_open_target(fs, mount_spec->destination, true, false);
        if (target < 0 || fchdir(target) < 0)
                return target < 0 ? target : -errno;
        if (fs->cgroup->mode == MN_CGROUP_V2)
                return mount_hierarchy(fs, &fs->cgroup->dirs[0],
                                       hierarchy_flags(fs, &fs->cgroup->dirs[0], flags));
        if (mount("tmpfs", ".", "tmpfs", flags & ~(unsigned long) MS_RDONLY, "mode=755,size=64k") < 0)
                return -errno;
        cleanup_close int top = mn_open_in_root(fs->root_fd, mount_spec->destination, O_PATH | O_DIRECTORY,
                                                0);
        if (top < 0)
                return top;
        int r = mount_v1_tree(fs, top, flags);
        if (r == 0 && (flags & MS_RDONLY))
                r = mn_mount_setattr(top, "", &(mn_mount_change){ .set = MN_MOUNT_RDONLY });
        return r;
}

mn_status rootfs_mount_cgroup(rootfs *fs, const oci_mount *mount_spec, mn_err *err) {
        if (fs->lacks_cgroup) {
                int r = mount_nothing(fs, mount_spec);
                return r < 0 ? mn_fail_errno(err, r, "mounting an empty directory") : MN_OK;
        }
        if (!fs->cgroup || fs->cgroup->len == 0)
                return mn_fail(err, MN_NOT_IMPLEMENTED, "type: this host has no cgroup file system");
        mount_options o;
        mn_status st = mount_options_parse(&o, mount_spec, err);
        if (st == MN_OK)
                st = check_delegation(fs, err);
        if (st == MN_OK) {
                int r = mount_tree(fs, mount_spec, mount_options_flags(&o));
                if (r < 0)
                        st = mn_fail_errno(err, r, "mounting the cgroups");
        }
        mount_options_release(&o);
        return st;
}
