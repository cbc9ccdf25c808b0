/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/vec.h"
#include "image/curl_library.h"
#include "image/registry_url.h"

enum { BUFFER_SIZE = 256 << 10, MIN_SPEED_BYTES = 1024, UPLOAD_ANSWER_TIMEOUT_MS = 600000 };

struct registry_http {
        CURL *curl;
};

/* The exchange while it runs; the argument of all callbacks. */
struct exchange {
        CURL *curl;
        const registry_request *request;
        registry_response *response;
        bool is_over_limit;
        bool has_local_failure;
        bool is_address_refused;
};

static void lower(char *s) {
        for (; *s; s++)
                *s = (char) tolower((unsigned char) *s);
}

static void init_curl(void) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
}

registry_http *registry_http_new(void) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, init_curl);
        registry_http *http = mn_alloc(sizeof(*http));
        http->curl = curl_easy_init();
        if (!http->curl)
                abort(); /* out of memory */
        return http;
}

void registry_http_free(registry_http *http) {
        if (!http)
                return;
        curl_easy_cleanup(http->curl);
        free(http);
}

void registry_http_freep(registry_http **http) {
        registry_http_free(*http);
}

/* ---- the response ---- */

static void forget_headers(registry_response *r) {
        for (size_t i = 0; i < r->nheaders; i++) {
                free(r->headers[i].name);
                free(r->headers[i].value);
        }
        r->nheaders = 0;
        r->content_length = -1;
}

void registry_response_release(registry_response *r) {
        forget_headers(r);
        free(r->headers);
        mn_str_release(&r->body);
        *r = (registry_response){ 0 };
}

const char *registry_response_header(const registry_response *r, const char *name) {
        for (size_t i = 0; i < r->nheaders; i++)
                if (strcmp(r->headers[i].name, name) == 0)
                        return r->headers[i].value;
        return NULL;
}

static void keep_header(registry_response *r, const char *line, size_t len) {
        const char *colon = memchr(line, ':', len);
        if (!colon)
                return;
        const char *value = colon + 1, *end = line + len;
        while (value < end && isspace((unsigned char) *value))
                value++;
        while (end > value && isspace((unsigned char) end[-1]))
                end--;
        r->headers = mn_vec_grow(r->headers, r->nheaders, &r->headers_cap, sizeof(*r->headers));
        registry_header *header = &r->headers[r->nheaders++];
        header->name = mn_strndup(line, (size_t) (colon - line));
        header->value = mn_strndup(value, (size_t) (end - value));
        lower(header->name);
        if (strcmp(header->name, "content-length") == 0 &&
            mn_parse_i64(header->value, 0, INT64_MAX, &r->content_length))
                r->content_length = -1;
}

/* ---- callbacks ---- */

static size_t on_header(char *line, size_t size, size_t n, void *arg) {
        struct exchange *x = arg;
        size_t len = size * n;
        x->response->header_bytes += len;
        if (x->response->header_bytes > REGISTRY_HEADERS_MAX) {
                x->is_over_limit = true;
                return 0;
        }
        if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
                forget_headers(x->response); /* of an interim answer (1xx, a proxy's CONNECT) */
                long status = 0;
                curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
                x->response->status = (int) status;
        } else {
                keep_header(x->response, line, len);
        }
        return len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
        struct exchange *x = arg;
        size_t len = size * n;
        if (x->request->sink && x->response->status >= 200 && x->response->status < 300) {
                if (x->request->sink(x->request->arg, x->response, bytes, len) == 0)
                        return len;
                x->has_local_failure = true;
                return 0;
        }
        mn_str_add_len(&x->response->body, bytes, len);
        if (!mn_str_error(&x->response->body))
                return len;
        x->is_over_limit = true;
        return 0;
}

static size_t on_read(char *buf, size_t size, size_t n, void *arg) {
        struct exchange *x = arg;
        ssize_t len = x->request->source(x->request->arg, buf, size * n);
        if (len >= 0)
                return (size_t) len;
        x->has_local_failure = true;
        return CURL_READFUNC_ABORT;
}

static int on_progress(void *arg, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul) {
        (void) dl_total, (void) dl, (void) ul_total, (void) ul;
        struct exchange *x = arg;
        return x->request->is_cancelled && atomic_load(x->request->is_cancelled);
}

static bool is_local_ipv4(uint32_t a) {
        return a >> 24 == 127 || a >> 24 == 0 || a >> 16 == 0xa9fe;
}

/* Loopback, link-local (where clouds keep their metadata services), unspecified. */
static bool is_local_address(const struct sockaddr *sa) {
        if (sa->sa_family == AF_INET)
                return is_local_ipv4(
                        ntohl(((const struct sockaddr_in *) (const void *) sa)->sin_addr.s_addr));
        if (sa->sa_family != AF_INET6)
                return true; /* nothing else is expected */
        const struct in6_addr *a = &((const struct sockaddr_in6 *) (const void *) sa)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a)) {
                uint32_t v4;
                memcpy(&v4, a->s6_addr + 12, 4);
                return is_local_ipv4(ntohl(v4)) || ntohl(v4) <= 1;
        }
        return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_UNSPECIFIED(a);
}

/* The place where the address is known and the connection not yet made: no name can be rebound after it. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
        (void) purpose;
        struct exchange *x = arg;
        bool is_direct = !x->request->transport->proxy;
        if (x->request->is_local_refused && is_direct && is_local_address(&address->addr)) {
                x->is_address_refused = true;
                return CURL_SOCKET_BAD;
        }
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- performing ---- */

static void set_transport(CURL *curl, const registry_transport *t) {
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long) t->connect_timeout_ms);
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, t->is_unverified ? 0L : 1L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, t->is_unverified ? 0L : 2L);
        if (t->ca_pem) {
                struct curl_blob blob = { (void *) (uintptr_t) t->ca_pem, strlen(t->ca_pem), CURL_BLOB_COPY };
                curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
                curl_easy_setopt(curl, CURLOPT_CAPATH, "/etc/ssl/certs");
        }
        if (t->client_cert)
                curl_easy_setopt(curl, CURLOPT_SSLCERT, t->client_cert);
        if (t->client_key)
                curl_easy_setopt(curl, CURLOPT_SSLKEY, t->client_key);
        curl_easy_setopt(curl, CURLOPT_PROXY,
                         t->proxy ? t->proxy : ""); /* "": not even from the environment */
        curl_easy_setopt(curl, CURLOPT_NOPROXY, t->no_proxy ? t->no_proxy : "");
}

static void set_body(CURL *curl, const registry_request *request, struct exchange *x) {
        if (request->source) {
                curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
                curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
                curl_easy_setopt(curl, CURLOPT_READDATA, x);
                curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t) request->source_len);
                curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long) BUFFER_SIZE);
        } else if (request->body || strcmp(request->method, "GET") != 0) {
                curl_easy_setopt(curl, CURLOPT_POST, 1L);
                curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
                curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
        }
        if (strcmp(request->method, "HEAD") == 0)
                curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_limits(CURL *curl, const registry_request *request) {
        if (!request->is_transfer) {
                curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) REGISTRY_DOCUMENT_TIMEOUT_MS);
                return;
        }
        long stall_s = (request->transport->stall_timeout_ms + 999) / 1000;
        /* after an upload the registry reads it all again before it answers */
        if (request->source)
                stall_s = MN_MAX(stall_s, (long) UPLOAD_ANSWER_TIMEOUT_MS / 1000);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long) MIN_SPEED_BYTES);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, stall_s);
}

static registry_failure failure_of(CURLcode code, const struct exchange *x) {
        if (x->is_over_limit)
                return REGISTRY_FAILURE_LIMIT;
        if (x->is_address_refused)
                return REGISTRY_FAILURE_FORBIDDEN;
        if (x->has_local_failure)
                return REGISTRY_FAILURE_LOCAL;
        switch ((int) code) {
        case CURLE_ABORTED_BY_CALLBACK:
                return REGISTRY_FAILURE_CANCELLED;
        case CURLE_COULDNT_CONNECT:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
                return REGISTRY_FAILURE_CONNECT;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
                return REGISTRY_FAILURE_TLS;
        default:
                return REGISTRY_FAILURE_TRANSFER;
        }
}

/* The cause in Go's words where Docker's users know them. */
static void add_cause(mn_str *out, CURLcode code, const struct exchange *x, const char *detail) {
        long os_errno = 0;
        curl_easy_getinfo(x->curl, CURLINFO_OS_ERRNO, &os_errno);
        cleanup_registry_url registry_url url = { 0 };
        (void) registry_url_parse(NULL, x->request->url, &url, NULL);
        if (x->is_over_limit)
                mn_str_add(out, "the answer is larger than allowed");
        else if (x->is_address_refused)
                mn_str_add(out, "a registry elsewhere may not send us to an address of this machine");
        else if (code == CURLE_COULDNT_RESOLVE_HOST)
                mn_str_printf(out, "dial tcp: lookup %s: no such host", url.host ? url.host : "?");
        else if (code == CURLE_COULDNT_CONNECT && os_errno)
                mn_str_printf(out, "dial tcp %s: connect: %s", url.authority ? url.authority : "?",
                              mn_strerror((int) -os_errno));
        else if (code == CURLE_PEER_FAILED_VERIFICATION)
                mn_str_printf(out, "tls: failed to verify certificate: %s", detail);
        else if (code == CURLE_ABORTED_BY_CALLBACK)
                mn_str_add(out, "context canceled");
        else
                mn_str_add(out, *detail ? detail : curl_easy_strerror(code));
}

static mn_status fail_exchange(CURLcode code, const struct exchange *x, const char *detail, mn_err *err) {
        if (x->has_local_failure && err && err->message)
                return MN_INTERNAL;
        cleanup_free char *method = mn_strdup(x->request->method);
        cleanup_str mn_str cause = MN_STR_INIT(0);
        lower(method + 1); /* Go prints `Get "https://..."` */
        add_cause(&cause, code, x, detail);
        return mn_fail(err, MN_UNAVAILABLE, "%s \"%.*s\": %s", method, (int) strcspn(x->request->url, "?"),
                       x->request->url, mn_str_text(&cause));
}

static struct curl_slist *header_list(const registry_request *request) {
        struct curl_slist *list = curl_slist_append(NULL, "Expect:");
        list = curl_slist_append(list, "User-Agent: minato/" MINATO_VERSION);
        for (size_t i = 0; request->headers && request->headers[i]; i++)
                list = curl_slist_append(list, request->headers[i]);
        return list;
}

static void note_peer(CURL *curl, registry_response *response) {
        const char *ip = NULL;
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        if (curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &ip) != CURLE_OK || !ip)
                return;
        if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
                response->is_peer_local = is_local_address((struct sockaddr *) (void *) &v4);
        else if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1)
                response->is_peer_local = is_local_address((struct sockaddr *) (void *) &v6);
}

static void set_callbacks(CURL *curl, struct exchange *x, char *detail) {
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, x);
}

mn_status registry_http_perform(registry_http *http, const registry_request *request,
                                registry_response *response, mn_err *err) {
        CURL *curl = http->curl;
        char detail[CURL_ERROR_SIZE] = "";
        struct exchange x = { .curl = curl, .request = request, .response = response };
        registry_response_release(response);
        response->content_length = -1;
        response->body = MN_STR_INIT(request->max_body ? request->max_body : REGISTRY_DOCUMENT_MAX);
        curl_easy_reset(curl);
        curl_easy_setopt(curl, CURLOPT_URL, request->url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long) BUFFER_SIZE);
        set_callbacks(curl, &x, detail);
        set_transport(curl, request->transport);
        set_body(curl, request, &x);
        set_limits(curl, request);
        struct curl_slist *headers = header_list(request);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        CURLcode code = curl_easy_perform(curl);
        curl_slist_free_all(headers);
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        response->status = (int) status;
        note_peer(curl, response);
        if (code == CURLE_OK)
                return MN_OK;
        response->failure = failure_of(code, &x);
        return fail_exchange(code, &x, detail, err);
}
