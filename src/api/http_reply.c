/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "codec/websocket.h"
#include "sys/fd.h"

const char *http_status_text(int status) {
        static const struct {
                int status;
                const char *text;
        } table[] = {
                { 101, "UPGRADED" },
                { 200, "OK" },
                { 201, "Created" },
                { 204, "No Content" },
                { 304, "Not Modified" },
                { 400, "Bad Request" },
                { 401, "Unauthorized" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 406, "Not Acceptable" },
                { 408, "Request Timeout" },
                { 409, "Conflict" },
                { 413, "Request Entity Too Large" },
                { 415, "Unsupported Media Type" },
                { 431, "Request Header Fields Too Large" },
                { 500, "Internal Server Error" },
                { 501, "Not Implemented" },
                { 503, "Service Unavailable" },
                { 505, "HTTP Version Not Supported" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++) {
                if (table[i].status == status)
                        return table[i].text;
        }
        return "Status";
}

static void add_header(mn_str *out, const char *name, const char *value) {
        mn_str_add(out, name);
        mn_str_add(out, ": ");
        mn_str_add_len(out, value, strcspn(value, "\r\n"));
        mn_str_add(out, "\r\n");
}

void http_reply_header(http_request *r, const char *name, const char *value) {
        add_header(&r->headers, name, value);
}

/* Status line and the headers every answer has. */
static void begin_head(http_request *r, int status, mn_str *out) {
        char date[64];
        struct tm tm;
        time_t now = time(NULL);
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
        r->status = status;
        mn_str_printf(out, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
        for (const char *const *h = r->conn->server->spec.headers; h && h[0]; h += 2)
                add_header(out, h[0], h[1]);
        mn_str_add_len(out, mn_str_text(&r->headers), r->headers.len);
        add_header(out, "Date", date);
}

static void add_connection(http_request *r, mn_str *out) {
        if (r->must_close || !r->head.is_keep_alive)
                add_header(out, "Connection", "close");
        else if (r->head.minor_version == 0)
                add_header(out, "Connection", "keep-alive");
}

static bool is_head_request(const http_request *r) {
        return r->head.method && strcmp(r->head.method, "HEAD") == 0;
}

void http_reply(http_request *r, int status, const char *content_type, const void *body, size_t len) {
        bool is_bare = status == 204 || status == 304;
        cleanup_str mn_str head = { 0 };
        if (r->answer != ANSWER_NONE)
                return;
        begin_head(r, status, &head);
        if (content_type && !is_bare)
                add_header(&head, "Content-Type", content_type);
        if (!is_bare)
                mn_str_printf(&head, "Content-Length: %zu\r\n", len);
        if (!r->is_body_done && r->head.expects_continue && !r->has_continued)
                r->must_close = true;
        add_connection(r, &head);
        mn_str_add(&head, "\r\n");
        if (is_bare || is_head_request(r))
                len = 0;
        r->answer = ANSWER_REPLY;
        if (http_conn_write2(r->conn, head.data, head.len, body, len, HTTP_REPLY_TIMEOUT_MS) < 0)
                r->must_close = true;
}

int http_stream_begin(http_request *r, int status, const char *content_type) {
        cleanup_str mn_str head = { 0 };
        if (r->answer != ANSWER_NONE)
                return -EALREADY;
        r->is_chunked = r->head.minor_version >= 1;
        r->must_close = r->must_close || !r->is_chunked;
        begin_head(r, status, &head);
        add_header(&head, "Content-Type", content_type);
        if (r->is_chunked)
                add_header(&head, "Transfer-Encoding", "chunked");
        add_connection(r, &head);
        mn_str_add(&head, "\r\n");
        r->answer = ANSWER_STREAM;
        return http_conn_write2(r->conn, head.data, head.len, NULL, 0, HTTP_REPLY_TIMEOUT_MS);
}

int http_stream_write(http_request *r, const void *data, size_t len) {
        char size[24];
        if (r->answer != ANSWER_STREAM)
                return -EPIPE;
        if (len == 0 || is_head_request(r))
                return 0;
        int s;
        if (!r->is_chunked) {
                s = http_conn_write2(r->conn, data, len, NULL, 0, -1);
        } else {
                /* The CRLF that ends a chunk is sent with the size line of the next one, or with the end. */
                int n = snprintf(size, sizeof(size), "%zx\r\n", len);
                s = http_conn_write2(r->conn, size, (size_t) n, data, len, -1);
                if (s == 0)
                        s = http_conn_write2(r->conn, "\r\n", 2, NULL, 0, -1);
        }
        if (s < 0)
                r->answer = ANSWER_ABORTED;
        return s;
}

void http_stream_abort(http_request *r) {
        r->must_close = true;
        if (r->answer == ANSWER_STREAM)
                r->answer = ANSWER_ABORTED;
}

bool http_request_is_answered(const http_request *r) {
        return r->answer != ANSWER_NONE;
}

/* For TLS and WebSocket the caller gets one end of a socket pair; the worker pumps the other. */
static int hijacked_fd(http_request *r, int *ret_fd) {
        int pair[2];
        if (!r->conn->tls && !r->is_websocket) {
                *ret_fd = http_conn_give_away(r->conn);
                return 0;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        r->pump_fd = pair[0];
        *ret_fd = pair[1];
        return 0;
}

/* A body of known length ends before the stream begins: some clients (dockerode) send their options twice. */
static int drop_body(http_request *r) {
        char buf[4096];
        ssize_t n;
        size_t dropped = 0;
        if (r->head.framing != MN_HTTP_LENGTH)
                return 0;
        while ((n = http_request_read(r, buf, sizeof(buf))) > 0)
                if ((dropped += (size_t) n) > HTTP_MAX_DRAIN)
                        return -EMSGSIZE;
        return n < 0 ? (int) n : 0;
}

int http_request_hijack(http_request *r, const char *content_type, int *ret_fd) {
        cleanup_str mn_str head = { 0 };
        bool upgrades = r->head.is_upgrade;
        if (r->answer != ANSWER_NONE)
                return -EALREADY;
        int dropped = drop_body(r);
        if (dropped < 0)
                return dropped;
        r->status = upgrades ? 101 : 200;
        mn_str_printf(&head, "HTTP/1.1 %d %s\r\n", r->status, http_status_text(r->status));
        add_header(&head, "Content-Type", content_type);
        if (upgrades) {
                add_header(&head, "Connection", "Upgrade");
                add_header(&head, "Upgrade", "tcp");
        }
        for (const char *const *h = r->conn->server->spec.headers; h && h[0]; h += 2)
                add_header(&head, h[0], h[1]);
        mn_str_add(&head, "\r\n");
        r->answer = ANSWER_HIJACKED;
        r->must_close = true;
        int s = http_conn_write2(r->conn, head.data, head.len, NULL, 0, HTTP_REPLY_TIMEOUT_MS);
        return s < 0 ? s : hijacked_fd(r, ret_fd);
}

static int send_websocket_head(http_request *r, const char *key) {
        cleanup_str mn_str head = { 0 };
        r->status = 101;
        r->answer = ANSWER_HIJACKED;
        r->must_close = r->is_websocket = true;
        mn_str_add(&head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: ");
        (void) mn_ws_accept(key, &head);
        mn_str_add(&head, "\r\n\r\n");
        return http_conn_write2(r->conn, head.data, head.len, NULL, 0, HTTP_REPLY_TIMEOUT_MS);
}

mn_status http_request_hijack_websocket(http_request *r, int *ret_fd, mn_err *err) {
        cleanup_str mn_str ignored = { 0 };
        const char *key = mn_http_header_get(&r->head, "Sec-WebSocket-Key");
        const char *version = mn_http_header_get(&r->head, "Sec-WebSocket-Version");
        bool is_asked = r->head.is_upgrade && mn_http_header_has_token(&r->head, "Upgrade", "websocket");
        *ret_fd = -1;
        if (!is_asked || !version || strcmp(version, "13") != 0 || mn_ws_accept(key, &ignored) < 0) {
                http_reply_header(r, "Sec-WebSocket-Version", "13");
                return mn_fail(err, MN_INVALID, "a WebSocket handshake of version 13 is expected");
        }
        int s = send_websocket_head(r, key);
        if (s == 0)
                s = hijacked_fd(r, ret_fd);
        return MN_OK;
}

int http_hijacked_write(http_request *r, int fd, const void *data, size_t len) {
        uint8_t header[MN_WS_HEADER_MAX];
        if (r->pump_fd < 0)
                return mn_write_all(fd, data, len);
        size_t n = r->is_websocket ? mn_ws_put_header(header, MN_WS_BINARY, len) : 0;
        return http_conn_write2(r->conn, header, n, data, len, -1);
}

bool http_reply_finish(http_request *r) {
        static const char last[] = "0\r\n\r\n";
        switch (r->answer) {
        case ANSWER_REPLY:
                return true;
        case ANSWER_STREAM:
                if (is_head_request(r) || !r->is_chunked)
                        return r->is_chunked;
                return http_conn_write2(r->conn, last, sizeof(last) - 1, NULL, 0, HTTP_REPLY_TIMEOUT_MS) == 0;
        case ANSWER_NONE:
        case ANSWER_ABORTED:
        case ANSWER_HIJACKED:
                break;
        }
        return false;
}
