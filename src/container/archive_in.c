/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUT /containers/{id}/archive: unpacks a tar below a directory of a container. The archive is somebody's,
 * and so is the tree it goes into, which may change meanwhile. Names are resolved below the target directory
 * inside the container's root; what is made is made by directory descriptor and a single name, and metadata
 * are set through the new file's descriptor.
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
#include "base/str.h"
#include "codec/compress.h"
#include "codec/tar.h"
#include "container/tree.h"
#include "container/user.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"
#include "worker/decompress.h"

struct unpack {
        int root_fd;        /* the container's root */
        const char *target; /* directory in it */
        bool refuses_type_change;
        const container_user *owner; /* gets everything; NULL: owners are the archive's */
        int file_fd;                 /* the file whose data come now; -1 */
        mn_tar_entry file;           /* its metadata, set when the data are there */
        mn_err *err;
        mn_status status; /* what went wrong, when a callback stopped the reader */
        mn_arena *arena;
};

static int stop(struct unpack *u, int error, const char *path) {
        u->status = mn_fail_errno(u->err, error, "cannot unpack \"%s\"", path);
        return error;
}

static int set_metadata(struct unpack *u, int fd, const mn_tar_entry *e, bool is_link) {
        char path[32];
        mn_fd_path(fd, path);
        uid_t uid = u->owner ? u->owner->uid : e->uid;
        gid_t gid = u->owner ? u->owner->gid : e->gid;
        if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { e->mtime_sec, (long) e->mtime_nsec } };
        if (is_link)
                return 0;
        for (size_t i = 0; i < e->nxattrs; i++) {
                const mn_tar_xattr *x = &e->xattrs[i];
                bool is_wanted = strcmp(x->name, "security.capability") == 0 ||
                                 mn_str_has_prefix(x->name, "user.");
                if (is_wanted && setxattr(path, x->name, x->value, x->len, 0) < 0 && errno != EOPNOTSUPP)
                        return -errno;
        }
        if (chmod(path, e->mode) < 0)
                return -errno;
        return utimensat(AT_FDCWD, path, times, 0) < 0 ? -errno : 0;
}

/* Takes away what stands where `name` is to be. A directory stays for a directory. */
static int make_room(struct unpack *u, int dir, const char *name, const mn_tar_entry *e) {
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        bool was_dir = S_ISDIR(st.st_mode), is_dir = e->type == MN_TAR_DIR;
        if (was_dir && is_dir)
                return 0;
        if (was_dir != is_dir && u->refuses_type_change) {
                u->status = mn_fail(u->err, MN_INVALID, "cannot overwrite %s %s with %s %s",
                                    was_dir ? "directory" : "non-directory", name,
                                    is_dir ? "directory" : "non-directory", e->path);
                return -EINVAL;
        }
        return mn_remove_tree(dir, name);
}

static int make_directory(struct unpack *u, int dir, const char *name, const mn_tar_entry *e) {
        if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        cleanup_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : set_metadata(u, fd, e, false);
}

/* The data follow. */
static int begin_file(struct unpack *u, int dir, const char *name, const mn_tar_entry *e) {
        u->file_fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (u->file_fd < 0)
                return -errno;
        u->file = *e;
        u->file.path = mn_arena_strdup(u->arena, e->path);
        mn_tar_xattr *xattrs = mn_arena_array(u->arena, e->nxattrs + 1, sizeof(*xattrs));
        for (size_t i = 0; i < e->nxattrs; i++) {
                void *value = mn_arena_alloc(u->arena, e->xattrs[i].len);
                memcpy(value, e->xattrs[i].value, e->xattrs[i].len);
                xattrs[i] = (mn_tar_xattr){ mn_arena_strdup(u->arena, e->xattrs[i].name), value,
                                            e->xattrs[i].len };
        }
        u->file.xattrs = xattrs;
        return e->is_sparse ? -EOPNOTSUPP : 0; /* no client sends one */
}

static int make_hard_link(struct unpack *u, int dir, const char *name, const mn_tar_entry *e) {
        cleanup_free char *path = mn_asprintf("%s/%s", u->target, e->link);
        char clean[256];
        cleanup_close int from = mn_open_parent_in_root(u->root_fd, container_clean_path(u->arena, path), 0,
                                                        clean);
        if (from < 0)
                return from;
        return linkat(from, clean, dir, name, 0) < 0 ? -errno : 0;
}

static int make_special(struct unpack *u, int dir, const char *name, const mn_tar_entry *e) {
        mode_t kind = e->type == MN_TAR_CHAR ? S_IFCHR : e->type == MN_TAR_FIFO ? S_IFIFO : S_IFBLK;
        if (mknodat(dir, name, kind | e->mode, makedev(e->major, e->minor)) < 0)
                return -errno;
        cleanup_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : set_metadata(u, fd, e, false);
}

static int make_symbolic_link(struct unpack *u, int dir, const char *name, const mn_tar_entry *e) {
        if (symlinkat(e->link, dir, name) < 0)
                return -errno;
        cleanup_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : set_metadata(u, fd, e, true);
}

static int make_entry(struct unpack *u, int dir, const char *name, const mn_tar_entry *e) {
        switch (e->type) {
        case MN_TAR_DIR:
                return make_directory(u, dir, name, e);
        case MN_TAR_FILE:
                return begin_file(u, dir, name, e);
        case MN_TAR_HARDLINK:
                return make_hard_link(u, dir, name, e);
        case MN_TAR_SYMLINK:
                return make_symbolic_link(u, dir, name, e);
        case MN_TAR_CHAR:
        case MN_TAR_BLOCK_DEVICE:
        case MN_TAR_FIFO:
                return make_special(u, dir, name, e);
        }
        return -EINVAL;
}

static int on_entry(void *arg, const mn_tar_entry *e) {
        struct unpack *u = arg;
        /* Cleaned as if the target were the root: ".." cannot lead above it. */
        char *below = container_clean_path(u->arena, e->path);
        if (strcmp(below, "/") == 0)
                return 0; /* the target itself is there already and stays as it is */
        cleanup_free char *joined = mn_asprintf("%s%s", u->target, below);
        char name[256];
        cleanup_close int dir = mn_open_parent_in_root(u->root_fd, container_clean_path(u->arena, joined),
                                                       0755, name);
        int r = dir < 0 ? dir : make_room(u, dir, name, e);
        if (r == 0)
                r = make_entry(u, dir, name, e);
        return r < 0 && !u->status ? stop(u, r, e->path) : r;
}

static int on_data(void *arg, const void *data, size_t len) {
        struct unpack *u = arg;
        int r = mn_write_all(u->file_fd, data, len);
        return r < 0 ? stop(u, r, u->file.path) : 0;
}

static int on_end(void *arg) {
        struct unpack *u = arg;
        if (u->file_fd < 0)
                return 0;
        int r = set_metadata(u, u->file_fd, &u->file, false);
        u->file_fd = mn_close(u->file_fd);
        return r < 0 ? stop(u, r, u->file.path) : 0;
}

static int feed_tar(void *arg, const void *data, size_t len) {
        return mn_tar_reader_feed(arg, data, len);
}

/* Reads the archive, compressed or not, to its end. */
static int read_archive(decompress_pool *decompressors, const container_archive_in *in, mn_tar_reader *tar) {
        enum { CHUNK = 64 * 1024 };
        cleanup_free char *buffer = mn_alloc(CHUNK);
        size_t have = 0;
        ssize_t n = 1;
        while (have < MN_COMPRESSION_HEAD && (n = in->read(in->arg, buffer + have, CHUNK - have)) > 0)
                have += (size_t) n;
        if (n < 0)
                return (int) n;
        cleanup_decompress_worker decompress_worker *d = NULL;
        int r = decompress_worker_new(decompressors, mn_compression_detect(buffer, have), false, feed_tar,
                                      tar, &d);
        if (r == 0)
                r = decompress_worker_feed(d, buffer, have);
        while (r == 0 && (n = in->read(in->arg, buffer, CHUNK)) > 0)
                r = decompress_worker_feed(d, buffer, (size_t) n);
        if (r < 0 || n < 0)
                return r < 0 ? r : (int) n;
        r = decompress_worker_finish(d);
        return r < 0 ? r : mn_tar_reader_finish(tar);
}

static mn_status unpack(struct unpack *u, decompress_pool *decompressors, const container_archive_in *in,
                        mn_err *err) {
        static const mn_tar_handler handler = { on_entry, on_data, on_end };
        cleanup_tar_reader mn_tar_reader *tar = mn_tar_reader_new(&handler, u);
        int r = read_archive(decompressors, in, tar);
        mn_close(u->file_fd);
        if (u->status)
                return u->status;
        if (r == -ENOTSUP)
                return mn_fail(err, MN_INVALID, "unsupported compression of the archive");
        if (r == -EPROTO)
                return mn_fail(err, MN_INVALID,
                               "the archive is damaged: the process that decompresses it came to an end");
        if (r == -EBADMSG)
                return mn_fail(err, MN_INVALID, "the archive is damaged or not a tar: %s",
                               mn_tar_reader_problem(tar));
        return r < 0 ? mn_fail_errno(err, r, "cannot read the archive") : MN_OK;
}

mn_status container_archive_put(container_engine *e, const char *name, const char *path,
                                const container_archive_in *in, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_tree container_tree tree = { .root_fd = -1 };
        mn_status st = container_tree_open(e, name, path, true, arena, &tree, err);
        if (st)
                return st;
        if (tree.is_read_only)
                return mn_fail(err, MN_FORBIDDEN, "container rootfs is marked read-only");
        cleanup_close int dir = mn_open_in_root(tree.root_fd, tree.path, O_PATH | O_DIRECTORY, 0);
        if (dir == -ENOTDIR)
                return mn_fail(err, MN_INVALID, "extraction point is not a directory");
        if (dir < 0)
                return mn_fail(err, MN_NOT_FOUND, "Could not find the file %s in container %s", path, name);
        container_user owner;
        bool has_owner = in->keeps_owner && !mn_str_is_empty(tree.c->record->config.user);
        if (has_owner)
                st = container_user_lookup(tree.root_fd, tree.c->record->config.user, NULL, arena, &owner,
                                           err);
        if (st)
                return st;
        struct unpack u = {
                .root_fd = tree.root_fd,
                .target = strcmp(tree.path, "/") == 0 ? "" : tree.path,
                .refuses_type_change = in->refuses_type_change,
                .owner = has_owner ? &owner : NULL,
                .file_fd = -1,
                .err = err,
                .arena = arena,
        };
        st = unpack(&u, image_store_decompressors(e->options.images), in, err);
        if (!st)
                container_event(tree.c, "extract-to-dir", NULL);
        return st;
}
