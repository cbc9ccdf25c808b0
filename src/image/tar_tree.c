/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as tar streams: `export` of a container and its archives for copying. The tree may be changed
   meanwhile by whoever runs in it, so nothing is looked at twice: an entry's header and data come from one
   descriptor. */

#include <dirent.h>
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
#include "base/map.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/vec.h"
#include "codec/tar.h"
#include "image/image.h"
#include "image/tar_tree.h"
#include "sys/fd.h"
#include "sys/path.h"

enum { MAX_DEPTH = 2000, CHUNK = 256 * 1024, MAX_XATTR_NAMES = 64 * 1024, MAX_XATTRS = 64 };

struct writer {
        image_write_fn write;
        void *arg;
        mn_map *links; /* "device:inode" of files with several names -> the first name in the archive */
        char *buffer;  /* CHUNK bytes */
        bool is_layer; /* the tree is an overlay's upper directory: whiteouts are translated */
};

static int put(struct writer *w, const void *bytes, size_t len) {
        return len ? w->write(w->arg, bytes, len) : 0;
}

/* ---- one entry ---- */

static void fill_entry(mn_tar_entry *e, const struct stat *st, const char *path) {
        *e = (mn_tar_entry){
                .path = path,
                .link = "",
                .uname = "",
                .gname = "",
                .mode = st->st_mode & 07777,
                .uid = st->st_uid,
                .gid = st->st_gid,
                .mtime_sec = st->st_mtim.tv_sec,
                .mtime_nsec = (uint32_t) st->st_mtim.tv_nsec,
        };
        switch (st->st_mode & S_IFMT) {
        case S_IFDIR:
                e->type = MN_TAR_DIR;
                break;
        case S_IFLNK:
                e->type = MN_TAR_SYMLINK;
                break;
        case S_IFIFO:
                e->type = MN_TAR_FIFO;
                break;
        case S_IFCHR:
        case S_IFBLK:
                e->type = S_ISCHR(st->st_mode) ? MN_TAR_CHAR : MN_TAR_BLOCK_DEVICE;
                e->major = major(st->st_rdev);
                e->minor = minor(st->st_rdev);
                break;
        default:
                e->type = MN_TAR_FILE;
                e->size = st->st_size;
        }
}

/* What of the extended attributes belongs into an archive: file capabilities and the user's own. */
static size_t read_xattrs(int fd, mn_arena *arena, mn_tar_xattr *ret) {
        char path[32];
        char *names = mn_arena_alloc(arena, MAX_XATTR_NAMES);
        ssize_t len = listxattr(mn_fd_path(fd, path), names, MAX_XATTR_NAMES);
        size_t n = 0;
        for (const char *name = names; len > 0 && name < names + len && n < MAX_XATTRS;
             name += strlen(name) + 1) {
                if (strcmp(name, "security.capability") != 0 && !mn_str_has_prefix(name, "user."))
                        continue;
                char *value = mn_arena_alloc(arena, MN_TAR_XATTR_MAX);
                ssize_t size = getxattr(path, name, value, MN_TAR_XATTR_MAX);
                if (size >= 0)
                        ret[n++] = (mn_tar_xattr){ name, value, (size_t) size };
        }
        return n;
}

static int put_header(struct writer *w, const mn_tar_entry *e) {
        cleanup_str mn_str header = MN_STR_INIT(4 * MN_TAR_EXTENSION_MAX);
        mn_tar_write_header(e, &header);
        int r = mn_str_error(&header);
        return r < 0 ? r : put(w, mn_str_text(&header), header.len);
}

/* Exactly `size` bytes, whatever becomes of the file meanwhile. */
static int put_data(struct writer *w, int fd, int64_t size) {
        int r = 0;
        for (int64_t left = size; left > 0 && r == 0;) {
                size_t want = (size_t) MN_MIN(left, (int64_t) CHUNK);
                ssize_t n = mn_read_full(fd, w->buffer, want);
                if (n < 0)
                        return (int) n;
                memset(w->buffer + n, 0, want - (size_t) n);
                r = put(w, w->buffer, want);
                left -= (int64_t) want;
        }
        static const char zeros[MN_TAR_BLOCK];
        return r < 0 ? r : put(w, zeros, mn_tar_padding(size));
}

/* The name an inode was archived under before, or NULL; then it is `path` from now on. */
static const char *earlier_name(struct writer *w, const struct stat *st, const char *path) {
        if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
                return NULL;
        char key[64];
        snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long) st->st_dev,
                 (unsigned long long) st->st_ino);
        const char *earlier = mn_map_get(w->links, key);
        if (!earlier)
                mn_map_set(w->links, key, mn_strdup(path));
        return earlier;
}

static int put_file(struct writer *w, int dir, const char *name, const char *path) {
        cleanup_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return errno == ENOENT || errno == ELOOP ? 0 : -errno; /* gone or exchanged meanwhile */
        if (!S_ISREG(st.st_mode))
                return 0;
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_tar_xattr xattrs[MAX_XATTRS];
        mn_tar_entry e;
        fill_entry(&e, &st, path);
        const char *earlier = earlier_name(w, &st, path);
        if (earlier) {
                e.type = MN_TAR_HARDLINK;
                e.link = earlier;
                e.size = 0;
                return put_header(w, &e);
        }
        e.xattrs = xattrs;
        e.nxattrs = read_xattrs(fd, arena, xattrs);
        int r = put_header(w, &e);
        return r < 0 ? r : put_data(w, fd, e.size);
}

static int put_link(struct writer *w, int dir, const char *name, const char *path, const struct stat *st) {
        char target[MN_TAR_PATH_MAX];
        ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);
        if (len < 0)
                return errno == ENOENT || errno == EINVAL ? 0 : -errno;
        target[len] = '\0';
        mn_tar_entry e;
        fill_entry(&e, st, path);
        e.link = target;
        return put_header(w, &e);
}

/* ---- what a layer hides ---- */

static bool is_whiteout(const struct writer *w, const struct stat *st) {
        return w->is_layer && S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* An empty file `path`. */
static int put_marker(struct writer *w, const struct stat *st, const char *path) {
        mn_tar_entry e;
        fill_entry(&e, st, path);
        e.type = MN_TAR_FILE;
        e.mode = 0;
        e.size = e.major = e.minor = 0;
        return put_header(w, &e);
}

static int put_whiteout(struct writer *w, const char *path, const struct stat *st) {
        const char *slash = strrchr(path, '/');
        int dir_len = slash ? (int) (slash - path) + 1 : 0;
        cleanup_free char *marker = mn_asprintf("%.*s.wh.%s", dir_len, path, path + dir_len);
        return put_marker(w, st, marker);
}

static int put_opaque(struct writer *w, int fd, const char *path, const struct stat *st) {
        char value = '\0';
        if (!w->is_layer || fgetxattr(fd, "trusted.overlay.opaque", &value, 1) != 1 || value != 'y')
                return 0;
        cleanup_free char *marker = mn_asprintf("%s%s.wh..wh..opq", path, *path ? "/" : "");
        return put_marker(w, st, marker);
}

/* ---- directories ---- */

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Names in the directory, sorted: equal trees give equal archives. */
static int read_names(int fd, char ***ret) {
        int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = own < 0 ? NULL : fdopendir(own);
        if (!dir) {
                mn_close(own);
                return -errno;
        }
        MN_VEC(char *) names = { 0 };
        for (struct dirent *e; (e = readdir(dir));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        mn_vec_push(&names, mn_strdup(e->d_name));
        closedir(dir);
        if (names.len)
                qsort(names.items, names.len, sizeof(*names.items), compare_names);
        mn_vec_push(&names, NULL);
        *ret = names.items;
        return 0;
}

static int put_entry(struct writer *w, int dir, const char *name, const char *path, unsigned depth);

/* `path` is "" for the top of an export, whose own header is left out, else ends without '/'. */
static int put_directory(struct writer *w, int fd, const char *path, unsigned depth) {
        struct stat st;
        if (depth > MAX_DEPTH)
                return -ELOOP;
        if (fstat(fd, &st) < 0)
                return -errno;
        int r = 0;
        if (*path) {
                cleanup_free char *with_slash = mn_asprintf("%s/", path);
                mn_tar_entry e;
                fill_entry(&e, &st, with_slash);
                r = put_header(w, &e);
        }
        if (r == 0)
                r = put_opaque(w, fd, path, &st);
        cleanup_strv char **names = NULL;
        if (r == 0)
                r = read_names(fd, &names);
        for (char **name = names; r == 0 && *name; name++) {
                cleanup_free char *below = *path ? mn_asprintf("%s/%s", path, *name) : mn_strdup(*name);
                r = put_entry(w, fd, *name, below, depth + 1);
        }
        return r;
}

static int put_entry(struct writer *w, int dir, const char *name, const char *path, unsigned depth) {
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (is_whiteout(w, &st))
                return put_whiteout(w, path, &st);
        if (S_ISREG(st.st_mode))
                return put_file(w, dir, name, path);
        if (S_ISLNK(st.st_mode))
                return put_link(w, dir, name, path, &st);
        if (S_ISSOCK(st.st_mode))
                return 0; /* tar has none; it would be dead without its process anyhow */
        if (S_ISDIR(st.st_mode)) {
                cleanup_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
                return put_directory(w, fd, path, depth);
        }
        mn_tar_entry e;
        fill_entry(&e, &st, path);
        return put_header(w, &e);
}

static mn_status write_tree(int dir_fd, const char *name, const char *as, struct writer *w, mn_err *err) {
        w->links = mn_map_new(free);
        w->buffer = mn_alloc(CHUNK);
        int r = name ? put_entry(w, dir_fd, name, as, 0) : put_directory(w, dir_fd, as, 0);
        if (r == 0) {
                cleanup_str mn_str end = MN_STR_INIT(0);
                mn_tar_write_end(&end);
                r = put(w, mn_str_text(&end), end.len);
        }
        mn_map_free(w->links);
        free(w->buffer);
        return r < 0 ? mn_fail_errno(err, r, "cannot archive %s", *as ? as : "the tree") : MN_OK;
}

mn_status image_tar_tree(int dir_fd, const char *name, const char *as, image_write_fn write, void *arg,
                         mn_err *err) {
        struct writer w = { .write = write, .arg = arg };
        return write_tree(dir_fd, name, as, &w, err);
}

mn_status image_tar_layer(int upper_fd, image_write_fn write, void *arg, mn_err *err) {
        struct writer w = { .write = write, .arg = arg, .is_layer = true };
        return write_tree(upper_fd, NULL, "", &w, err);
}

mn_status image_export_tree(int root_fd, image_write_fn write, void *arg, mn_err *err) {
        return image_tar_tree(root_fd, NULL, "", write, arg, err);
}
