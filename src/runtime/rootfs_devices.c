/* SPDX-License-Identifier: Apache-2.0 */
/* /dev: the nodes every container gets, linux.devices, and the links. Names are made in the directory behind
   a descriptor, one component at a time, so an image cannot lead them elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "runtime/rootfs.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/path.h"

/* One node to make. */
struct node {
        const char *path;
        mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
        mode_t mode;
        unsigned major, minor;
        uid_t uid;
        gid_t gid;
};

static const struct node default_nodes[] = {
        { "/dev/null", S_IFCHR, 0666, 1, 3, 0, 0 },    { "/dev/zero", S_IFCHR, 0666, 1, 5, 0, 0 },
        { "/dev/full", S_IFCHR, 0666, 1, 7, 0, 0 },    { "/dev/random", S_IFCHR, 0666, 1, 8, 0, 0 },
        { "/dev/urandom", S_IFCHR, 0666, 1, 9, 0, 0 }, { "/dev/tty", S_IFCHR, 0666, 5, 0, 0, 0 },
};

static const struct {
        const char *name, *target;
} links[] = {
        { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
        { "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
};

static bool is_same_node(int parent, const char *name, const struct node *n) {
        struct stat st;
        return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == n->type &&
               (n->type == S_IFIFO || st.st_rdev == makedev(n->major, n->minor));
}

static int set_owner(int parent, const char *name, const struct node *n) {
        if (fchownat(parent, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

/* Where nodes cannot be made (user namespaces), the host's is bound over an empty file. */
static int bind_node(int parent, const char *name, const struct node *n) {
        cleanup_close int copy = mn_mount_clone(AT_FDCWD, n->path, false);
        struct stat st;
        if (copy < 0 || fstat(copy, &st) < 0)
                return copy < 0 ? copy : -errno;
        if ((st.st_mode & S_IFMT) != n->type || st.st_rdev != makedev(n->major, n->minor))
                return -ENODEV;
        cleanup_close int file = openat(parent, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (file < 0)
                return -errno;
        return mn_mount_attach(copy, file);
}

static int make_node(const rootfs *fs, int parent, const char *name, const struct node *n) {
        if (fs->has_user_namespace && n->type != S_IFIFO)
                return bind_node(parent, name, n);
        if (mknodat(parent, name, n->type | n->mode, makedev(n->major, n->minor)) < 0) {
                if (errno == EPERM)
                        return bind_node(parent, name, n);
                if (errno != EEXIST)
                        return -errno;
                if (!is_same_node(parent, name, n))
                        return -EEXIST;
        }
        return n->uid || n->gid ? set_owner(parent, name, n) : 0;
}

static int make_node_at(rootfs *fs, const struct node *n) {
        if (fs->dev_fd >= 0 && mn_str_has_prefix(n->path, "/dev/") && !strchr(n->path + 5, '/'))
                return make_node(fs, fs->dev_fd, n->path + 5, n);
        char name[256];
        cleanup_close int parent = mn_open_parent_in_root(fs->root_fd, n->path, 0755, name);
        return parent < 0 ? parent : make_node(fs, parent, name, n);
}

static bool is_listed(const rootfs *fs, const char *path) {
        for (size_t i = 0; fs->spec->linux_ && i < fs->spec->linux_->devices.len; i++)
                if (strcmp(fs->spec->linux_->devices.items[i].path, path) == 0)
                        return true;
        return false;
}

static mn_status make_listed(rootfs *fs, size_t index, mn_err *err) {
        const oci_device *d = &fs->spec->linux_->devices.items[index];
        mode_t type = strcmp(d->type, "b") == 0                                ? S_IFBLK
                      : strcmp(d->type, "p") == 0                              ? S_IFIFO
                      : strcmp(d->type, "c") == 0 || strcmp(d->type, "u") == 0 ? S_IFCHR
                                                                               : 0;
        if (!type)
                return mn_fail(err, MN_INVALID, "linux.devices[%zu].type: unknown type \"%s\"", index,
                               d->type);
        if (d->major < 0 || d->minor < 0 || d->major > 0xfff || d->minor > 0xfffff)
                return mn_fail(err, MN_INVALID, "linux.devices[%zu]: number %lld:%lld out of range", index,
                               (long long) d->major, (long long) d->minor);
        struct node n = {
                .path = d->path,
                .type = type,
                .mode = d->file_mode ? *d->file_mode & 07777 : 0666,
                .major = (unsigned) d->major,
                .minor = (unsigned) d->minor,
                .uid = d->uid ? *d->uid : 0,
                .gid = d->gid ? *d->gid : 0,
        };
        int r = *d->path == '/' ? make_node_at(fs, &n) : -EINVAL;
        return r < 0 ? mn_fail_errno(err, r, "linux.devices[%zu]: \"%s\"", index, d->path) : MN_OK;
}

/* Without a mount on it, /dev is the image's: it must be a real directory, not a link to somewhere. */
static int open_dev(rootfs *fs) {
        if (fs->dev_fd >= 0)
                return 0;
        int fd = openat(fs->root_fd, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && mkdirat(fs->root_fd, "dev", 0755) == 0)
                fd = openat(fs->root_fd, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        fs->dev_fd = fd;
        return 0;
}

static int make_links(rootfs *fs) {
        for (size_t i = 0; i < MN_ARRAY_LEN(links); i++)
                if (symlinkat(links[i].target, fs->dev_fd, links[i].name) < 0 && errno != EEXIST)
                        return -errno;
        return 0;
}

mn_status rootfs_make_devices(rootfs *fs, mn_err *err) {
        if (fs->has_foreign_dev)
                return MN_OK;
        int r = open_dev(fs);
        if (r < 0)
                return mn_fail_errno(err, r, "/dev in the root file system");
        for (size_t i = 0; i < MN_ARRAY_LEN(default_nodes); i++) {
                r = is_listed(fs, default_nodes[i].path) ? 0 : make_node_at(fs, &default_nodes[i]);
                if (r < 0)
                        return mn_fail_errno(err, r, "making \"%s\"", default_nodes[i].path);
        }
        for (size_t i = 0; fs->spec->linux_ && i < fs->spec->linux_->devices.len; i++) {
                mn_status st = make_listed(fs, i, err);
                if (st)
                        return st;
        }
        r = make_links(fs);
        return r < 0 ? mn_fail_errno(err, r, "making the links in /dev") : MN_OK;
}

mn_status rootfs_bind_console(rootfs *fs, int slave_fd, mn_err *err) {
        int r = open_dev(fs);
        cleanup_close int file = r < 0 ? -1 : openat(fs->dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (r == 0 && file < 0 && errno == ENOENT)
                file = openat(fs->dev_fd, "console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                              0620);
        struct stat st;
        if (r == 0 && (file < 0 || fstat(file, &st) < 0))
                r = -errno;
        if (r == 0 && S_ISLNK(st.st_mode))
                r = -ELOOP;
        if (r == 0) {
                cleanup_close int copy = mn_mount_clone(slave_fd, "", false);
                r = copy < 0 ? copy : mn_mount_attach(copy, file);
        }
        return r < 0 ? mn_fail_errno(err, r, "binding /dev/console") : MN_OK;
}
