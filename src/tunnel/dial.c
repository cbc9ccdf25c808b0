/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/num.h"
#include "base/str.h"
#include "base/time.h"
#include "sys/fd.h"
#include "tunnel/report.h"

int dial_parse(const char *text, dial_address *ret) {
        bool is_bracketed = *text == '[';
        const char *begin = text + is_bracketed;
        size_t len = is_bracketed ? strcspn(begin, "]")
                                  : (size_t) (strrchr(text, ':') ? strrchr(text, ':') - text : 0);
        const char *colon = begin + len + is_bracketed;
        int port;
        if (len == 0 || len >= sizeof(ret->host) || (is_bracketed && begin[len] != ']') || *colon != ':' ||
            strlen(colon + 1) >= sizeof(ret->port) || mn_parse_int(colon + 1, 1, 65535, &port) < 0)
                return -EINVAL;
        memcpy(ret->host, begin, len);
        ret->host[len] = '\0';
        mn_str_copy(ret->port, sizeof(ret->port), colon + 1);
        return 0;
}

static int resolve(const dial_address *address, struct addrinfo **ret) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                        .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
        int r = getaddrinfo(address->host, address->port, &hints, ret);
        if (r == EAI_ADDRFAMILY || r == EAI_NODATA || r == EAI_NONAME) {
                /* A machine whose only interface is the loopback has no configured family. */
                const struct addrinfo any = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
                r = getaddrinfo(address->host, address->port, &any, ret);
        }
        if (r == 0)
                return 0;
        report_failure("dial tcp: lookup %s: %s", address->host,
                       r == EAI_NONAME || r == EAI_NODATA ? "no such host"
                       : r == EAI_SYSTEM                  ? mn_strerror(-errno)
                                                          : gai_strerror(r));
        return -1;
}

/* 0 when connected, -errno, -ETIMEDOUT at the deadline. */
static int connect_until(int fd, const struct addrinfo *to, int64_t deadline_ns) {
        if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
                return 0;
        if (errno != EINPROGRESS)
                return -errno;
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        for (;;) {
                int64_t left_ms = (deadline_ns - mn_monotonic_ns()) / MN_NS_PER_MS;
                int n = left_ms > 0 ? poll(&p, 1, (int) left_ms) : 0;
                if (n == 0)
                        return -ETIMEDOUT;
                if (n > 0)
                        break;
                if (errno != EINTR)
                        return -errno;
        }
        int error = 0;
        socklen_t len = sizeof(error);
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

int dial(const dial_address *address) {
        struct addrinfo *list = NULL;
        int64_t deadline = mn_monotonic_ns() + DIAL_TIMEOUT_MS * MN_NS_PER_MS;
        int r = -EHOSTUNREACH, on = 1;
        if (resolve(address, &list) < 0)
                return -1;
        for (const struct addrinfo *a = list; a; a = a->ai_next) {
                cleanup_close int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                              a->ai_protocol);
                r = fd < 0 ? -errno : connect_until(fd, a, deadline);
                if (r < 0)
                        continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
                setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
                freeaddrinfo(list);
                return MN_TAKE_FD(fd);
        }
        freeaddrinfo(list);
        if (r == -ECONNREFUSED || r == -ETIMEDOUT)
                report_unreachable();
        else
                report_failure("dial tcp %s:%s: connect: %s", address->host, address->port, mn_strerror(r));
        return -1;
}
