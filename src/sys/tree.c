/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "sys/fd.h"
#include "sys/path.h"

enum { MAX_DEPTH = 1000, MAX_LINK = 4096, MAX_XATTRS = 64 * 1024, COPY_CHUNK = 1 << 20 };

static bool is_dot(const char *name) {
        return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* A directory stream on a descriptor of its own; NULL with errno set. */
static DIR *open_stream(int fd) {
        int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = own < 0 ? NULL : fdopendir(own);
        if (!dir)
                mn_close(own);
        return dir;
}

int mn_dir_is_empty(int fd) {
        DIR *dir = open_stream(fd);
        if (!dir)
                return -errno;
        int is_empty = 1;
        for (struct dirent *e; is_empty && (e = readdir(dir));)
                is_empty = is_dot(e->d_name) || strcmp(e->d_name, "lost+found") == 0;
        closedir(dir);
        return is_empty;
}

/* ---- usage ---- */

/* Inodes with several names, so that each counts once. Open addressing; a zero inode number is an empty slot.
 */
struct inode_set {
        uint64_t *slots;
        size_t size, used;
};

static bool inode_add(struct inode_set *set, uint64_t inode) {
        if (set->used * 2 >= set->size) {
                struct inode_set grown = { .size = set->size ? set->size * 2 : 64 };
                grown.slots = mn_alloc_array(grown.size, sizeof(*grown.slots));
                for (size_t i = 0; i < set->size; i++)
                        if (set->slots[i])
                                inode_add(&grown, set->slots[i]);
                free(set->slots);
                *set = grown;
        }
        size_t at = (inode * UINT64_C(0x9e3779b97f4a7c15)) & (set->size - 1);
        for (; set->slots[at]; at = (at + 1) & (set->size - 1))
                if (set->slots[at] == inode)
                        return false;
        set->slots[at] = inode;
        set->used++;
        return true;
}

struct usage {
        dev_t device;
        uint64_t bytes;
        struct inode_set seen;
        MN_VEC(int) pending; /* open directories still to read */
};

static void count_entry(struct usage *u, int dir, const char *name) {
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != u->device)
                return;
        if (st.st_nlink > 1 && !S_ISDIR(st.st_mode) && !inode_add(&u->seen, st.st_ino))
                return;
        u->bytes += (uint64_t) st.st_blocks * 512;
        if (!S_ISDIR(st.st_mode))
                return;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
                mn_vec_push(&u->pending, fd);
}

int mn_tree_usage(int fd, uint64_t *ret_bytes) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        struct usage u = { .device = st.st_dev, .bytes = (uint64_t) st.st_blocks * 512 };
        int first = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = first < 0 ? -errno : 0;
        if (first >= 0)
                mn_vec_push(&u.pending, first);
        while (u.pending.len) {
                int at = u.pending.items[--u.pending.len];
                DIR *dir = fdopendir(at);
                if (!dir) {
                        result = -errno;
                        mn_close(at);
                        continue;
                }
                for (struct dirent *e; (e = readdir(dir));)
                        if (!is_dot(e->d_name))
                                count_entry(&u, dirfd(dir), e->d_name);
                closedir(dir);
        }
        mn_vec_release(&u.pending);
        free(u.seen.slots);
        if (result == 0)
                *ret_bytes = u.bytes;
        return result;
}

/* ---- copy ---- */

static int copy_xattrs(int from, int to) {
        char from_path[32], to_path[32];
        mn_fd_path(from, from_path);
        mn_fd_path(to, to_path);
        cleanup_free char *names = mn_alloc(MAX_XATTRS), *value = mn_alloc(MAX_XATTRS);
        ssize_t len = listxattr(from_path, names, MAX_XATTRS);
        if (len < 0)
                return errno == EOPNOTSUPP ? 0 : -errno;
        for (const char *name = names; name < names + len; name += strlen(name) + 1) {
                if (strncmp(name, "trusted.overlay.", 16) == 0)
                        continue; /* the overlay's own notes */
                ssize_t size = getxattr(from_path, name, value, MAX_XATTRS);
                if (size >= 0 && setxattr(to_path, name, value, (size_t) size, 0) < 0 && errno != EOPNOTSUPP)
                        return -errno;
        }
        return 0;
}

/* Owner first: changing it clears set-id bits, which the mode then brings back. */
static int copy_metadata(int from, int to, const struct stat *st) {
        char path[32];
        mn_fd_path(to, path);
        if (fchownat(to, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0)
                return -errno;
        int r = from >= 0 ? copy_xattrs(from, to) : 0;
        if (r < 0)
                return r;
        if (chmod(path, st->st_mode & 07777) < 0)
                return -errno;
        struct timespec times[2] = { st->st_atim, st->st_mtim };
        return utimensat(AT_FDCWD, path, times, 0) < 0 ? -errno : 0;
}

static int copy_data(int from, int to) {
        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, COPY_CHUNK, 0);
                if (n == 0)
                        return 0;
                if (n < 0 && errno != EXDEV && errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
                        return -errno;
                if (n < 0)
                        break;
        }
        cleanup_free char *buf = mn_alloc(COPY_CHUNK);
        for (;;) {
                ssize_t n = mn_read_full(from, buf, COPY_CHUNK);
                int r = n > 0 ? mn_write_all(to, buf, (size_t) n) : (int) n;
                if (n <= 0 || r < 0)
                        return r;
        }
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st) {
        cleanup_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        cleanup_close int to = from < 0 ? -1
                                        : openat(to_dir, name,
                                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        struct stat again; /* the name may have been exchanged meanwhile */
        if (fstat(from, &again) < 0 || !S_ISREG(again.st_mode) || again.st_ino != st->st_ino)
                return -EAGAIN;
        int r = copy_data(from, to);
        return r < 0 ? r : copy_metadata(from, to, &again);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st) {
        char target[MAX_LINK];
        ssize_t len = readlinkat(from_dir, name, target, sizeof(target) - 1);
        if (len < 0)
                return -errno;
        target[len] = '\0';
        if (symlinkat(target, to_dir, name) < 0 ||
            fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        struct timespec times[2] = { st->st_atim, st->st_mtim };
        return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_special(int to_dir, const char *name, const struct stat *st) {
        if (mknodat(to_dir, name, st->st_mode & (S_IFMT | 07777), st->st_rdev) < 0)
                return -errno;
        cleanup_close int fd = openat(to_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : copy_metadata(-1, fd, st);
}

static int copy_level(int from, int to, unsigned depth);

static int copy_dir(int from_dir, int to_dir, const char *name, unsigned depth) {
        cleanup_close int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (from < 0 || (mkdirat(to_dir, name, 0700) < 0))
                return -errno;
        cleanup_close int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return to < 0 ? -errno : copy_level(from, to, depth + 1);
}

static int copy_entry(int from, int to, const char *name, unsigned depth) {
        struct stat st;
        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        switch (st.st_mode & S_IFMT) {
        case S_IFDIR:
                return copy_dir(from, to, name, depth);
        case S_IFREG:
                return copy_file(from, to, name, &st);
        case S_IFLNK:
                return copy_link(from, to, name, &st);
        default:
                return copy_special(to, name, &st);
        }
}

static int copy_level(int from, int to, unsigned depth) {
        if (depth > MAX_DEPTH)
                return -ELOOP;
        DIR *dir = open_stream(from);
        if (!dir)
                return -errno;
        int result = 0;
        for (struct dirent *e; result == 0 && (e = readdir(dir));)
                if (!is_dot(e->d_name))
                        result = copy_entry(from, to, e->d_name, depth);
        closedir(dir);
        struct stat st;
        if (result == 0)
                result = fstat(from, &st) < 0 ? -errno : copy_metadata(from, to, &st);
        return result;
}

int mn_tree_copy(int from, int to) {
        return copy_level(from, to, 0);
}
