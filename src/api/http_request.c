/* SPDX-License-Identifier: Apache-2.0 */
/* A request in its worker: parsing the head, reading the body, and what happens around the handler. */
#include "api/http_request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "api/http_reply.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/time.h"

enum { LINGER_BUFFER = 8 * 1024, DRAIN_BUFFER = 16 * 1024 };

const mn_http_head *http_request_head(const http_request *r) {
        return &r->head;
}

mn_arena *http_request_arena(http_request *r) {
        return r->arena;
}

bool http_request_has_body(const http_request *r) {
        return r->head.framing == MN_HTTP_CHUNKED ||
               (r->head.framing == MN_HTTP_LENGTH && r->head.content_length > 0);
}

int http_request_client_fd(const http_request *r) {
        return r->conn->fd;
}

bool http_request_is_client_gone(const http_request *r) {
        return http_conn_is_gone(r->conn);
}

bool http_request_begin_wait(http_request *r) {
        http_server *s = r->conn->server;
        if (atomic_fetch_add(&s->nwaiting, 1) < s->max_waiting)
                return true;
        atomic_fetch_sub(&s->nwaiting, 1);
        return false;
}

void http_request_end_wait(http_request *r) {
        atomic_fetch_sub(&r->conn->server->nwaiting, 1);
}

/* ---- body ---- */

static int send_continue(http_request *r) {
        static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        if (!r->head.expects_continue || r->has_continued || r->answer != ANSWER_NONE)
                return 0;
        r->has_continued = true;
        return http_conn_write2(r->conn, text, sizeof(text) - 1, NULL, 0, HTTP_REPLY_TIMEOUT_MS);
}

static ssize_t read_length(http_request *r, void *buf, size_t len) {
        if (len > r->body_left)
                len = (size_t) r->body_left;
        ssize_t n = http_conn_read(r->conn, buf, len, HTTP_BODY_TIMEOUT_MS);
        if (n > 0)
                r->body_left -= (uint64_t) n;
        r->is_body_done = r->body_left == 0;
        return n == 0 ? -ECONNRESET : n;
}

/* Decodes `n` raw bytes in place; bytes of body, now at the front of `buf`. */
static ssize_t decode_chunks(http_request *r, char *buf, size_t n) {
        size_t got = 0;
        for (size_t pos = 0; pos < n && !r->is_body_done;) {
                size_t consumed, data_len;
                const char *data;
                int s = mn_http_chunked_decode(&r->chunked, buf + pos, n - pos, &consumed, &data, &data_len);
                if (s < 0)
                        return s;
                memmove(buf + got, data, data_len);
                got += data_len;
                pos += consumed;
                r->is_body_done = s == 1;
        }
        return (ssize_t) got;
}

static ssize_t read_chunked(http_request *r, char *buf, size_t len) {
        while (!r->is_body_done) {
                size_t wants = mn_http_chunked_wants(&r->chunked);
                ssize_t n = http_conn_read(r->conn, buf, wants < len ? wants : len, HTTP_BODY_TIMEOUT_MS);
                if (n <= 0)
                        return n == 0 ? -ECONNRESET : n;
                n = decode_chunks(r, buf, (size_t) n);
                if (n != 0)
                        return n;
        }
        return 0;
}

ssize_t http_request_read(http_request *r, void *buf, size_t len) {
        if (r->is_body_done || len == 0)
                return 0;
        int s = send_continue(r);
        if (s < 0)
                return s;
        ssize_t n = r->head.framing == MN_HTTP_CHUNKED ? read_chunked(r, buf, len) : read_length(r, buf, len);
        if (n < 0)
                r->must_close = true;
        return n;
}

mn_status http_request_read_all(http_request *r, size_t max, const char **ret, size_t *ret_len, mn_err *err) {
        enum { PIECE = 16 * 1024 };
        bool has_length = r->head.framing == MN_HTTP_LENGTH;
        if (has_length && r->body_left > max)
                return mn_fail(err, MN_TOO_LARGE, "request body too large: the limit is %zu bytes", max);
        cleanup_str mn_str body = MN_STR_INIT(max + PIECE);
        for (;;) {
                size_t part = has_length ? (size_t) MN_MIN(r->body_left, (uint64_t) 1 << 20) + 1 : PIECE;
                char *to = mn_str_reserve(&body, part);
                ssize_t n = to ? http_request_read(r, to, part) : -EMSGSIZE;
                if (n > 0)
                        body.len += (size_t) n;
                if (n == -EMSGSIZE || body.len > max)
                        return mn_fail(err, MN_TOO_LARGE, "request body too large: the limit is %zu bytes",
                                       max);
                if (n < 0)
                        return mn_fail(err, MN_INVALID, "malformed request body: %s",
                                       n == -EBADMSG ? "wrong chunk" : mn_strerror((int) n));
                if (n == 0)
                        break;
        }
        *ret = mn_arena_strndup(r->arena, mn_str_text(&body), body.len);
        *ret_len = body.len;
        return MN_OK;
}

/* Reads what a handler left of the body, when it is little, so that the connection can be kept. */
static bool drain(http_request *r) {
        char rest[DRAIN_BUFFER];
        size_t total = 0;
        if (r->is_body_done)
                return true;
        if (r->head.expects_continue && !r->has_continued)
                return false; /* whether the client sends it now is open */
        while (!r->is_body_done && total < HTTP_MAX_DRAIN) {
                ssize_t n = http_request_read(r, rest, sizeof(rest));
                if (n < 0)
                        return false;
                total += (size_t) n;
        }
        return r->is_body_done;
}

/* ---- around the handler ---- */

static void refuse(http_request *r, int status, const char *message) {
        r->must_close = true;
        cleanup_str mn_str body = { 0 };
        mn_str_printf(&body, "{\"message\":\"%s\"}\n", message);
        http_reply(r, status, "application/json", body.data, body.len);
}

static void handle(http_request *r) {
        const char *why = NULL;
        int s = mn_http_parse_request(r->conn->head, r->conn->head_len, &r->head, &why);
        r->is_body_done = s < 0 || !http_request_has_body(r);
        r->body_left = r->head.content_length;
        if (s < 0) {
                cleanup_str mn_str text = { 0 };
                mn_str_printf(&text, "malformed request: %s", why);
                refuse(r, s == -EPROTONOSUPPORT ? 505 : s == -E2BIG ? 431 : 400, mn_str_text(&text));
                return;
        }
        why = http_guard(r->conn, &r->head);
        if (why)
                refuse(r, 403, why);
        else
                r->conn->server->spec.handler(r, r->conn->server->spec.arg);
        if (r->answer == ANSWER_NONE)
                refuse(r, 500, "the request was not answered");
}

static void log_request(const http_request *r, int64_t started_ns) {
        mn_log(MN_LOG_DEBUG, "request", " method=%s path=\"%s\" status=%d microseconds=%lld",
               r->head.method ? r->head.method : "?", r->head.path ? r->head.path : "?", r->status,
               (long long) (mn_monotonic_ns() - started_ns) / 1000);
}

/* Serves the request whose head has been read; true when the connection can carry another. */
static bool serve_one(http_conn *c) {
        int64_t started_ns = mn_monotonic_ns();
        cleanup_arena mn_arena *arena = mn_arena_new();
        http_request r = { .conn = c, .arena = arena, .pump_fd = -1 };
        handle(&r);
        bool is_kept = http_reply_finish(&r) && r.head.is_keep_alive && !r.must_close && drain(&r);
        log_request(&r, started_ns);
        mn_str_release(&r.headers);
        mn_freep(&c->head);
        c->head = NULL;
        c->head_len = c->scanned = 0;
        if (r.pump_fd >= 0)
                (r.is_websocket ? http_websocket_pump : http_pump)(c, r.pump_fd);
        return is_kept && c->fd >= 0;
}

/* Waits a moment for the client's next request: one that follows at once is served without a round through
 * the loop. 1 when it is there, 0 when not, negative when the connection is over. */
static int linger(http_conn *c) {
        char scratch[LINGER_BUFFER];
        struct pollfd p = { .fd = c->fd, .events = POLLIN };
        if (c->server->is_stopping)
                return 0;
        if (!(c->tls && http_tls_has_pending(c->tls)) && poll(&p, 1, HTTP_LINGER_MS) <= 0)
                return 0;
        int r = http_read_head(c, scratch, sizeof(scratch));
        if (r == -EBADMSG)
                http_refuse(c, 400, "malformed request: bare line feed");
        return r == -EMSGSIZE ? 0 : r;
}

bool http_serve(http_conn *c) {
        for (;;) {
                if (!serve_one(c))
                        return false;
                int r = linger(c);
                if (r <= 0)
                        return r == 0;
        }
}
