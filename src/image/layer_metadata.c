/* SPDX-License-Identifier: Apache-2.0 */
#include "image/layer_metadata.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/str.h"
#include "base/vec.h"
#include "codec/digest.h"
#include "image/layer_private.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"

enum { XATTR_MAX = 64 << 10, HEX_LEN = 64 };

/* Each entry is hashed by itself and added up: so the order in which a directory is read does not matter,
   and no list of names is kept. */
struct walk {
        int tree_fd;
        uint64_t sum[4];
        MN_VEC(char *) pending; /* paths of directories still to read */
        char *names, *value;    /* XATTR_MAX each */
};

/* ---- one entry ---- */

static void add_text(mn_digest *d, const char *text) {
        mn_digest_update(d, text, strlen(text) + 1);
}

/* Attributes the host gives files and changes by itself. */
static bool is_host_attribute(const char *name) {
        return mn_str_has_prefix(name, "security.") && strcmp(name, "security.capability") != 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int add_attributes(struct walk *w, mn_digest *d, const char *file) {
        MN_VEC(char *) list = { 0 };
        ssize_t len = listxattr(file, w->names, XATTR_MAX);
        if (len < 0)
                return errno == ENOTSUP ? 0 : -errno;
        for (char *name = w->names; name < w->names + len; name += strlen(name) + 1)
                if (!is_host_attribute(name))
                        mn_vec_push(&list, name);
        if (list.len)
                qsort(list.items, list.len, sizeof(*list.items), compare_names);
        int r = 0;
        for (size_t i = 0; r == 0 && i < list.len; i++) {
                ssize_t n = getxattr(file, list.items[i], w->value, XATTR_MAX);
                r = n < 0 ? -errno : 0;
                add_text(d, list.items[i]);
                mn_digest_update(d, w->value, (size_t) MN_MAX(n, (ssize_t) 0));
        }
        mn_vec_release(&list);
        return r;
}

static void add_stat(mn_digest *d, const struct stat *st) {
        bool is_dir = S_ISDIR(st->st_mode); /* whose size and links are the file system's */
        char text[160];
        snprintf(text, sizeof(text), "%o %u %u %llu %lld.%09ld %llu %llu", st->st_mode, st->st_uid,
                 st->st_gid, is_dir ? 0 : (unsigned long long) st->st_size, (long long) st->st_mtim.tv_sec,
                 st->st_mtim.tv_nsec, (unsigned long long) st->st_rdev,
                 is_dir ? 0 : (unsigned long long) st->st_nlink);
        add_text(d, text);
}

/* Carries do not matter: each part is a sum of its own. */
static void add_up(struct walk *w, mn_digest *d) {
        char text[MN_DIGEST_SIZE];
        uint64_t parts[4];
        mn_hex_decode(strchr(mn_digest_finish(d, text), ':') + 1, (unsigned char *) parts, sizeof(parts));
        for (size_t i = 0; i < MN_ARRAY_LEN(parts); i++)
                w->sum[i] += parts[i];
}

/* `fd` is an O_PATH descriptor of the entry. */
static int add_entry(struct walk *w, int fd, const char *path, bool *ret_is_dir) {
        struct stat st;
        char file[32];
        cleanup_digest mn_digest *d = mn_digest_new(MN_DIGEST_SHA256);
        if (fstat(fd, &st) < 0)
                return -errno;
        add_text(d, path);
        add_stat(d, &st);
        if (S_ISLNK(st.st_mode)) {
                ssize_t n = readlinkat(fd, "", w->value, XATTR_MAX);
                if (n < 0)
                        return -errno;
                mn_digest_update(d, w->value, (size_t) n);
        }
        int r = add_attributes(w, d, mn_fd_path(fd, file));
        if (r == 0)
                add_up(w, d);
        *ret_is_dir = S_ISDIR(st.st_mode);
        return r;
}

/* ---- the tree ---- */

static int visit(struct walk *w, int dir_fd, const char *folder, const char *name) {
        cleanup_close int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        cleanup_free char *path = *folder ? mn_asprintf("%s/%s", folder, name) : mn_strdup(name);
        bool is_dir;
        int r = fd < 0 ? -errno : add_entry(w, fd, path, &is_dir);
        if (r == 0 && is_dir)
                mn_vec_push(&w->pending, MN_TAKE(path));
        return r;
}

static int read_directory(struct walk *w, const char *path) {
        cleanup_free char *copy = mn_strdup(path); /* is cut up */
        cleanup_close int at = *path ? layer_open_long(w->tree_fd, copy, O_DIRECTORY)
                                     : openat(w->tree_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd = at < 0 ? at : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return -errno;
        }
        int r = 0;
        for (struct dirent *e; r == 0 && (e = readdir(dir));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        r = visit(w, dirfd(dir), path, e->d_name);
        closedir(dir);
        return r;
}

static int walk_tree(struct walk *w) {
        bool is_dir;
        int r = add_entry(w, w->tree_fd, "", &is_dir);
        mn_vec_push(&w->pending, mn_strdup(""));
        while (r == 0 && w->pending.len) {
                cleanup_free char *path = w->pending.items[--w->pending.len];
                r = read_directory(w, path);
        }
        for (size_t i = 0; i < w->pending.len; i++)
                mn_freep(&w->pending.items[i]);
        mn_vec_release(&w->pending);
        return r;
}

static int digest_of(int dir_fd, char hex[HEX_LEN + 1]) {
        cleanup_close int tree = openat(dir_fd, "tree", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        cleanup_free char *names = mn_alloc(XATTR_MAX), *value = mn_alloc(XATTR_MAX);
        struct walk w = { .tree_fd = tree, .names = names, .value = value };
        int r = tree < 0 ? -errno : walk_tree(&w);
        if (r == 0)
                mn_hex_encode((const unsigned char *) w.sum, sizeof(w.sum), hex);
        return r;
}

int layer_metadata_write(int dir_fd) {
        char hex[HEX_LEN + 1];
        int r = digest_of(dir_fd, hex);
        return r < 0 ? r : mn_file_create(dir_fd, "metadata", hex, HEX_LEN, 0600);
}

int layer_metadata_check(int dir_fd) {
        cleanup_free char *noted = NULL;
        char hex[HEX_LEN + 1];
        int r = mn_file_read(dir_fd, "metadata", HEX_LEN, &noted, NULL);
        if (r == -ENOENT)
                return 1;
        if (r == 0)
                r = digest_of(dir_fd, hex);
        return r < 0 ? r : strcmp(hex, noted) == 0;
}
