/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "api/http_tls.h"

static ssize_t receive(int fd, void *buf, size_t len, int flags) {
        ssize_t n;
        do
                n = recv(fd, buf, len, flags | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

ssize_t http_conn_peek(http_conn *c, void *buf, size_t len) {
        return c->tls ? http_tls_peek(c->tls, buf, len) : receive(c->fd, buf, len, MSG_PEEK);
}

ssize_t http_conn_read_some(http_conn *c, void *buf, size_t len) {
        return c->tls ? http_tls_read(c->tls, buf, len) : receive(c->fd, buf, len, 0);
}

/* Waits for the socket; 0, -ETIMEDOUT or another -errno. */
static int wait_for(const http_conn *c, short events, int timeout_ms) {
        struct pollfd p = { .fd = c->fd, .events = events };
        int n;
        do
                n = poll(&p, 1, timeout_ms);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

ssize_t http_conn_read(http_conn *c, void *buf, size_t len, int timeout_ms) {
        for (;;) {
                ssize_t n = http_conn_read_some(c, buf, len);
                if (n != -EAGAIN)
                        return n;
                int r = wait_for(c, POLLIN, timeout_ms);
                if (r < 0)
                        return r;
        }
}

/* Sends once what fits; bytes sent or -errno. TLS sends the first piece that is not empty. */
static ssize_t send_some(http_conn *c, const struct iovec iov[2]) {
        if (c->tls) {
                const struct iovec *piece = iov[0].iov_len ? &iov[0] : &iov[1];
                return http_tls_write(c->tls, piece->iov_base, piece->iov_len);
        }
        struct msghdr msg = { .msg_iov = (struct iovec *) iov, .msg_iovlen = 2 };
        ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        return n < 0 ? -errno : n;
}

static void advance(struct iovec *piece, size_t *n) {
        size_t step = *n < piece->iov_len ? *n : piece->iov_len;
        piece->iov_base = (char *) piece->iov_base + step;
        piece->iov_len -= step;
        *n -= step;
}

int http_conn_write2(http_conn *c, const void *a, size_t a_len, const void *b, size_t b_len, int timeout_ms) {
        struct iovec iov[2] = { { (void *) a, a_len }, { (void *) b, b_len } };
        while (iov[0].iov_len || iov[1].iov_len) {
                ssize_t n = send_some(c, iov);
                if (n == -EAGAIN) {
                        int r = wait_for(c, POLLOUT, timeout_ms);
                        if (r < 0)
                                return r;
                } else if (n < 0 && n != -EINTR) {
                        return (int) n;
                } else if (n > 0) {
                        size_t sent = (size_t) n;
                        advance(&iov[0], &sent);
                        advance(&iov[1], &sent);
                }
        }
        return 0;
}

bool http_conn_is_gone(const http_conn *c) {
        struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };
        return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
