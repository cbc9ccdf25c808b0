/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/unix.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/fd.h"

enum { BACKLOG = 64 };

/* The directory's descriptor stands for its path. */
static int make_address(int dirfd, const char *name, struct sockaddr_un *ret) {
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dirfd, name);
        return n < 0 || (size_t) n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

int mn_unix_listen(int dirfd, const char *name, int type) {
        struct sockaddr_un address;
        int r = make_address(dirfd, name, &address);
        if (r < 0)
                return r;
        if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
                return -errno;
        cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        /* The mode of an unbound socket's inode becomes that of its file: no moment in which others may
         * connect. */
        if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            listen(fd, BACKLOG) < 0)
                return -errno;
        return MN_TAKE_FD(fd);
}

int mn_unix_connect(int dirfd, const char *name, int type) {
        struct sockaddr_un address;
        int r = make_address(dirfd, name, &address);
        if (r < 0)
                return r;
        cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return MN_TAKE_FD(fd);
}

int mn_unix_peer_uid(int fd, uid_t *ret) {
        struct ucred cred;
        socklen_t len = sizeof(cred);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return -errno;
        *ret = cred.uid;
        return 0;
}
