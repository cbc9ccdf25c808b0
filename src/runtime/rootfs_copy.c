/* SPDX-License-Identifier: Apache-2.0 */
/* "tmpcopyup": what a tmpfs covers is copied into it. By descriptor, links are copied and not followed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/rootfs.h"
#include "sys/fd.h"

enum { MAX_DEPTH = 100 };

static int copy_dir(int from, int to, int depth);

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st) {
        cleanup_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (from < 0)
                return -errno;
        cleanup_close int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                      0600);
        if (to < 0)
                return -errno;
        ssize_t n;
        while ((n = sendfile(to, from, NULL, 1 << 20)) > 0)
                ;
        if (n < 0 || fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
                return -errno;
        return 0;
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';
        if (symlinkat(target, to_dir, name) < 0 ||
            fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

static int copy_subdir(int from_dir, int to_dir, const char *name, const struct stat *st, int depth) {
        cleanup_close int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
                return -errno;
        cleanup_close int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (to < 0)
                return -errno;
        int r = copy_dir(from, to, depth + 1);
        if (r == 0 && (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0))
                r = -errno;
        return r;
}

static int copy_entry(int from, int to, const char *name, int depth) {
        struct stat st;
        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        switch (st.st_mode & S_IFMT) {
        case S_IFREG:
                return copy_file(from, to, name, &st);
        case S_IFLNK:
                return copy_link(from, to, name, &st);
        case S_IFDIR:
                return copy_subdir(from, to, name, &st, depth);
        case S_IFIFO:
        case S_IFCHR:
        case S_IFBLK:
                return mknodat(to, name, st.st_mode, st.st_rdev) < 0 ? -errno : 0;
        default: /* sockets belong to the program that made them */
                return 0;
        }
}

static int copy_dir(int from, int to, int depth) {
        if (depth > MAX_DEPTH)
                return -ELOOP;
        int list_fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *list = list_fd < 0 ? NULL : fdopendir(list_fd);
        if (!list)
                return -errno;
        int r = 0;
        for (struct dirent *e; r == 0 && (e = readdir(list));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        r = copy_entry(from, to, e->d_name, depth);
        closedir(list);
        return r;
}

int rootfs_copy_tree(int from_dir, int to_dir) {
        return copy_dir(from_dir, to_dir, 0);
}
