/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting a request head from a connection without taking a byte of what follows it. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "api/http_private.h"
#include "base/alloc.h"

/* Registry credentials are the one header that may be large. */
static size_t head_limit(const char *head, size_t len) {
        static const char name[] = "\nx-registry-";
        for (size_t i = 0; i + sizeof(name) - 1 <= len; i++) {
                if (head[i] == '\n' && strncasecmp(head + i, name, sizeof(name) - 1) == 0)
                        return HTTP_MAX_HEAD_WITH_AUTH;
        }
        return HTTP_MAX_HEAD;
}

/* Takes exactly `len` bytes that were peeked at before. */
static int consume(http_conn *c, char *scratch, size_t len) {
        while (len > 0) {
                ssize_t n = http_conn_read_some(c, scratch, len);
                if (n <= 0)
                        return n == 0 ? -ECONNRESET : (int) n;
                len -= (size_t) n;
        }
        return 0;
}

int http_read_head(http_conn *c, char *scratch, size_t size) {
        for (;;) {
                ssize_t n = http_conn_peek(c, scratch, size);
                if (n <= 0)
                        return n == -EAGAIN ? 0 : n == 0 ? -ECONNRESET : (int) n;
                size_t old = c->head_len, len = old + (size_t) n;
                if (len > HTTP_MAX_HEAD && old > head_limit(c->head, old))
                        return -EMSGSIZE;
                c->head = mn_realloc(c->head, len + 1);
                memcpy(c->head + old, scratch, (size_t) n);
                ssize_t head_len = mn_http_head_length(c->head, len, &c->scanned);
                if (head_len < 0)
                        return -EBADMSG;
                c->head_len = head_len ? (size_t) head_len : len;
                int r = consume(c, scratch, c->head_len - old);
                if (r < 0)
                        return r;
                if (head_len)
                        return 1;
        }
}

void http_refuse(http_conn *c, int status, const char *message) {
        cleanup_str mn_str body = { 0 }, text = { 0 };
        mn_str_printf(&body, "{\"message\":\"%s\"}\n", message);
        mn_str_printf(&text,
                      "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                      "Connection: close\r\n\r\n",
                      status, http_status_text(status), body.len);
        (void) http_conn_write2(c, text.data, text.len, body.data, body.len, 0);
        /* Unread bytes would make the kernel reset the connection, and the client might not see the answer.
         */
        shutdown(c->fd, SHUT_WR);
        char rest[4096];
        for (int i = 0; i < 16 && !c->tls && recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0; i++)
                ;
}
