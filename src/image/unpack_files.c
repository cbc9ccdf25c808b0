/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/vec.h"
#include "image/erofs_format.h"
#include "image/unpack_out.h"
#include "sys/fd.h"
#include "sys/path.h"

enum { NUMBER_SIZE = 16 };

struct unpack_files {
        int data_fd;
        int fd; /* of the file being written; -1: none */
        const struct tree_inode *inode;
        struct tree_inode nobody; /* metadata of a file that is in no tree */
        mn_tar_piece *pieces;     /* of the file; where its stored bytes go */
        size_t npieces, piece;
        int64_t in_piece;
        int64_t size;
        MN_VEC(char *) names; /* of every number: its path in the end, NULL while it is in data/ */

        struct unpack_out opaque;
        uint32_t nspecial; /* links and devices that have several names */
        mn_str path;       /* of the current directory while placing */
};

/* ---- metadata ---- */

static const char *xattr_prefix(uint8_t prefix) {
        switch (prefix) {
        case EROFS_XATTR_USER:
                return "user.";
        case EROFS_XATTR_ACL_ACCESS:
                return "system.posix_acl_access";
        case EROFS_XATTR_ACL_DEFAULT:
                return "system.posix_acl_default";
        default:
                return "security.";
        }
}

static int set_xattrs(int fd, const char *name, const struct tree_inode *inode) {
        for (const struct tree_xattr *x = inode->xattrs; x; x = x->next) {
                char full[300];
                snprintf(full, sizeof(full), "%s%s", xattr_prefix(x->prefix), x->name);
                int r = fd >= 0 ? fsetxattr(fd, full, x->value, x->value_len, 0)
                                : lsetxattr(name, full, x->value, x->value_len, 0);
                if (r < 0 && !S_ISLNK(inode->mode))
                        return -errno;
        }
        return 0;
}

static void times_of(const struct tree_inode *inode, struct timespec times[2]) {
        times[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
        times[1] = (struct timespec){ .tv_sec = inode->mtime_sec, .tv_nsec = inode->mtime_nsec };
}

/* A file or directory, by descriptor: owner first, for a change of it takes capabilities and set-id bits
 * away. */
static int set_metadata(int fd, const struct tree_inode *inode) {
        struct timespec times[2];
        times_of(inode, times);
        if (fchown(fd, inode->uid, inode->gid) < 0 || fchmod(fd, inode->mode & 07777) < 0)
                return -errno;
        int r = set_xattrs(fd, NULL, inode);
        return r < 0 ? r : futimens(fd, times) < 0 ? -errno : 0;
}

/* Anything else, which is never opened, by its name in the current directory. */
static int set_metadata_at(const char *name, const struct tree_inode *inode) {
        struct timespec times[2];
        times_of(inode, times);
        if (fchownat(AT_FDCWD, name, inode->uid, inode->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISLNK(inode->mode) && fchmodat(AT_FDCWD, name, inode->mode & 07777, 0) < 0)
                return -errno;
        int r = set_xattrs(-1, name, inode);
        if (r < 0)
                return r;
        return utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* ---- contents ---- */

int unpack_files_new(unpack_files **ret) {
        if (mkdirat(AT_FDCWD, "tree", 0700) < 0 || mkdirat(AT_FDCWD, "data", 0700) < 0)
                return -errno;
        int fd = mn_open_nofollow(AT_FDCWD, "data", O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        unpack_files *files = mn_alloc(sizeof(*files));
        files->data_fd = fd;
        files->fd = -1;
        files->nobody.mode = S_IFREG | 0600;
        mn_vec_push(&files->names, NULL); /* numbers begin with 1 */
        *ret = files;
        return 0;
}

void unpack_files_free(unpack_files *files) {
        if (!files)
                return;
        for (size_t i = 0; i < files->names.len; i++)
                free(files->names.items[i]);
        mn_vec_release(&files->names);
        mn_str_release(&files->path);
        mn_close(files->fd);
        mn_close(files->data_fd);
        free(files->pieces);
        free(files);
}

uint32_t unpack_files_count(const unpack_files *files) {
        return (uint32_t) files->names.len - 1;
}

static char *number_text(uint32_t number, char text[NUMBER_SIZE]) {
        snprintf(text, NUMBER_SIZE, "%u", number);
        return text;
}

int unpack_files_begin(unpack_files *files, struct tree_inode *inode, const mn_tar_entry *entry) {
        char text[NUMBER_SIZE];
        mn_vec_push(&files->names, NULL);
        uint32_t number = unpack_files_count(files);
        if (inode)
                inode->nid = number;
        files->inode = inode ? inode : &files->nobody;
        files->size = entry->size;
        files->npieces = entry->is_sparse ? entry->npieces : 1;
        files->piece = 0;
        files->in_piece = 0;
        free(files->pieces);
        files->pieces = mn_alloc_array(files->npieces + 1, sizeof(*files->pieces));
        if (entry->is_sparse && files->npieces)
                memcpy(files->pieces, entry->pieces, files->npieces * sizeof(*files->pieces));
        else if (!entry->is_sparse)
                files->pieces[0] = (mn_tar_piece){ 0, entry->data_size };
        files->fd = mn_open_nofollow(files->data_fd, number_text(number, text), O_WRONLY | O_CREAT | O_EXCL,
                                     0600);
        return files->fd < 0 ? files->fd : 0;
}

static int write_at(int fd, const char *data, size_t len, int64_t offset) {
        while (len) {
                ssize_t n = pwrite(fd, data, len, (off_t) offset);
                if (n < 0 && errno != EINTR)
                        return -errno;
                n = MN_MAX(n, (ssize_t) 0);
                data += n;
                len -= (size_t) n;
                offset += n;
        }
        return 0;
}

int unpack_files_data(unpack_files *files, const void *data, size_t len) {
        const char *p = data;
        while (len) {
                while (files->piece < files->npieces && files->in_piece == files->pieces[files->piece].len) {
                        files->piece++;
                        files->in_piece = 0;
                }
                if (files->piece == files->npieces)
                        return -EBADMSG;
                const mn_tar_piece *piece = &files->pieces[files->piece];
                size_t n = (size_t) MN_MIN((int64_t) len, piece->len - files->in_piece);
                int r = write_at(files->fd, p, n, piece->offset + files->in_piece);
                if (r < 0)
                        return r;
                files->in_piece += (int64_t) n;
                p += n;
                len -= n;
        }
        return 0;
}

int unpack_files_end(unpack_files *files) {
        if (files->fd < 0)
                return 0;
        cleanup_close int fd = MN_TAKE_FD(files->fd);
        if (ftruncate(fd, (off_t) files->size) < 0)
                return -errno;
        return set_metadata(fd, files->inode);
}

/* ---- places ---- */

/* "name" in the current directory as a path in the layer's directory, on the heap. */
static char *path_of(const unpack_files *files, const char *name) {
        return mn_asprintf("%s/%s", mn_str_text(&files->path), name);
}

/* Gives a file its next name; the last one moves it. */
static int place_file(unpack_files *files, struct tree_inode *inode, const char *name) {
        char text[NUMBER_SIZE];
        uint32_t number = (uint32_t) inode->nid;
        number_text(number, text);
        if (!files->names.items[number])
                files->names.items[number] = path_of(files, name);
        int r = --inode->nlink ? linkat(files->data_fd, text, AT_FDCWD, name, 0)
                               : renameat(files->data_fd, text, AT_FDCWD, name);
        return r < 0 ? -errno : 0;
}

static int make_special(const struct tree_inode *inode, const char *name) {
        int r = S_ISLNK(inode->mode)
                        ? symlinkat(inode->link, AT_FDCWD, name)
                        : mknodat(AT_FDCWD, name, inode->mode & S_IFMT, makedev(inode->major, inode->minor));
        return r < 0 ? -errno : set_metadata_at(name, inode);
}

/* A link or device. One with several names waits in data/ under "s<number>" for the further ones. */
static int place_special(unpack_files *files, struct tree_inode *inode, const char *name) {
        char text[NUMBER_SIZE + 1] = "s";
        bool is_last = --inode->nlink == 0;
        if (!inode->nid) {
                int r = make_special(inode, name);
                if (r < 0 || is_last)
                        return r;
                inode->nid = ++files->nspecial;
                number_text((uint32_t) inode->nid, text + 1);
                return linkat(AT_FDCWD, name, files->data_fd, text, 0) < 0 ? -errno : 0;
        }
        number_text((uint32_t) inode->nid, text + 1);
        int r = is_last ? renameat(files->data_fd, text, AT_FDCWD, name)
                        : linkat(files->data_fd, text, AT_FDCWD, name, 0);
        return r < 0 ? -errno : 0;
}

static int change_to(const char *name) {
        cleanup_close int fd = mn_open_nofollow(AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        return fchdir(fd) < 0 ? -errno : 0;
}

static void put_text(struct unpack_out *out, const char *text) {
        uint32_t len = (uint32_t) strlen(text);
        unpack_out_put(out, &len, sizeof(len));
        unpack_out_put(out, text, len);
}

/* Goes down into a directory; it is the current one then. */
static int enter(unpack_files *files, const char *name) {
        if (mkdirat(AT_FDCWD, name, 0700) < 0)
                return -errno;
        int r = change_to(name);
        if (r < 0)
                return r;
        mn_str_add_char(&files->path, '/');
        mn_str_add(&files->path, name);
        return mn_str_error(&files->path);
}

/* The current directory is full: its times can be set; then up. */
static int leave(unpack_files *files, const struct tree_inode *dir) {
        cleanup_close int fd = mn_open_nofollow(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        if (dir->is_opaque)
                put_text(&files->opaque, mn_str_text(&files->path));
        int r = set_metadata(fd, dir);
        if (r < 0 || chdir("..") < 0)
                return r < 0 ? r : -errno;
        mn_str_truncate(&files->path, (size_t) (strrchr(files->path.data, '/') - files->path.data));
        return 0;
}

static int place(unpack_files *files, struct tree_dentry *d) {
        if (S_ISDIR(d->inode->mode))
                return enter(files, d->name);
        return S_ISREG(d->inode->mode) ? place_file(files, d->inode, d->name)
                                       : place_special(files, d->inode, d->name);
}

/* Visits all names, depth first; `children` of a directory is used up. */
static int place_all(unpack_files *files, tree *t) {
        struct tree_inode *dir = tree_root(t);
        for (;;) {
                struct tree_dentry *d = dir->children;
                int r;
                if (d) {
                        dir->children = d->next;
                        r = place(files, d);
                        dir = S_ISDIR(d->inode->mode) ? d->inode : dir;
                } else {
                        if (dir == tree_root(t))
                                return 0;
                        r = leave(files, dir);
                        dir = dir->parent;
                }
                if (r < 0)
                        return r;
        }
}

/* How many names each file has, and which directory each one lies in. */
static void count_links(struct tree_inode *root) {
        MN_VEC(struct tree_inode *) pending = { 0 };
        mn_vec_push(&pending, root);
        while (pending.len) {
                struct tree_inode *dir = pending.items[--pending.len];
                for (struct tree_dentry *d = dir->children; d; d = d->next) {
                        if (S_ISDIR(d->inode->mode)) {
                                d->inode->parent = dir;
                                mn_vec_push(&pending, d->inode);
                        } else {
                                d->inode->nlink++;
                        }
                }
        }
        mn_vec_release(&pending);
}

static int write_names(const unpack_files *files) {
        struct unpack_out *out = mn_alloc(sizeof(*out));
        int r = unpack_out_open(out, "names");
        for (size_t i = 1; r == 0 && i < files->names.len; i++)
                put_text(out, files->names.items[i] ? files->names.items[i] : "");
        if (r == 0)
                r = unpack_out_close(out);
        free(out);
        return r;
}

/* The root's own metadata comes last: it may take away our right to look into it. */
static int finish_root(tree *t) {
        cleanup_close int fd = mn_open_nofollow(AT_FDCWD, "tree", O_RDONLY | O_DIRECTORY, 0);
        return fd < 0 ? fd : set_metadata(fd, tree_root(t));
}

int unpack_files_place(unpack_files *files, tree *t) {
        int r = unpack_out_open(&files->opaque, "opaque");
        if (r < 0)
                return r;
        mn_str_add(&files->path, "tree");
        count_links(tree_root(t));
        if (tree_root(t)->is_opaque)
                put_text(&files->opaque, "tree");
        r = change_to("tree");
        if (r == 0)
                r = place_all(files, t);
        int closed = unpack_out_close(&files->opaque);
        r = r < 0 ? r : closed;
        if (r == 0 && chdir("..") < 0)
                r = -errno;
        if (r == 0)
                r = finish_root(t);
        if (r == 0)
                r = write_names(files);
        if (r == 0 && unlinkat(AT_FDCWD, "data", AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST)
                r = -errno;
        return r;
}
