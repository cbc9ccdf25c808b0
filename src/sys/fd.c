/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_FDS_PER_MESSAGE = 16 };

int mn_close(int fd) {
        if (fd >= 0) {
                int saved = errno;
                close(fd);
                errno = saved;
        }
        return -1;
}

void mn_closep(int *fd) {
        *fd = mn_close(*fd);
}

int mn_write_all(int fd, const void *buf, size_t len) {
        for (const char *p = buf; len;) {
                ssize_t n = write(fd, p, len);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                len -= (size_t) n;
        }
        return 0;
}

ssize_t mn_read_full(int fd, void *buf, size_t len) {
        size_t done = 0;
        while (done < len) {
                ssize_t n = read(fd, (char *) buf + done, len - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t) n;
        }
        return (ssize_t) done;
}

/* <sys/file.h> is one of ours in this tree. */
int mn_fd_lock(int fd, int operation) {
        long r;
        do
                r = syscall(SYS_flock, fd, operation);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

int mn_fd_set_cloexec(int fd, int is_on) {
        return fcntl(fd, F_SETFD, is_on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int mn_fd_set_nonblock(int fd, int is_on) {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;
        flags = is_on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
        return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int mn_send_fds(int sock, const void *buf, size_t len, const int *fds, size_t nfds) {
        union {
                char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS_PER_MESSAGE)];
                struct cmsghdr align;
        } control = { 0 };
        if (nfds > MAX_FDS_PER_MESSAGE)
                return -EINVAL;
        struct iovec iov = { (void *) buf, len };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        if (nfds) {
                msg.msg_control = control.bytes;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
                struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
                memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
        }
        ssize_t n;
        do
                n = sendmsg(sock, &msg, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t) n == len ? 0 : -EMSGSIZE;
}

ssize_t mn_recv_fds(int sock, void *buf, size_t len, int *fds, size_t max_fds, size_t *ret_nfds) {
        union {
                char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS_PER_MESSAGE)];
                struct cmsghdr align;
        } control;
        struct iovec iov = { buf, len };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control) };
        ssize_t n;
        do
                n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        *ret_nfds = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < count; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (*ret_nfds < max_fds)
                                fds[(*ret_nfds)++] = fd;
                        else
                                mn_close(fd);
                }
        }
        return n;
}
