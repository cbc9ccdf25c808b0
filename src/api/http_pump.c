/* SPDX-License-Identifier: Apache-2.0 */
/* A hijacked TLS connection: this worker carries the bytes between the client and whoever got the other end.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "api/http_private.h"
#include "sys/fd.h"

enum { PUMP_BUFFER = 16 * 1024 };

/* Client to stream; false when the client sends no more. */
static bool pump_in(http_conn *c, int fd) {
        char buf[PUMP_BUFFER];
        for (;;) {
                ssize_t n = http_conn_read_some(c, buf, sizeof(buf));
                if (n == -EAGAIN)
                        return true;
                if (n <= 0 || mn_write_all(fd, buf, (size_t) n) < 0) {
                        shutdown(fd, SHUT_WR);
                        return false;
                }
        }
}

/* Stream to client; false when nothing more comes. */
static bool pump_out(http_conn *c, int fd) {
        char buf[PUMP_BUFFER];
        ssize_t n = recv(fd, buf, sizeof(buf), 0);
        if (n < 0 && errno == EINTR)
                return true;
        if (n > 0 && http_conn_write2(c, buf, (size_t) n, NULL, 0, -1) == 0)
                return true;
        http_tls_shutdown(c->tls);
        return false;
}

void http_pump(http_conn *c, int fd) {
        bool reads = true, is_open = true;
        while (is_open) {
                struct pollfd p[2] = { { .fd = c->fd, .events = reads ? POLLIN : 0 },
                                       { .fd = fd, .events = POLLIN } };
                bool has_pending = reads && http_tls_has_pending(c->tls);
                if (poll(p, 2, has_pending ? 0 : -1) < 0 && errno != EINTR)
                        break;
                if (!reads && (p[0].revents & (POLLHUP | POLLERR)))
                        break;
                if (reads && (has_pending || p[0].revents))
                        reads = pump_in(c, fd);
                if (p[1].revents)
                        is_open = pump_out(c, fd);
        }
        mn_close(fd);
}
