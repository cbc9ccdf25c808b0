/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "base/alloc.h"
#include "sys/tlsresult.h"

/* What is used of libssl, found with dlsym(): name by name, so that the types are those of the headers. */
#define LIBSSL_FUNCTIONS(X)                                                                                  \
        X(ERR_clear_error)                                                                                   \
        X(ERR_peek_error)                                                                                    \
        X(TLS_server_method)                                                                                 \
        X(SSL_CTX_new)                                                                                       \
        X(SSL_CTX_free)                                                                                      \
        X(SSL_CTX_ctrl)                                                                                      \
        X(SSL_CTX_set_verify)                                                                                \
        X(SSL_CTX_use_certificate_chain_file)                                                                \
        X(SSL_CTX_use_PrivateKey_file)                                                                       \
        X(SSL_CTX_check_private_key)                                                                         \
        X(SSL_CTX_load_verify_locations)                                                                     \
        X(SSL_CTX_set_client_CA_list)                                                                        \
        X(SSL_load_client_CA_file)                                                                           \
        X(SSL_new)                                                                                           \
        X(SSL_free)                                                                                          \
        X(SSL_set_fd)                                                                                        \
        X(SSL_accept)                                                                                        \
        X(SSL_peek)                                                                                          \
        X(SSL_read)                                                                                          \
        X(SSL_write)                                                                                         \
        X(SSL_pending)                                                                                       \
        X(SSL_shutdown)                                                                                      \
        X(SSL_get_error)

static struct libssl {
#define X(name) __typeof__(&name) name;
        LIBSSL_FUNCTIONS(X)
#undef X
        bool is_loaded;
} lib;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load_library(void) {
        void *handle = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
        bool is_loaded = handle != NULL;
#define X(name)                                                                                              \
        if (is_loaded)                                                                                       \
                is_loaded = (lib.name = (__typeof__(&name)) dlsym(handle, #name)) != NULL;
        LIBSSL_FUNCTIONS(X)
#undef X
        lib.is_loaded = is_loaded;
}

struct http_tls {
        SSL_CTX *ctx;
};

struct http_tls_stream {
        SSL *ssl;
};

/* Who may sign client certificates: checked in the handshake, and named to the client. */
static mn_status require_clients(SSL_CTX *ctx, const char *ca_file, mn_err *err) {
        if (!ca_file || lib.SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1)
                return mn_fail(err, MN_INVALID, "unable to use the CA certificate file \"%s\"",
                               ca_file ? ca_file : "");
        lib.SSL_CTX_set_client_CA_list(ctx, lib.SSL_load_client_CA_file(ca_file));
        lib.SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        return MN_OK;
}

static mn_status configure(SSL_CTX *ctx, const http_tls_spec *spec, mn_err *err) {
        lib.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
        lib.SSL_CTX_ctrl(ctx, SSL_CTRL_MODE,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
        if (!spec->cert_file || lib.SSL_CTX_use_certificate_chain_file(ctx, spec->cert_file) != 1)
                return mn_fail(err, MN_INVALID,
                               "could not load X509 key pair: unable to use the certificate \"%s\"",
                               spec->cert_file ? spec->cert_file : "");
        if (!spec->key_file || lib.SSL_CTX_use_PrivateKey_file(ctx, spec->key_file, SSL_FILETYPE_PEM) != 1 ||
            lib.SSL_CTX_check_private_key(ctx) != 1)
                return mn_fail(err, MN_INVALID, "could not load X509 key pair: unable to use the key \"%s\"",
                               spec->key_file ? spec->key_file : "");
        return spec->verifies_clients ? require_clients(ctx, spec->ca_file, err) : MN_OK;
}

mn_status http_tls_new(const http_tls_spec *spec, http_tls **ret, mn_err *err) {
        pthread_once(&once, load_library);
        if (!lib.is_loaded)
                return mn_fail(err, MN_INTERNAL, "TLS is not available: libssl.so.3 cannot be loaded");
        SSL_CTX *ctx = lib.SSL_CTX_new(lib.TLS_server_method());
        if (!ctx)
                return mn_fail(err, MN_INTERNAL, "TLS is not available: OpenSSL refuses a context");
        mn_status s = configure(ctx, spec, err);
        if (s != MN_OK) {
                lib.SSL_CTX_free(ctx);
                return s;
        }
        http_tls *tls = mn_alloc(sizeof(*tls));
        tls->ctx = ctx;
        *ret = tls;
        return MN_OK;
}

void http_tls_free(http_tls *tls) {
        if (!tls)
                return;
        lib.SSL_CTX_free(tls->ctx);
        mn_freep(&tls);
}

http_tls_stream *http_tls_accept(http_tls *tls, int fd) {
        SSL *ssl = lib.SSL_new(tls->ctx);
        if (!ssl || lib.SSL_set_fd(ssl, fd) != 1) {
                lib.SSL_free(ssl);
                return NULL;
        }
        http_tls_stream *s = mn_alloc(sizeof(*s));
        s->ssl = ssl;
        return s;
}

void http_tls_stream_free(http_tls_stream *s) {
        if (!s)
                return;
        lib.SSL_free(s->ssl);
        mn_freep(&s);
}

/* Before each call: neither an error of before nor that of another connection is taken for its own. */
static void begin(void) {
        lib.ERR_clear_error();
        errno = 0;
}

static int result(http_tls_stream *s, int n) {
        int saved = errno;
        return mn_tls_result(lib.SSL_get_error(s->ssl, n), saved);
}

static int clamp(size_t len) {
        return len > INT_MAX ? INT_MAX : (int) len;
}

int http_tls_handshake(http_tls_stream *s) {
        begin();
        int n = lib.SSL_accept(s->ssl);
        if (n == 1)
                return 0;
        int r = result(s, n);
        if (r == -EPROTO && ERR_GET_REASON(lib.ERR_peek_error()) == SSL_R_HTTP_REQUEST)
                return -EBADMSG;
        return r == 0 ? -ECONNRESET : r;
}

ssize_t http_tls_peek(http_tls_stream *s, void *buf, size_t len) {
        begin();
        int n = lib.SSL_peek(s->ssl, buf, clamp(len));
        return n > 0 ? n : result(s, n);
}

ssize_t http_tls_read(http_tls_stream *s, void *buf, size_t len) {
        begin();
        int n = lib.SSL_read(s->ssl, buf, clamp(len));
        return n > 0 ? n : result(s, n);
}

ssize_t http_tls_write(http_tls_stream *s, const void *buf, size_t len) {
        begin();
        int n = lib.SSL_write(s->ssl, buf, clamp(len));
        int r = n > 0 ? n : result(s, n);
        return r == 0 ? -EPIPE : r;
}

bool http_tls_has_pending(const http_tls_stream *s) {
        return lib.SSL_pending(s->ssl) > 0;
}

void http_tls_shutdown(http_tls_stream *s) {
        lib.SSL_shutdown(s->ssl);
}
