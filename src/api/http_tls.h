/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* TLS for TCP connections (OpenSSL behind five calls). libssl is loaded when the first context is made, so a
 * daemon on a unix socket does not pay for it. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

typedef struct http_tls http_tls;               /* certificates and rules of a listener */
typedef struct http_tls_stream http_tls_stream; /* TLS on one connection */

typedef struct http_tls_spec {
        const char *cert_file, *key_file; /* PEM */
        const char *ca_file;              /* PEM; who may sign client certificates */
        bool verifies_clients; /* a client without a valid certificate is refused in the handshake */
} http_tls_spec;

/* Loads the files. MN_INVALID names the file that is wrong. */
mn_status http_tls_new(const http_tls_spec *spec, http_tls **ret, mn_err *err) MN_MUST_USE;
void http_tls_free(http_tls *tls);

/* TLS on an accepted, non-blocking socket; the descriptor stays the caller's. NULL when the library refuses.
 */
http_tls_stream *http_tls_accept(http_tls *tls, int fd);
void http_tls_stream_free(http_tls_stream *s);

/* Goes on with the handshake: 0 when it is done, -EAGAIN when the peer's turn is awaited, -EBADMSG when it
 * speaks HTTP without TLS, another -errno. */
int http_tls_handshake(http_tls_stream *s);

/* As recv() and send() without waiting; -errno. */
ssize_t http_tls_peek(http_tls_stream *s, void *buf, size_t len);
ssize_t http_tls_read(http_tls_stream *s, void *buf, size_t len);
ssize_t http_tls_write(http_tls_stream *s, const void *buf, size_t len);

/* True when decrypted bytes are waiting, which poll() on the socket does not show. */
bool http_tls_has_pending(const http_tls_stream *s);

/* Tells the peer that nothing more comes (close_notify). */
void http_tls_shutdown(http_tls_stream *s);
