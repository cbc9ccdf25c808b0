/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "sys/tlsresult.h"
#include "tunnel/report.h"

static bool is_address(const char *host) {
        unsigned char bytes[16];
        return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* The process makes one connection and ends with it: nothing here is freed, and what the verification of its
 * one certificate chain found wrong first is kept here. */
static struct {
        int why; /* X509_V_ERR_* */
        X509 *certificate;
} unverified;

static int keep_failure(int is_good, X509_STORE_CTX *store) {
        if (!is_good) {
                unverified.why = X509_STORE_CTX_get_error(store);
                unverified.certificate = X509_STORE_CTX_get_current_cert(store);
                if (unverified.certificate)
                        X509_up_ref(unverified.certificate);
        }
        return is_good;
}

static SSL_CTX *new_context(const tls_spec *spec) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        if (!ctx) {
                report_failure("tls: OpenSSL refuses a context");
                return NULL;
        }
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_verify(ctx, spec->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                           spec->verifies ? keep_failure : NULL);
        SSL_CTX_set_default_verify_paths(ctx);
        if (*spec->ca_file && SSL_CTX_load_verify_locations(ctx, spec->ca_file, NULL) != 1) {
                report_failure("could not read CA certificate \"%s\"", spec->ca_file);
                return NULL;
        }
        if (*spec->cert_file && SSL_CTX_use_certificate_chain_file(ctx, spec->cert_file) != 1) {
                report_failure("could not load X509 key pair: unable to use the certificate \"%s\"",
                               spec->cert_file);
                return NULL;
        }
        if (*spec->key_file && SSL_CTX_use_PrivateKey_file(ctx, spec->key_file, SSL_FILETYPE_PEM) != 1) {
                unsigned long code = ERR_peek_error();
                bool is_foreign = ERR_GET_LIB(code) == ERR_LIB_X509 &&
                                  ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH;
                if (is_foreign)
                        report_failure("tls: private key does not match public key");
                else
                        report_failure("could not load X509 key pair: unable to use the key \"%s\"",
                                       spec->key_file);
                return NULL;
        }
        return ctx;
}

static bool set_name(SSL *ssl, const char *host) {
        if (is_address(host))
                return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
        return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* "2021-01-01T00:00:00Z" */
static const char *time_text(const ASN1_TIME *when, char buf[32]) {
        struct tm tm = { 0 };
        ASN1_TIME_to_tm(when, &tm);
        strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
        return buf;
}

static const char *now_text(char buf[32]) {
        struct tm tm;
        time_t now = (time_t) (mn_now_ns() / MN_NS_PER_SEC);
        gmtime_r(&now, &tm);
        strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
        return buf;
}

/* The names and addresses a certificate is for, "a, b". */
static void add_names(const X509 *certificate, bool wants_addresses, mn_str *out) {
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
                char text[INET6_ADDRSTRLEN] = "";
                if (wants_addresses ? name->type != GEN_IPADD : name->type != GEN_DNS)
                        continue;
                const ASN1_STRING *value = wants_addresses ? name->d.iPAddress : name->d.dNSName;
                const unsigned char *bytes = ASN1_STRING_get0_data(value);
                int len = ASN1_STRING_length(value);
                mn_str_add(out, out->len ? ", " : "");
                if (!wants_addresses)
                        mn_str_add_len(out, bytes, (size_t) len);
                else if (len == 4 || len == 16)
                        mn_str_add(out, inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)));
        }
        GENERAL_NAMES_free(names);
}

static void report_wrong_name(const tls_spec *spec) {
        static const char failed[] = "tls: failed to verify certificate: x509:";
        cleanup_str mn_str names = MN_STR_INIT(2048);
        bool has_address = is_address(spec->host);
        if (unverified.certificate)
                add_names(unverified.certificate, has_address, &names);
        if (names.len)
                report_failure("%s certificate is valid for %s, not %s", failed, mn_str_text(&names),
                               spec->host);
        else if (has_address)
                report_failure("%s cannot validate certificate for %s because it doesn't contain any IP SANs",
                               failed, spec->host);
        else
                report_failure("%s certificate is not valid for any names, but wanted to match %s", failed,
                               spec->host);
}

static void report_unverified(const tls_spec *spec) {
        static const char failed[] = "tls: failed to verify certificate: x509:";
        const X509 *certificate = unverified.certificate;
        int why = unverified.why;
        char now[32], limit[32];
        if (why == X509_V_ERR_HOSTNAME_MISMATCH || why == X509_V_ERR_IP_ADDRESS_MISMATCH)
                report_wrong_name(spec);
        else if (why == X509_V_ERR_CERT_HAS_EXPIRED && certificate)
                report_failure("%s certificate has expired or is not yet valid: current time %s is after %s",
                               failed, now_text(now), time_text(X509_get0_notAfter(certificate), limit));
        else if (why == X509_V_ERR_CERT_NOT_YET_VALID && certificate)
                report_failure("%s certificate has expired or is not yet valid: current time %s is before %s",
                               failed, now_text(now), time_text(X509_get0_notBefore(certificate), limit));
        else if (why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                 why == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
                 why == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
                 why == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE)
                report_failure("%s certificate signed by unknown authority", failed);
        else
                report_failure("%s %s", failed, X509_verify_cert_error_string(why));
}

static unsigned long last_failure; /* OpenSSL's code; its own queue is emptied by the next call */

const char *tls_cause(void) {
        static const struct {
                int reason;
                const char *text;
        } known[] = {
                { SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "remote error: tls: certificate required" },
                { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "remote error: tls: bad certificate" },
                { SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "remote error: tls: handshake failure" },
                { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "remote error: tls: expired certificate" },
                { SSL_R_TLSV1_ALERT_UNKNOWN_CA, "remote error: tls: unknown certificate authority" },
                { SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "remote error: tls: protocol version not supported" },
                { SSL_R_WRONG_VERSION_NUMBER, "tls: first record does not look like a TLS handshake" },
                { SSL_R_UNEXPECTED_EOF_WHILE_READING, "EOF" },
        };
        unsigned long code = last_failure;
        for (size_t i = 0; i < MN_ARRAY_LEN(known); i++)
                if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == known[i].reason)
                        return known[i].text;
        const char *reason = ERR_reason_error_string(code);
        return reason ? reason : "tls: the connection failed";
}

static int result(SSL *ssl, int n) {
        int saved = errno;
        int r = mn_tls_result(SSL_get_error(ssl, n), saved);
        if (r == -EPROTO)
                last_failure = ERR_peek_error();
        return r;
}

/* One step of the handshake after the other; 0, -ETIMEDOUT or another -errno. */
static int shake_hands(SSL *ssl, int fd, int64_t deadline_ns) {
        for (;;) {
                ERR_clear_error();
                errno = 0;
                int n = SSL_connect(ssl);
                int r = n == 1 ? 0 : result(ssl, n);
                if (r != -EAGAIN)
                        return n == 1 ? 0 : r ? r : -ECONNRESET;
                struct pollfd p = { .fd = fd, .events = SSL_want_write(ssl) ? POLLOUT : POLLIN };
                int64_t left_ms = (deadline_ns - mn_monotonic_ns()) / MN_NS_PER_MS;
                if (left_ms <= 0 || poll(&p, 1, (int) left_ms) == 0)
                        return -ETIMEDOUT;
        }
}

void *tls_connect(const tls_spec *spec, int fd, int timeout_ms) {
        SSL_CTX *ctx = new_context(spec);
        SSL *ssl = ctx ? SSL_new(ctx) : NULL;
        if (!ctx)
                return NULL;
        if (!ssl || SSL_set_fd(ssl, fd) != 1 || !set_name(ssl, spec->host)) {
                report_failure("tls: OpenSSL refuses a connection to \"%s\"", spec->host);
                return NULL;
        }
        int r = shake_hands(ssl, fd, mn_monotonic_ns() + timeout_ms * MN_NS_PER_MS);
        if (r == 0)
                return ssl;
        if (r == -EPROTO && unverified.why != X509_V_OK)
                report_unverified(spec);
        else if (r == -EPROTO)
                report_failure("%s", tls_cause());
        else if (r == -ETIMEDOUT)
                report_failure("net/http: TLS handshake timeout");
        else
                report_failure("read tcp: read: %s", mn_strerror(r));
        return NULL;
}

static int clamp(size_t len) {
        return len > INT_MAX ? INT_MAX : (int) len;
}

ssize_t tls_read(void *stream, void *buf, size_t len) {
        ERR_clear_error();
        errno = 0;
        int n = SSL_read(stream, buf, clamp(len));
        return n > 0 ? n : result(stream, n);
}

ssize_t tls_write(void *stream, const void *buf, size_t len) {
        ERR_clear_error();
        errno = 0;
        int n = SSL_write(stream, buf, clamp(len));
        int r = n > 0 ? n : result(stream, n);
        return r == 0 ? -EPIPE : r;
}

void tls_shut(void *stream) {
        SSL_shutdown(stream);
}
