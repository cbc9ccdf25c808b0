/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "sys/fd.h"

enum {
        BLOCK = 64 * 1024,
        GAP_MAX = 2, /* in the middle of a rotation one name is missing; two in a row are the end */
};

static char *name_of(const char *path, int index) {
        return index ? mn_asprintf("%s.%d", path, index) : mn_strdup(path);
}

int logs_file_open(const char *path, int index, struct logs_file *ret) {
        cleanup_free char *name = name_of(path, index);
        cleanup_close int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        *ret = (struct logs_file){ MN_TAKE_FD(fd), st.st_ino };
        return ret->fd;
}

ssize_t logs_files_open_all(const char *path, struct logs_file **ret) {
        MN_VEC(struct logs_file) files = { 0 };
        int error = 0, missing = 0;
        for (int i = 0; i < LOGS_FILES_MAX && !error && missing < GAP_MAX; i++) {
                struct logs_file f;
                int r = logs_file_open(path, i, &f);
                missing = r == -ENOENT ? missing + 1 : 0;
                if (r < 0)
                        error = r == -ENOENT ? 0 : r;
                else if (files.len && files.items[files.len - 1].inode == f.inode)
                        mn_close(f.fd); /* renamed while we looked */
                else
                        mn_vec_push(&files, f);
        }
        if (!error) {
                *ret = files.items;
                return (ssize_t) files.len;
        }
        for (size_t i = 0; i < files.len; i++)
                mn_close(files.items[i].fd);
        mn_vec_release(&files);
        return error;
}

/* Where the file is now: its index; -ENOENT when it has no name any more, with the number of files in
 * `*ret_count`. */
static int index_of(const char *path, ino_t inode, int *ret_count) {
        for (int i = 0, missing = 0; i < LOGS_FILES_MAX && missing < GAP_MAX; i++) {
                cleanup_free char *name = name_of(path, i);
                struct stat st;
                bool is_there = lstat(name, &st) == 0;
                missing = is_there ? 0 : missing + 1;
                if (is_there)
                        *ret_count = i + 1;
                if (is_there && st.st_ino == inode)
                        return i;
        }
        return -ENOENT;
}

int logs_file_open_next(const char *path, ino_t inode, struct logs_file *ret) {
        for (int tries = 0; tries < 10; tries++) {
                int count = 0, index = index_of(path, inode, &count), ignored;
                if (index == 0 || count == 0)
                        return 0;
                struct logs_file f;
                int r = logs_file_open(path, index > 0 ? index - 1 : count - 1, &f);
                if (r == -ENOENT && index == 1)
                        return 0; /* renamed, the new one is about to be made */
                if (r < 0 && r != -ENOENT)
                        return r;
                if (r < 0)
                        continue;
                /* Nothing moved meanwhile: it is the successor. */
                if (f.inode != inode && (index < 0 || index_of(path, inode, &ignored) == index)) {
                        *ret = f;
                        return 1;
                }
                mn_close(f.fd);
        }
        return 0;
}

int64_t logs_file_seek_tail(int fd, int64_t records) {
        off_t end = lseek(fd, 0, SEEK_END);
        if (end < 0)
                return -errno;
        cleanup_free char *block = mn_alloc(BLOCK);
        int64_t found = 0;
        bool is_last_byte = true;
        for (off_t at = end; at > 0;) {
                size_t len = (size_t) MN_MIN(at, (off_t) BLOCK);
                at -= (off_t) len;
                ssize_t n = pread(fd, block, len, at);
                if (n != (ssize_t) len)
                        return n < 0 ? -errno : -EIO;
                for (const char *p = block + len; p > block;) {
                        /* A line begins after the newline of the one before; the file's last newline begins
                         * none. */
                        const char *newline = memrchr(block, '\n', (size_t) (p - block));
                        if (is_last_byte && newline == block + len - 1)
                                newline = memrchr(block, '\n', len - 1);
                        is_last_byte = false;
                        if (!newline)
                                break;
                        if (++found == records)
                                return lseek(fd, at + (newline - block) + 1, SEEK_SET) < 0 ? -errno : found;
                        p = newline;
                }
        }
        return lseek(fd, 0, SEEK_SET) < 0 ? -errno : found + (end > 0);
}
