/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The HTTP server: listening sockets and idle connections belong to the loop's thread and cost a few hundred
 * bytes each; a complete request head is handed to a worker, where the handler runs linearly and may block.
 * What follows the head stays in the socket until somebody reads it, so a body or a hijacked stream needs no
 * buffer of ours.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/http_tls.h"
#include "base/err.h"
#include "loop/loop.h"

typedef struct http_server http_server;
typedef struct http_request http_request;

/* Serves one request. It must answer in some way; when it does not, the server answers 500. */
typedef void (*http_handler)(http_request *r, void *arg);

typedef struct http_server_spec {
        loop *loop;
        http_handler handler;
        void *arg;
        const char *const *headers; /* pairs of name and value on every answer; ends with NULL; borrowed */
        char *const *allowed_names; /* further names a Host header on TCP may have; borrowed */
        size_t max_workers;         /* 0: 2048 */
        size_t max_connections;     /* 0: what the limit on descriptors allows */
} http_server_spec;

http_server *http_server_new(const http_server_spec *spec) __attribute__((returns_nonnull));

/* Accepts connections from a listening socket (taken). `is_local`: a unix socket, which pages of a browser
 * cannot reach. `tls` may be NULL; taken. `checks_clients`: TLS verifies client certificates. */
typedef struct http_listener_spec {
        int fd;
        bool is_local;
        http_tls *tls;
        bool checks_clients;
} http_listener_spec;
mn_status http_server_listen(http_server *s, const http_listener_spec *spec, mn_err *err) MN_MUST_USE;

/* Stops accepting, and closes idle connections. From the loop's thread. */
void http_server_stop(http_server *s);

/* Breaks the connections of requests that are still served (streams would otherwise go on). */
void http_server_break(http_server *s);

/* Requests that are being served. From any thread. */
size_t http_server_busy(http_server *s);

/* Waits for the workers, then frees. After http_server_stop. */
void http_server_free(http_server *s);
