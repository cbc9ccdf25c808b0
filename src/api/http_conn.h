/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One connection of a client: a non-blocking socket, perhaps with TLS on it. It is used by one thread at a
 * time: the loop while no request is there, a worker while one is served.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"

typedef struct http_server http_server;
typedef struct http_listener http_listener;
typedef struct http_tls_stream http_tls_stream;

typedef enum http_conn_state {
        HTTP_CONN_HANDSHAKE, /* TLS is being agreed on */
        HTTP_CONN_IDLE,      /* no byte of the next request has come */
        HTTP_CONN_HEAD,      /* a part of a head has come */
        HTTP_CONN_BUSY,      /* a worker has it */
} http_conn_state;

typedef struct http_conn http_conn;
struct http_conn {
        int fd;
        http_tls_stream *tls; /* NULL: plain */
        const http_listener *listener;
        http_server *server;
        http_conn_state state;
        bool is_refused; /* the handshake has failed: only waited for until the client has seen that */
        loop_io *io;
        char *head; /* what has come of a head; owned; NULL when idle */
        size_t head_len, scanned;
        int64_t deadline_ms;
        http_conn *prev, *next; /* the server's list of connections in this state */
};

/* Receives what is there without waiting. Bytes, 0 at the end of the stream, -EAGAIN, or another -errno.
 * Peeking leaves the bytes where they are. */
ssize_t http_conn_peek(http_conn *c, void *buf, size_t len);
ssize_t http_conn_read_some(http_conn *c, void *buf, size_t len);

/* As http_conn_read_some, but waits up to `timeout_ms` (-1: for ever) for the first byte; -ETIMEDOUT. */
ssize_t http_conn_read(http_conn *c, void *buf, size_t len, int timeout_ms);

/* Sends all of two pieces (either may be empty), waiting at most `timeout_ms` for each step forward. 0 or
 * -errno. */
int http_conn_write2(http_conn *c, const void *a, size_t a_len, const void *b, size_t b_len, int timeout_ms);

/* True when the client has closed or reset the connection, or its sending half. Does not wait. */
bool http_conn_is_gone(const http_conn *c);
