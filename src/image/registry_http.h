/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One HTTP exchange over libcurl: no authentication, no redirects, no retries (registry_session.h has those).
 * Everything a server can make us hold is bounded: headers, bodies, time.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum {
        REGISTRY_DOCUMENT_MAX = 4 << 20, /* manifest, config, signature */
        REGISTRY_TOKEN_MAX = 1 << 20,    /* token, error body */
        REGISTRY_HEADERS_MAX = 256 << 10,
        REGISTRY_DOCUMENT_TIMEOUT_MS = 60000,
};

/* A connection holder for one thread; requests on it reuse connections. */
typedef struct registry_http registry_http;

registry_http *registry_http_new(void) __attribute__((returns_nonnull));
void registry_http_free(registry_http *http);
void registry_http_freep(registry_http **http);
#define cleanup_registry_http MN_CLEANUP(registry_http_freep)

/* How to reach a server. Strings are borrowed. */
typedef struct registry_transport {
        bool is_unverified;      /* an insecure registry: its certificate is not checked */
        const char *ca_pem;      /* certificates trusted besides the system's, or NULL */
        const char *client_cert; /* files, or NULL */
        const char *client_key;
        const char *proxy; /* URL; NULL: a direct connection */
        const char *no_proxy;
        int connect_timeout_ms;
        int stall_timeout_ms;
} registry_transport;

/* What went wrong below HTTP; tells whether another try, or another scheme, makes sense. */
typedef enum registry_failure {
        REGISTRY_FAILURE_NONE,
        REGISTRY_FAILURE_CONNECT,   /* no connection: refused, unreachable, no such host, proxy */
        REGISTRY_FAILURE_TLS,       /* connected, but no TLS handshake with a certificate we trust */
        REGISTRY_FAILURE_TRANSFER,  /* reset, truncated, stalled, not HTTP */
        REGISTRY_FAILURE_LIMIT,     /* the server sent more than is allowed */
        REGISTRY_FAILURE_LOCAL,     /* the sink or source failed; err has its message */
        REGISTRY_FAILURE_CANCELLED, /* *is_cancelled was set */
        REGISTRY_FAILURE_FORBIDDEN, /* the address is one of this machine's, and may not be reached this way
                                     */
} registry_failure;

typedef struct registry_header {
        char *name; /* lower case */
        char *value;
} registry_header;

/* Zero-initialise; release with registry_response_release. */
typedef struct registry_response {
        int status; /* HTTP status, 0 when there was none */
        registry_failure failure;
        registry_header *headers;
        size_t nheaders, headers_cap, header_bytes;
        int64_t content_length; /* -1 when not announced */
        bool is_peer_local;     /* the server is on this machine (loopback, link-local) */
        mn_str body;            /* all of an error's body, and of a success when there is no sink */
} registry_response;

void registry_response_release(registry_response *response);
#define cleanup_registry_response MN_CLEANUP(registry_response_release)

/* First value of a header (name in lower case), or NULL. */
const char *registry_response_header(const registry_response *response, const char *name);

typedef struct registry_request {
        const char *method;
        const char *url;
        const char *const *headers; /* "Name: value", NULL-terminated; no line ends inside */
        const registry_transport *transport;
        bool is_local_refused; /* refuse to connect to loopback, link-local and metadata addresses */
        size_t max_body;       /* of a body that is collected; 0: REGISTRY_DOCUMENT_MAX */
        bool is_transfer;      /* a blob: bounded by stalls and not by REGISTRY_DOCUMENT_TIMEOUT_MS */
        const atomic_bool *is_cancelled; /* may be NULL */

        const void *body; /* request body, or NULL */
        size_t body_len;

        /* Streamed request body of `source_len` bytes (-1: not known). Bytes put into buf, 0 at the end, -1
         * on failure. */
        ssize_t (*source)(void *arg, char *buf, size_t size);
        int64_t source_len;

        /* Receives a 2xx body as it comes, with the head in place. 0; -1 breaks off as
         * REGISTRY_FAILURE_LOCAL. */
        int (*sink)(void *arg, const registry_response *head, const char *bytes, size_t len);
        void *arg;
} registry_request;

/* Performs the request. MN_OK for every HTTP answer whatever its status; MN_UNAVAILABLE with `Get "<url>":
   <cause>` when there was none, and response->failure says why. The URL in the message has no query. A
   failure of sink or source leaves their message in err when they set one. */
mn_status registry_http_perform(registry_http *http, const registry_request *request,
                                registry_response *response, mn_err *err) MN_MUST_USE;
