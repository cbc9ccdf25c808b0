/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver `unpack`, for kernels that cannot mount EROFS from files: `tree` is a directory with the layer's
 * contents.
 *
 * What is written is the tree that was built from the tar, in which every name is one component and every
 * parent a directory of ours: no link is followed and no name of the archive is resolved as a path.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "image/erofs_format.h"
#include "image/layer.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"

/* A directory being filled; they nest as deep as the tree does. */
struct level {
        int fd;
        struct tree_inode *dir;
        struct tree_dentry *next;
};

struct unpacking {
        int tar_fd;
        int links_fd; /* files with several names wait here under their number */
        uint64_t nlinks;
        MN_VEC(struct level) levels;
};

static const char *xattr_prefix(uint8_t prefix) {
        switch (prefix) {
        case EROFS_XATTR_USER:
                return "user.";
        case EROFS_XATTR_ACL_ACCESS:
                return "system.posix_acl_access";
        case EROFS_XATTR_ACL_DEFAULT:
                return "system.posix_acl_default";
        case EROFS_XATTR_TRUSTED:
                return "trusted.";
        default:
                return "security.";
        }
}

/* Owner, mode, attributes and times, through a descriptor of the object itself (O_PATH for all but
 * directories). */
static int set_metadata(int fd, const struct tree_inode *inode) {
        char path[32];
        mn_fd_path(fd, path);
        if (fchownat(fd, "", inode->uid, inode->gid, AT_EMPTY_PATH) < 0)
                return -errno;
        if (!S_ISLNK(inode->mode) && chmod(path, inode->mode & 07777) < 0)
                return -errno;
        for (const struct tree_xattr *x = inode->xattrs; x; x = x->next) {
                char name[300];
                snprintf(name, sizeof(name), "%s%s", xattr_prefix(x->prefix), x->name);
                if (setxattr(path, name, x->value, x->value_len, 0) < 0 && !S_ISLNK(inode->mode))
                        return -errno;
        }
        if (inode->is_opaque && setxattr(path, "trusted.overlay.opaque", "y", 1, 0) < 0)
                return -errno;
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                           { .tv_sec = inode->mtime_sec, .tv_nsec = inode->mtime_nsec } };
        return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int copy_piece(int from, int64_t from_offset, int to, int64_t to_offset, int64_t len) {
        while (len > 0) {
                off_t in = (off_t) from_offset, out = (off_t) to_offset;
                ssize_t n = copy_file_range(from, &in, to, &out, (size_t) len, 0);
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                from_offset += n;
                to_offset += n;
                len -= n;
        }
        return 0;
}

static int copy_contents(const struct unpacking *u, const struct tree_inode *inode, int fd) {
        if (!inode->is_sparse)
                return copy_piece(u->tar_fd, inode->data_offset, fd, 0, inode->size);
        int64_t from = inode->data_offset;
        for (size_t i = 0; i < inode->npieces; i++) {
                int r = copy_piece(u->tar_fd, from, fd, inode->pieces[i].offset, inode->pieces[i].len);
                if (r < 0)
                        return r;
                from += inode->pieces[i].len;
        }
        return ftruncate(fd, (off_t) inode->size) < 0 ? -errno : 0;
}

static int make_file(const struct unpacking *u, const struct tree_inode *inode, int dir_fd,
                     const char *name) {
        cleanup_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                      0600);
        if (fd < 0)
                return -errno;
        int r = copy_contents(u, inode, fd);
        return r < 0 ? r : set_metadata(fd, inode);
}

static int make_other(const struct tree_inode *inode, int dir_fd, const char *name) {
        int r = S_ISLNK(inode->mode)
                        ? symlinkat(inode->link, dir_fd, name)
                        : mknodat(dir_fd, name, inode->mode & S_IFMT, makedev(inode->major, inode->minor));
        if (r < 0)
                return -errno;
        cleanup_close int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : set_metadata(fd, inode);
}

/* The first name of a file waits among the links, in case others follow. */
static int make_object(struct unpacking *u, struct tree_inode *inode, int dir_fd, const char *name) {
        char number[24];
        if (!inode->nid) {
                inode->nid = ++u->nlinks;
                snprintf(number, sizeof(number), "%llu", (unsigned long long) inode->nid);
                int r = S_ISREG(inode->mode) ? make_file(u, inode, u->links_fd, number)
                                             : make_other(inode, u->links_fd, number);
                if (r < 0)
                        return r;
        }
        snprintf(number, sizeof(number), "%llu", (unsigned long long) inode->nid);
        return linkat(u->links_fd, number, dir_fd, name, 0) < 0 ? -errno : 0;
}

static int enter(struct unpacking *u, struct tree_inode *dir, int parent_fd, const char *name) {
        if (mkdirat(parent_fd, name, 0700) < 0)
                return -errno;
        int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        mn_vec_push(&u->levels, ((struct level){ fd, dir, dir->children }));
        return 0;
}

/* Fills the directories depth first; a directory's times are set when it is full. */
static int fill(struct unpacking *u) {
        while (u->levels.len) {
                struct level *top = &u->levels.items[u->levels.len - 1];
                struct tree_dentry *d = top->next;
                int r;
                if (!d) {
                        r = set_metadata(top->fd, top->dir);
                        mn_close(top->fd);
                        u->levels.len--;
                } else {
                        top->next = d->next;
                        r = S_ISDIR(d->inode->mode) ? enter(u, d->inode, top->fd, d->name)
                                                    : make_object(u, d->inode, top->fd, d->name);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make(int dir_fd, int tar_fd, int64_t tar_size, tree *t) {
        (void) tar_size;
        if (mkdirat(dir_fd, "links", 0700) < 0)
                return -errno;
        cleanup_close int links = openat(dir_fd, "links", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (links < 0)
                return -errno;
        struct unpacking u = { .tar_fd = tar_fd, .links_fd = links };
        int r = enter(&u, tree_root(t), dir_fd, "tree");
        if (r == 0)
                r = fill(&u);
        for (size_t i = 0; i < u.levels.len; i++)
                mn_close(u.levels.items[i].fd);
        mn_vec_release(&u.levels);
        int removed = mn_remove_tree(dir_fd, "links");
        return r < 0 ? r : removed;
}

static int mount_tree(int dir_fd) {
        int fd = mn_mount_clone(dir_fd, "tree", false);
        if (fd < 0)
                return fd;
        int r = mn_mount_setattr(fd, "", &(mn_mount_change){ .set = MN_MOUNT_RDONLY });
        if (r < 0)
                mn_close(fd);
        return r < 0 ? r : fd;
}

const layer_driver layer_driver_unpack = {
        .name = "unpack", .backing = "directories", .make = make, .mount = mount_tree
};
