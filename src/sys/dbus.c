/* SPDX-License-Identifier: Apache-2.0 */
/* A D-Bus connection: authentication, one call, waiting for messages. */
#include "sys/dbus.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"
#include "sys/fd.h"

enum { READ_SIZE = 4096, MAX_REQUEST = 1 << 20, MAX_AUTH_LINE = 512 };

/* ---- bytes ---- */

static int wait_for(int fd, short events, int64_t deadline_ns) {
        for (;;) {
                int64_t left_ms = (deadline_ns - mn_monotonic_ns() + MN_NS_PER_MS - 1) / MN_NS_PER_MS;
                if (left_ms <= 0)
                        return -ETIMEDOUT;
                int n = poll(&(struct pollfd){ .fd = fd, .events = events }, 1, (int) MN_MIN(left_ms, 60000));
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

static int send_all(mn_dbus *bus, const void *data, size_t len, int64_t deadline_ns) {
        for (const char *at = data; len;) {
                ssize_t n = send(bus->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
                int r = n < 0 && errno == EAGAIN  ? wait_for(bus->fd, POLLOUT, deadline_ns)
                        : n < 0 && errno != EINTR ? -errno
                                                  : 0;
                if (r < 0)
                        return r;
                at += n > 0 ? n : 0;
                len -= n > 0 ? (size_t) n : 0;
        }
        return 0;
}

/* Appends what comes next to bus->in. -ECONNRESET at the end. */
static int receive_more(mn_dbus *bus, int64_t deadline_ns) {
        int r = wait_for(bus->fd, POLLIN, deadline_ns);
        if (r < 0)
                return r;
        char buffer[READ_SIZE];
        ssize_t n = recv(bus->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n <= 0)
                return n == 0 ? -ECONNRESET : errno == EAGAIN || errno == EINTR ? 0 : -errno;
        mn_str_add_len(&bus->in, buffer, (size_t) n);
        return mn_str_error(&bus->in);
}

static void drop_consumed(mn_dbus *bus) {
        if (!bus->consumed)
                return;
        memmove(bus->in.data, bus->in.data + bus->consumed, bus->in.len - bus->consumed);
        mn_str_truncate(&bus->in, bus->in.len - bus->consumed);
        bus->consumed = 0;
}

/* ---- opening ---- */

/* EXTERNAL: the socket says who we are; the name is our user id's digits, each in hexadecimal. BEGIN goes
   along, as systemd's own client does it: systemd lets a message lie that it reads in one go with a BEGIN,
   until the next one comes. The other side's line is all there is to read. */
static int authenticate(mn_dbus *bus, int64_t deadline_ns) {
        char uid[16], line[64] = "";
        snprintf(uid, sizeof(uid), "%u", (unsigned) geteuid());
        int len = snprintf(line, sizeof(line), "%cAUTH EXTERNAL ", '\0');
        for (const char *s = uid; *s; s++)
                len += snprintf(line + len, sizeof(line) - (size_t) len, "%02x", (unsigned) *s);
        len += snprintf(line + len, sizeof(line) - (size_t) len, "\r\nBEGIN\r\n");
        int r = send_all(bus, line, (size_t) len, deadline_ns);
        while (r == 0 && !mn_str_has_suffix(mn_str_text(&bus->in), "\r\n")) {
                r = receive_more(bus, deadline_ns);
                if (r == 0 && bus->in.len > MAX_AUTH_LINE)
                        r = -EBADMSG;
        }
        if (r == 0 && !mn_str_has_prefix(mn_str_text(&bus->in), "OK "))
                r = -EACCES;
        mn_str_truncate(&bus->in, 0);
        return r;
}

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return MN_TAKE_FD(fd);
}

int mn_dbus_open(mn_dbus *bus, const char *path, bool is_bus, int64_t deadline_ns) {
        *bus = (mn_dbus){ .in = MN_STR_INIT(MN_DBUS_MAX_MESSAGE + READ_SIZE) };
        bus->fd = connect_to(path);
        int r = bus->fd < 0 ? bus->fd : authenticate(bus, deadline_ns);
        if (r == 0 && is_bus) {
                const mn_dbus_request hello = { .destination = "org.freedesktop.DBus",
                                                .path = "/org/freedesktop/DBus",
                                                .interface = "org.freedesktop.DBus",
                                                .member = "Hello" };
                mn_dbus_message answer;
                r = mn_dbus_call(bus, &hello, deadline_ns, &answer);
        }
        if (r < 0)
                mn_dbus_close(bus);
        return r;
}

void mn_dbus_close(mn_dbus *bus) {
        bus->fd = mn_close(bus->fd);
        mn_str_release(&bus->in);
}

/* ---- messages ---- */

int mn_dbus_next(mn_dbus *bus, int64_t deadline_ns, mn_dbus_message *ret) {
        drop_consumed(bus);
        for (;;) {
                const uint8_t *data = (const uint8_t *) mn_str_text(&bus->in);
                int64_t size = mn_dbus_message_size(data, bus->in.len);
                if (size < 0 && size != -EAGAIN)
                        return (int) size;
                if (size > 0 && (size_t) size <= bus->in.len) {
                        bus->consumed = (size_t) size;
                        return mn_dbus_parse(data, (size_t) size, ret);
                }
                int r = receive_more(bus, deadline_ns);
                if (r < 0)
                        return r;
        }
}

static int send_call(mn_dbus *bus, const mn_dbus_request *request, int64_t deadline_ns) {
        cleanup_str mn_str out = MN_STR_INIT(MAX_REQUEST);
        mn_dbus_put_call(&out, request, ++bus->serial);
        int r = mn_str_error(&out);
        return r < 0 ? r : send_all(bus, out.data, out.len, deadline_ns);
}

int mn_dbus_call(mn_dbus *bus, const mn_dbus_request *request, int64_t deadline_ns, mn_dbus_message *ret) {
        int r = send_call(bus, request, deadline_ns);
        while (r == 0) {
                r = mn_dbus_next(bus, deadline_ns, ret);
                bool is_answer = r == 0 && (ret->type == MN_DBUS_RETURN || ret->type == MN_DBUS_ERROR) &&
                                 ret->reply_serial == bus->serial;
                if (is_answer)
                        return ret->type == MN_DBUS_ERROR ? -EREMOTEIO : 0;
        }
        return r;
}
