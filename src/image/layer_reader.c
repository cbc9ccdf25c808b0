/* SPDX-License-Identifier: Apache-2.0 */
#include "image/layer_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/digest.h"
#include "image/split.h"
#include "sys/fd.h"
#include "sys/path.h"

/* A list read front to back. */
struct list {
        int fd;
        size_t at, len;
        char buffer[64 << 10];
};

struct layer_reader {
        int tar_fd; /* -1: a tree */
        int dir_fd;
        struct list split, names;
        uint32_t number; /* of the file that is open */
        int file_fd;
        struct split_record record; /* `len` is what is left of it */
        uint64_t left;
        mn_digest *digest; /* NULL: nobody asked */
        char expected[MN_DIGEST_SIZE];
        int64_t to_come; /* bytes, while somebody asked */
};

layer_reader *layer_reader_of_tar(int fd) {
        layer_reader *r = mn_alloc(sizeof(*r));
        r->tar_fd = fd;
        r->dir_fd = r->file_fd = r->split.fd = r->names.fd = -1;
        return r;
}

int layer_reader_of_tree(int dir_fd, layer_reader **ret) {
        layer_reader *r = layer_reader_of_tar(-1);
        r->dir_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r->split.fd = openat(dir_fd, "split", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        r->names.fd = openat(dir_fd, "names", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (r->dir_fd < 0 || r->split.fd < 0 || r->names.fd < 0) {
                int error = -errno;
                layer_reader_free(r);
                return error;
        }
        *ret = r;
        return 0;
}

bool layer_reader_is_tar(const layer_reader *r) {
        return r->tar_fd >= 0;
}

void layer_reader_free(layer_reader *r) {
        if (!r)
                return;
        const int fds[] = { r->tar_fd, r->dir_fd, r->file_fd, r->split.fd, r->names.fd };
        for (size_t i = 0; i < MN_ARRAY_LEN(fds); i++)
                mn_close(fds[i]);
        mn_digest_free(r->digest);
        free(r);
}

void layer_reader_freep(layer_reader **r) {
        layer_reader_free(*r);
}

/* ---- lists ---- */

/* Exactly `len` bytes: 1, 0 at the end of the list, or -errno. */
static int take(struct list *list, void *to, size_t len) {
        char *p = to;
        size_t done = 0;
        while (done < len) {
                if (list->at == list->len) {
                        ssize_t n = mn_read_full(list->fd, list->buffer, sizeof(list->buffer));
                        if (n < 0)
                                return (int) n;
                        if (n == 0)
                                return done ? -EBADMSG : 0;
                        list->at = 0;
                        list->len = (size_t) n;
                }
                size_t n = MN_MIN(len - done, list->len - list->at);
                memcpy(p + done, list->buffer + list->at, n);
                list->at += n;
                done += n;
        }
        return 1;
}

/* The next name, on the heap: 0 or -errno. */
static int take_name(struct list *names, char **ret) {
        uint32_t len;
        int r = take(names, &len, sizeof(len));
        if (r <= 0 || len > SPLIT_PATH_MAX)
                return r < 0 ? r : -EBADMSG;
        cleanup_free char *name = mn_alloc(len + 1);
        r = len ? take(names, name, len) : 1;
        if (r <= 0 || strlen(name) != len)
                return r < 0 ? r : -EBADMSG;
        *ret = MN_TAKE(name);
        return 0;
}

/* ---- files ---- */

int layer_open_long(int dir_fd, char *path, int flags) {
        cleanup_close int at = openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char *rest = path;
        while (at >= 0 && rest) {
                char *cut = strlen(rest) < PATH_MAX ? NULL : memrchr(rest, '/', PATH_MAX - 1);
                if (cut)
                        *cut = '\0';
                int next = mn_open_nofollow(at, rest, O_PATH | O_NOFOLLOW | (cut ? O_DIRECTORY : flags), 0);
                mn_close(at);
                at = next;
                rest = cut ? cut + 1 : NULL;
        }
        return MN_TAKE_FD(at);
}

/* A file is looked at before it is opened, for opening a device or FIFO has effects. */
static int open_file(int dir_fd, char *path) {
        cleanup_close int at = layer_open_long(dir_fd, path, 0);
        struct stat st;
        if (at < 0 || fstat(at, &st) < 0)
                return at < 0 ? at : -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        char link[32];
        int fd = open(mn_fd_path(at, link), O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Opens file `number`; numbers never fall, so the names are read along. */
static int change_file(layer_reader *r, uint32_t number) {
        cleanup_free char *name = NULL;
        if (number < r->number)
                return -EBADMSG;
        while (r->number < number) {
                free(MN_TAKE(name));
                int error = take_name(&r->names, &name);
                if (error < 0)
                        return error;
                r->number++;
        }
        if (name && !*name) {
                free(name);
                name = mn_asprintf("data/%u", number);
        }
        if (!name) /* the same file as before */
                return r->file_fd < 0 ? -EBADMSG : 0;
        mn_close(r->file_fd);
        r->file_fd = open_file(r->dir_fd, name);
        return MN_MIN(0, r->file_fd);
}

/* ---- reading ---- */

/* The next record: 1, 0 at the end, or -errno. */
static int next_record(layer_reader *r) {
        int error = take(&r->split, &r->record, sizeof(r->record));
        if (error <= 0)
                return error;
        r->left = r->record.len;
        switch (r->record.kind) {
        case SPLIT_BYTES:
        case SPLIT_ZEROS:
                return 1;
        case SPLIT_FILE:
                error = change_file(r, r->record.number);
                return error < 0 ? error : 1;
        default:
                return -EBADMSG;
        }
}

static ssize_t read_record(layer_reader *r, char *buf, size_t len) {
        size_t n = (size_t) MN_MIN((uint64_t) len, r->left);
        if (r->record.kind == SPLIT_ZEROS) {
                memset(buf, 0, n);
        } else if (r->record.kind == SPLIT_BYTES) {
                int error = take(&r->split, buf, n);
                if (error <= 0)
                        return error < 0 ? error : -EBADMSG;
        } else {
                uint64_t at = r->record.offset + (r->record.len - r->left);
                ssize_t got = at > INT64_MAX ? -1 : pread(r->file_fd, buf, n, (off_t) at);
                if (got <= 0)
                        return got < 0 && errno == EIO ? -EIO : -ENOENT;
                n = (size_t) got;
        }
        r->left -= n;
        return (ssize_t) n;
}

static ssize_t read_tree(layer_reader *r, char *buf, size_t len) {
        size_t done = 0;
        while (done < len) {
                int more = r->left ? 1 : next_record(r);
                if (more <= 0)
                        return more < 0 ? more : (ssize_t) done;
                ssize_t n = r->left ? read_record(r, buf + done, len - done) : 0;
                if (n < 0)
                        return n;
                done += (size_t) n;
        }
        return (ssize_t) done;
}

void layer_reader_verify(layer_reader *r, const char *diff_id, int64_t size) {
        mn_digest_free(r->digest);
        r->digest = mn_digest_new(mn_digest_algorithm_of(diff_id));
        mn_str_copy(r->expected, sizeof(r->expected), diff_id);
        r->to_come = size;
}

/* What was read, with the digest: at the end (fewer bytes than asked for) it must be the expected one. */
static int take_in(layer_reader *r, const void *data, size_t len, bool is_end) {
        char found[MN_DIGEST_SIZE];
        if ((int64_t) len > r->to_come)
                return -EBADMSG;
        r->to_come -= (int64_t) len;
        mn_digest_update(r->digest, data, len);
        if (!is_end)
                return 0;
        mn_digest_finish(r->digest, found);
        mn_digest_free(MN_TAKE(r->digest));
        return r->to_come || strcmp(found, r->expected) != 0 ? -EBADMSG : 0;
}

ssize_t layer_reader_read(layer_reader *r, void *buf, size_t len) {
        ssize_t n = r->tar_fd >= 0 ? mn_read_full(r->tar_fd, buf, len) : read_tree(r, buf, len);
        if (n < 0 || !r->digest)
                return n;
        int error = take_in(r, buf, (size_t) n, (size_t) n < len);
        return error < 0 ? error : n;
}
