/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the HTTP server share: the server's state and the request's. */

#include <pthread.h>
#include <stdatomic.h>

#include "api/http_conn.h"
#include "api/http_request.h"
#include "api/http_server.h"

enum {
        HTTP_MAX_HEAD = 64 * 1024,         /* of an ordinary request */
        HTTP_MAX_HEAD_WITH_AUTH = 1 << 20, /* with an X-Registry-Auth or X-Registry-Config header */
        HTTP_HEAD_TIMEOUT_MS = 10 *
                               1000, /* from the first byte of a head to its end, and for TLS handshakes */
        HTTP_IDLE_TIMEOUT_MS = 180 * 1000, /* between requests */
        HTTP_BODY_TIMEOUT_MS = 60 * 1000,  /* without a byte of an announced body */
        HTTP_REPLY_TIMEOUT_MS = 60 *
                                1000,  /* without the client taking a byte of a reply (streams: no limit) */
        HTTP_MAX_DRAIN = 256 * 1024,   /* of a body nobody read, to keep the connection */
        HTTP_TRIM_AFTER_MS = 5 * 1000, /* of quiet, memory goes back to the system */
        HTTP_LINGER_MS = 2,            /* a worker waits this long for the next request of the same client */
};

struct http_listener {
        int fd;
        bool is_local, checks_clients;
        http_tls *tls;
        loop_io *io;
        http_server *server;
        http_listener *next;
};

typedef struct conn_list {
        http_conn *first, *last;
} conn_list;

struct http_server {
        http_server_spec spec;
        loop_workers *workers;
        loop_timer *sweep;
        http_listener *listeners;
        size_t nconns, max_conns;
        bool is_full;
        int64_t trim_at_ms; /* when memory freed by requests goes back to the system; 0: nothing to give back
                             */
        atomic_bool is_stopping;
        size_t max_waiting; /* requests that may wait at once; the other workers are for those that do not */
        atomic_size_t nwaiting;
        char *scratch;               /* the loop's buffer for peeking */
        conn_list idle, head, shake; /* in the order of their deadlines */
        pthread_mutex_t lock;        /* guards `busy` and nbusy */
        conn_list busy;
        size_t nbusy;
};

/* Serves the request whose head `c` holds (in a worker), and more that follow closely. True when the
 * connection may wait for another one, false when it is to be closed or was given away (fd -1). */
bool http_serve(http_conn *c);

/* Answers a head that cannot be served, in a form every client understands. */
void http_refuse(http_conn *c, int status, const char *message);

/* Reads what there is of a head: 1 when it is complete, 0 when more must come, -errno when the connection is
 * over; -EBADMSG and -EMSGSIZE ask for an answer first. At most `size` bytes are taken at a time. */
int http_read_head(http_conn *c, char *scratch, size_t size);

/* Takes the descriptor out of the connection, so that nobody else closes or breaks it. */
int http_conn_give_away(http_conn *c);

/* Whether a request may come through this connection at all: the rules against web pages that talk to a local
 * port. NULL when it may, else why not. */
const char *http_guard(const http_conn *c, const mn_http_head *head);

/* Carries bytes both ways between a TLS connection and `fd` (closed at the end) until both directions have
 * ended. */
void http_pump(http_conn *c, int fd);

/* The same between a connection that speaks WebSocket and `fd`. */
void http_websocket_pump(http_conn *c, int fd);
