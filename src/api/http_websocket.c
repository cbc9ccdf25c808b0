/* SPDX-License-Identifier: Apache-2.0 */
/* A hijacked connection that speaks WebSocket: this worker unwraps the client's frames and wraps what comes
 * back. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "api/http_private.h"
#include "codec/websocket.h"
#include "sys/fd.h"
#include "sys/relay.h"

enum { FRAME_MAX = 32 * 1024, CLOSE_NORMAL = 1000, CLOSE_PROTOCOL = 1002, OUT_MAX = 512 };

/* The client's side. Between two frames of payload, control frames may go out. */
typedef struct websocket {
        http_conn *c;
        mn_ws_reader reader;
        uint8_t out[OUT_MAX]; /* headers and control frames that go before any more payload */
        size_t out_begin, out_end;
        uint64_t left; /* bytes of payload that the frame under way still needs */
        bool is_closed;
} websocket;

static ssize_t raw_read(websocket *w, void *buf, size_t len) {
        if (w->c->tls)
                return http_tls_read(w->c->tls, buf, len);
        ssize_t n = recv(w->c->fd, buf, len, MSG_DONTWAIT);
        return n < 0 ? -errno : n;
}

static ssize_t raw_write(websocket *w, const void *buf, size_t len) {
        if (w->c->tls)
                return http_tls_write(w->c->tls, buf, len);
        ssize_t n = send(w->c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        return n < 0 ? -errno : n;
}

/* 0 when nothing is waiting any more. */
static int flush(websocket *w) {
        while (w->out_begin < w->out_end) {
                ssize_t n = raw_write(w, w->out + w->out_begin, w->out_end - w->out_begin);
                if (n <= 0)
                        return n < 0 ? (int) n : -EAGAIN;
                w->out_begin += (size_t) n;
        }
        w->out_begin = w->out_end = 0;
        return 0;
}

/* A control frame goes out as soon as the frame under way is through. One for which there is no room is left
   out: the client sends faster than it reads. */
static void send_control(websocket *w, uint8_t opcode, const uint8_t *payload, size_t len) {
        if (w->out_end + MN_WS_HEADER_MAX + len > OUT_MAX)
                return;
        uint8_t *at = w->out + w->out_end;
        size_t header = mn_ws_put_header(at, opcode, len);
        memcpy(at + header, payload, len);
        w->out_end += header + len;
        if (w->left == 0)
                (void) flush(w);
}

static void close_with(websocket *w, unsigned code) {
        const uint8_t payload[] = { (uint8_t) (code >> 8), (uint8_t) code };
        if (w->is_closed)
                return;
        w->is_closed = true;
        send_control(w, MN_WS_CLOSE, payload, sizeof payload);
}

/* The end of the client's side: it has nothing to wait for any more. */
static ssize_t end(websocket *w, unsigned code) {
        close_with(w, code);
        shutdown(w->c->fd, SHUT_RDWR);
        return 0;
}

static ssize_t read_client(void *arg, void *buf, size_t len) {
        websocket *w = arg;
        uint8_t in[4096];
        ssize_t n = w->is_closed ? 0 : raw_read(w, in, MN_MIN(len, sizeof in));
        size_t total = 0, got;
        if (n <= 0)
                return n;
        for (size_t at = 0; at < (size_t) n;) {
                mn_ws_control control;
                ssize_t taken = mn_ws_read(&w->reader, in + at, (size_t) n - at, (uint8_t *) buf + total,
                                           &got, &control);
                if (taken < 0)
                        return end(w, CLOSE_PROTOCOL);
                total += got;
                at += (size_t) taken;
                if (control.opcode == MN_WS_PING)
                        send_control(w, MN_WS_PONG, control.payload, control.len);
                else if (control.opcode == MN_WS_CLOSE)
                        return total ? (ssize_t) total : end(w, CLOSE_NORMAL);
        }
        return total ? (ssize_t) total : -EAGAIN;
}

static ssize_t write_client(void *arg, const void *buf, size_t len) {
        websocket *w = arg;
        if (w->is_closed)
                return -EPIPE;
        if (w->left == 0) {
                w->left = MN_MIN(len, (size_t) FRAME_MAX);
                if (w->out_end + MN_WS_HEADER_MAX > OUT_MAX) {
                        w->left = 0;
                        int r = flush(w);
                        return r < 0 ? r : -EAGAIN;
                }
                w->out_end += mn_ws_put_header(w->out + w->out_end, MN_WS_BINARY, w->left);
        }
        int r = flush(w);
        if (r < 0)
                return r;
        ssize_t n = raw_write(w, buf, MN_MIN(len, (size_t) w->left));
        w->left -= n > 0 ? (uint64_t) n : 0;
        return n;
}

static void shut_client(void *arg) {
        websocket *w = arg;
        close_with(w, CLOSE_NORMAL);
        if (w->c->tls)
                http_tls_shutdown(w->c->tls);
        else
                shutdown(w->c->fd, SHUT_WR);
}

void http_websocket_pump(http_conn *c, int fd) {
        websocket w = { .c = c };
        const mn_relay_spec spec = {
                .near = { .fd = c->fd,
                          .arg = &w,
                          .read = read_client,
                          .write = write_client,
                          .shut = shut_client },
                .far = { .fd = fd },
        };
        mn_relay(&spec);
        mn_close(fd);
}
