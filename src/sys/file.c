/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/str.h"
#include "base/vec.h"
#include "sys/fd.h"

/* The rest of a file whose first bytes are in `text` already, `chunk` bytes at first. */
static int read_rest(int fd, size_t chunk, size_t max, mn_str *text) {
        for (;; chunk = chunk < 1 << 20 ? chunk * 2 : chunk) {
                size_t want = MN_MIN(chunk, max + 1 - text->len);
                char *to = want ? mn_str_reserve(text, want) : NULL;
                if (!to)
                        return -EFBIG;
                ssize_t n = mn_read_full(fd, to, want);
                if (n < 0)
                        return (int) n;
                text->len += (size_t) n;
                text->data[text->len] = '\0';
                if (text->len > max)
                        return -EFBIG;
                if ((size_t) n < want)
                        return 0;
        }
}

enum { FIRST_READ = 4096 };

/* Most files end in the first read, and cost no more memory than they need. */
static int read_first(int fd, size_t max, mn_str *text) {
        char first[FIRST_READ];
        size_t want = MN_MIN(sizeof(first), max + 1);
        ssize_t n = mn_read_full(fd, first, want);
        if (n < 0)
                return (int) n;
        if ((size_t) n > max)
                return -EFBIG;
        mn_str_add_len(text, first, (size_t) n);
        return (size_t) n < want ? 0 : read_rest(fd, 8192, max, text);
}

/* `size`: what the file says of itself. */
static int read_all(int fd, size_t size, size_t max, char **ret, size_t *ret_len) {
        cleanup_str mn_str text = MN_STR_INIT(max + 1);
        int r = size > FIRST_READ ? read_rest(fd, size + 1, max, &text) : read_first(fd, max, &text);
        if (r < 0)
                return r;
        size_t len = text.len;
        *ret = mn_str_take(&text);
        if (ret_len)
                *ret_len = len;
        return 0;
}

int mn_file_read_fd(int fd, size_t max, char **ret, size_t *ret_len) {
        return read_all(fd, 0, max, ret, ret_len);
}

int mn_file_read(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len) {
        cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        return read_all(fd, MN_MIN((size_t) st.st_size, max), max, ret, ret_len);
}

static int write_new(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                     bool is_durable) {
        cleanup_close int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                      mode);
        if (fd < 0)
                return -errno;
        int r = fchmod(fd, mode) < 0 ? -errno : mn_write_all(fd, data, len);
        if (r == 0 && is_durable && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(dirfd, name, 0);
        return r;
}

int mn_file_create(int dirfd, const char *name, const void *data, size_t len, mode_t mode) {
        return write_new(dirfd, name, data, len, mode, false);
}

static int replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode, bool is_durable) {
        unsigned char random[8];
        char hex[2 * sizeof(random) + 1];
        mn_random(random, sizeof(random));
        mn_hex_encode(random, sizeof(random), hex);
        cleanup_free char *temporary = mn_asprintf("%s.%s.tmp", name, hex);
        int r = write_new(dirfd, temporary, data, len, mode, is_durable);
        if (r < 0)
                return r;
        if (renameat(dirfd, temporary, dirfd, name) < 0) {
                r = -errno;
                unlinkat(dirfd, temporary, 0);
                return r;
        }
        if (!is_durable)
                return 0;
        const char *slash = strrchr(name, '/');
        cleanup_free char *parent = slash ? mn_strndup(name, (size_t) (slash - name) + 1) : mn_strdup(".");
        return mn_sync_dir(dirfd, parent);
}

int mn_file_write_atomic(int dirfd, const char *name, const void *data, size_t len, mode_t mode) {
        return replace(dirfd, name, data, len, mode, true);
}

int mn_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode) {
        return replace(dirfd, name, data, len, mode, false);
}

int mn_file_put(int dirfd, const char *name, const char *value) {
        cleanup_close int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        size_t len = strlen(value);
        ssize_t n = write(fd, value, len);
        if (n < 0)
                return -errno;
        return (size_t) n == len ? 0 : -EIO;
}

int mn_mkdir_p(const char *path, mode_t mode) {
        cleanup_free char *copy = mn_strdup(path);
        for (char *p = copy + 1; *copy; p++) {
                if (*p != '/' && *p != '\0')
                        continue;
                char was = *p;
                *p = '\0';
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                if (!was)
                        return 0;
                *p = was;
        }
        return -ENOENT;
}

/* Moves a directory up; names that an interrupted removal has left are passed over. */
static int move_up(int fd, const char *name, int top, unsigned *counter) {
        char fresh[40];
        int r;
        do {
                snprintf(fresh, sizeof(fresh), ".removing-%u", (*counter)++);
                r = renameat(fd, name, top, fresh) < 0 ? -errno : 0;
        } while (r == -EEXIST || r == -ENOTEMPTY);
        return r;
}

/* Removes what is in the directory `fd`; the first subdirectory that is not empty is moved up into `top`
   under a fresh name instead, so that the depth of the tree costs neither stack nor descriptors. */
static int empty_dir(int fd, int top, unsigned *counter) {
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
        DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        if (!dir) {
                mn_close(copy);
                return -errno;
        }
        int result = 0;
        for (struct dirent *e; (errno = 0, e = readdir(dir));) {
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if (unlinkat(fd, e->d_name, 0) == 0 || errno == ENOENT)
                        continue;
                int r = errno == EISDIR || errno == EPERM ? 0 : -errno;
                if (r == 0 && unlinkat(fd, e->d_name, AT_REMOVEDIR) < 0)
                        r = -errno;
                if (r == -ENOTEMPTY || r == -EEXIST)
                        r = fd == top ? -ENOTEMPTY : move_up(fd, e->d_name, top, counter);
                if (r < 0 && r != -ENOTEMPTY && result == 0)
                        result = r;
        }
        closedir(dir);
        return result;
}

/* Empties each subdirectory of `top`, whose own subdirectories move up meanwhile, until none is left. */
static int empty_tree(int top) {
        unsigned counter = 0;
        for (;;) {
                int result = empty_dir(top, top, &counter);
                int copy = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                DIR *dir = copy < 0 ? NULL : fdopendir(copy);
                if (!dir) {
                        mn_close(copy);
                        return -errno;
                }
                size_t left = 0, removed = 0;
                for (struct dirent *e; (e = readdir(dir));) {
                        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                                continue;
                        left++;
                        cleanup_close int sub = openat(top, e->d_name,
                                                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                        int r = sub < 0 ? -errno : empty_dir(sub, top, &counter);
                        if (r == 0 && unlinkat(top, e->d_name, AT_REMOVEDIR) < 0)
                                r = -errno;
                        removed += r == 0;
                        if (r < 0 && result == 0)
                                result = r;
                }
                closedir(dir);
                if (left == 0)
                        return 0;
                if (removed == 0)
                        return result ? result : -ENOTEMPTY;
        }
}

int mn_remove_tree(int dirfd, const char *name) {
        if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        cleanup_close int top = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (top < 0)
                return -errno;
        int r = empty_tree(top);
        if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && r == 0)
                r = -errno;
        return r;
}

int mn_sync_dir(int dirfd, const char *name) {
        cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}
