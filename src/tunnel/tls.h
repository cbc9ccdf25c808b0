/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The client's side of TLS on a non-blocking descriptor. */

#include <stdbool.h>
#include <sys/types.h>

typedef struct tls_spec {
        bool verifies;         /* the server's certificate and name; otherwise anybody may answer */
        const char *host;      /* name or address the certificate must be for */
        const char *ca_file;   /* beside the system's authorities; "": only those */
        const char *cert_file; /* "": none is shown */
        const char *key_file;
} tls_spec;

/* Connects over `fd` within `timeout_ms`; the stream, or NULL after the failure has been reported. Blocks. */
void *tls_connect(const tls_spec *spec, int fd, int timeout_ms);

/* Bytes moved; 0 at the orderly end; -EAGAIN when the descriptor is not ready; -errno (-EPROTO: tls_cause
 * says why). */
ssize_t tls_read(void *stream, void *buf, size_t len);
ssize_t tls_write(void *stream, const void *buf, size_t len);

/* Says that nothing more will be sent. */
void tls_shut(void *stream);

/* Text of the last failure in Go's words. */
const char *tls_cause(void);
