/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"

/* A racing rename or mount makes openat2 say EAGAIN; an attacker can keep racing, so there is an end. */
enum { RESOLVE_TRIES = 128 };

static int resolve(int dirfd, const char *path, int flags, mode_t mode, uint64_t how_to) {
        struct open_how how = {
                .flags = (uint64_t) (unsigned) flags | O_CLOEXEC,
                .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
                .resolve = how_to | RESOLVE_NO_MAGICLINKS,
        };
        for (int i = 0; i < RESOLVE_TRIES; i++) {
                long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
                if (fd >= 0)
                        return (int) fd;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
        return -EAGAIN;
}

int mn_open_in_root(int rootfd, const char *path, int flags, mode_t mode) {
        return resolve(rootfd, *path ? path : "/", flags, mode, RESOLVE_IN_ROOT);
}

int mn_open_beneath(int dirfd, const char *path, int flags, mode_t mode) {
        return resolve(dirfd, path, flags, mode, RESOLVE_BENEATH);
}

int mn_open_nofollow(int dirfd, const char *path, int flags, mode_t mode) {
        return resolve(dirfd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int make_child(int parent, const char *name, mode_t mode, uid_t uid, gid_t gid) {
        if (mkdirat(parent, name, mode) < 0)
                return errno == EEXIST ? 0 : -errno;
        cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fchmod(fd, mode) < 0 || ((uid || gid) && fchown(fd, uid, gid) < 0))
                return -errno;
        return 0;
}

int mn_mkdir_in_root(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid) {
        cleanup_free char *prefix = mn_strdup(path);
        size_t len = strlen(prefix);
        cleanup_close int fd = -1; /* the resolved parent; at first that is the root */
        for (size_t start = 0; start < len;) {
                size_t end = start + strcspn(prefix + start, "/");
                if (end == start) {
                        start++;
                        continue;
                }
                char was = prefix[end];
                prefix[end] = '\0';
                const char *name = prefix + start;
                int next = mn_open_in_root(rootfd, prefix, O_PATH | O_DIRECTORY, 0);
                if (next == -ENOENT && strcmp(name, "..") != 0) {
                        /* A dangling link of that name makes mkdirat say EEXIST. */
                        int r = make_child(fd < 0 ? rootfd : fd, name, mode, uid, gid);
                        if (r < 0)
                                return r;
                        next = mn_open_in_root(rootfd, prefix, O_PATH | O_DIRECTORY, 0);
                }
                if (next < 0)
                        return next;
                mn_close(fd);
                fd = next;
                prefix[end] = was;
                start = end;
        }
        return fd < 0 ? mn_open_in_root(rootfd, "/", O_PATH | O_DIRECTORY, 0) : MN_TAKE_FD(fd);
}

int mn_open_parent_in_root(int rootfd, const char *path, mode_t create_mode, char ret_name[256]) {
        size_t len = strlen(path);
        while (len && path[len - 1] == '/')
                len--;
        size_t start = len;
        while (start && path[start - 1] != '/')
                start--;
        size_t name_len = len - start;
        if (name_len == 0 || name_len > NAME_MAX)
                return name_len ? -ENAMETOOLONG : -EINVAL;
        if ((name_len == 1 && path[start] == '.') ||
            (name_len == 2 && path[start] == '.' && path[start + 1] == '.'))
                return -EINVAL;
        cleanup_free char *parent = start ? mn_strndup(path, start) : mn_strdup("/");
        int fd = create_mode ? mn_mkdir_in_root(rootfd, parent, create_mode, 0, 0)
                             : mn_open_in_root(rootfd, parent, O_PATH | O_DIRECTORY, 0);
        if (fd >= 0) {
                memcpy(ret_name, path + start, name_len);
                ret_name[name_len] = '\0';
        }
        return fd;
}

const char *mn_fd_path(int fd, char buf[32]) {
        snprintf(buf, 32, "/proc/self/fd/%d", fd);
        return buf;
}
