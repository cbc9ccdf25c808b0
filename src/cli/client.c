/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "cli/client_body.h"
#include "cli/connect.h"
#include "codec/http.h"
#include "sys/fd.h"

enum { BUFFER_SIZE = 64 << 10, MAX_BODY = 64 << 20 };

/* What we speak unless told otherwise: the newest version whose documents Docker's command line 28 knows. */
#define OUR_API_VERSION "1.50"

struct client {
        client_spec spec;
        const char *spoken;  /* API version of the paths */
        bool has_confirmed;  /* the daemon has answered a request of that version */
        client_stream *idle; /* a connection whose last answer was read to its end */
        char *api_version;
        int last_status;
};

struct client_stream {
        client *owner;
        connection link;
        const char *method;
        char *what;      /* the request in words, when the connection is a program's; else NULL */
        char *head_text; /* the head's own copy: `head` points into it */
        mn_http_head head;
        mn_http_chunked chunked;
        uint64_t remaining; /* MN_HTTP_LENGTH */
        bool is_hijacked;
        bool is_ended;
        bool has_head;
        size_t begin, end; /* bytes read from the connection and not used yet */
        char buffer[BUFFER_SIZE];
};

mn_status client_new(const client_spec *spec, client **ret, mn_err *err) {
        mn_status status = connect_check(spec, err);
        if (status)
                return status;
        client *c = mn_alloc(sizeof(*c));
        c->spec = *spec;
        c->spoken = spec->api_version ? spec->api_version : OUR_API_VERSION;
        c->has_confirmed = spec->api_version != NULL;
        *ret = c;
        return MN_OK;
}

void client_free(client *c) {
        if (!c)
                return;
        client_stream_free(c->idle);
        mn_freep(&c->api_version);
        free(c);
}

void client_stream_free(client_stream *s) {
        if (!s)
                return;
        mn_close(s->link.fd);
        mn_close(s->link.report_fd);
        free(s->head_text);
        free(s->what);
        free(s);
}

void client_stream_freep(client_stream **s) {
        client_stream_free(*s);
        *s = NULL;
}

/* `Get "https://name:2376/v1.50/containers/json"`, as Go calls a request in its messages; on the heap. */
static char *describe(const client *c, const client_request *r) {
        bool is_tcp = mn_str_has_prefix(c->spec.host, "tcp://");
        char *text = mn_asprintf("%s \"%s://%s/v%s%s\"", r->method,
                                 c->spec.has_tls && is_tcp ? "https" : "http",
                                 is_tcp ? c->spec.host + 6 : "docker.example.com", c->spoken, r->target);
        for (char *s = text + 1; *s != ' '; s++)
                *s = (char) (*s | 0x20);
        return text;
}

static mn_status stream_new(client *c, const client_request *request, client_stream **ret, mn_err *err) {
        connection link;
        mn_status status = connect_open(&c->spec, &link, err);
        cleanup_free char *what = link.report_fd >= 0 || status == MN_INTERNAL ? describe(c, request) : NULL;
        if (status == MN_INTERNAL)
                return mn_err_prefix(err, MN_UNAVAILABLE, "error during connect: %s", what);
        if (status)
                return status;
        client_stream *s = malloc(sizeof(*s)); /* not zeroed: most of it is the buffer */
        if (!s)
                abort();
        memset(s, 0, offsetof(client_stream, buffer));
        s->owner = c;
        s->link = link;
        s->what = MN_TAKE(what);
        *ret = s;
        return MN_OK;
}

mn_status client_dial(client *c, int *ret_fd, mn_err *err) {
        connection link;
        mn_status status = connect_open(&c->spec, &link, err);
        if (status)
                return status;
        mn_close(link.report_fd);
        *ret_fd = link.fd;
        return MN_OK;
}

static bool has_stream_body(const client_request *r) {
        return r->body_fd > 0 || r->produce;
}

static void add_head(const client *c, const client_request *r, mn_str *out) {
        mn_str_printf(out, "%s /v%s", r->method, c->spoken);
        mn_str_printf(out, "%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: minato/" MINATO_VERSION "\r\n", r->target,
                      mn_str_has_prefix(c->spec.host, "tcp://") ? c->spec.host + 6 : "docker");
        for (const char *const *h = c->spec.headers; h && *h; h++)
                mn_str_printf(out, "%s\r\n", *h);
        if (r->header)
                mn_str_printf(out, "%s\r\n", r->header);
        if (r->body || has_stream_body(r))
                mn_str_printf(out, "Content-Type: %s\r\n",
                              r->content_type ? r->content_type : "application/json");
        if (r->is_hijack)
                mn_str_add(out, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
        if (has_stream_body(r))
                mn_str_add(out, "Transfer-Encoding: chunked\r\n");
        else if (r->body || strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0)
                mn_str_printf(out, "Content-Length: %zu\r\n", r->body ? r->body->len : 0);
        mn_str_add(out, "\r\n");
        if (r->body)
                mn_str_add_len(out, r->body->data, r->body->len);
}

static mn_status send_request(client_stream *s, const client_request *r, mn_err *err) {
        cleanup_str mn_str out = MN_STR_INIT((size_t) 256 << 20);
        add_head(s->owner, r, &out);
        if (out.has_failed)
                return mn_fail(err, MN_TOO_LARGE, "the request is too large");
        s->method = r->method;
        s->is_ended = s->has_head = s->is_hijacked = false;
        int result = mn_write_all(s->link.fd, out.data, out.len);
        if (result < 0 && result != -EPIPE)
                return mn_fail_errno(err, result, "error during connect to %s", s->owner->spec.host);
        return has_stream_body(r) && !result ? client_body_send(s->link.fd, r, err) : MN_OK;
}

/* Reads more into the buffer; bytes read, 0 at the end, -errno. */
static ssize_t fill(client_stream *s, size_t limit) {
        if (s->begin == s->end)
                s->begin = s->end = 0;
        if (s->end == BUFFER_SIZE && s->begin) {
                memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
                s->end -= s->begin;
                s->begin = 0;
        }
        for (;;) {
                ssize_t n = read(s->link.fd, s->buffer + s->end, MN_MIN(limit, BUFFER_SIZE - s->end));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n > 0)
                        s->end += (size_t) n;
                return n < 0 ? -errno : n;
        }
}

static mn_status read_head(client_stream *s, mn_err *err) {
        const char *why = "the connection was closed";
        size_t scanned = 0;
        ssize_t len;
        while ((len = mn_http_head_length(s->buffer + s->begin, s->end - s->begin, &scanned)) == 0) {
                if (s->end - s->begin == BUFFER_SIZE)
                        return mn_fail(err, MN_INTERNAL, "the daemon's answer has too long a head");
                if (fill(s, BUFFER_SIZE) > 0)
                        continue;
                if (connect_cause(&s->link, err))
                        return mn_err_prefix(err, MN_UNAVAILABLE, "error during connect: %s", s->what);
                return mn_fail(err, MN_UNAVAILABLE,
                               "error during connect: the daemon at %s closed the connection",
                               s->owner->spec.host);
        }
        if (len < 0)
                return mn_fail(err, MN_INTERNAL, "the daemon's answer is not HTTP");
        free(s->head_text);
        s->head_text = mn_strndup(s->buffer + s->begin, (size_t) len);
        s->begin += (size_t) len;
        if (mn_http_parse_response(s->head_text, (size_t) len, s->method, &s->head, &why) < 0)
                return mn_fail(err, MN_INTERNAL, "the daemon's answer is not HTTP: %s", why);
        return MN_OK;
}

static mn_status status_of(int code) {
        switch (code) {
        case 304:
                return MN_NOT_MODIFIED;
        case 400:
                return MN_INVALID;
        case 401:
                return MN_UNAUTHORIZED;
        case 403:
                return MN_FORBIDDEN;
        case 404:
                return MN_NOT_FOUND;
        case 409:
                return MN_CONFLICT;
        case 413:
                return MN_TOO_LARGE;
        case 501:
                return MN_NOT_IMPLEMENTED;
        case 503:
                return MN_UNAVAILABLE;
        default:
                return MN_INTERNAL;
        }
}

static mn_status read_all(client_stream *s, mn_str *out, mn_err *err) {
        enum { STEP = 16 << 10 };
        for (;;) {
                char *room = mn_str_reserve(out, STEP);
                if (!room)
                        return mn_fail(err, MN_TOO_LARGE, "the daemon's answer is too long");
                ssize_t n = client_stream_read(s, room, STEP);
                if (n < 0)
                        return mn_fail_errno(err, (int) n, "cannot read the daemon's answer");
                out->len += (size_t) n;
                out->data[out->len] = '\0';
                if (n == 0)
                        return MN_OK;
        }
}

/* The daemon's message as the error. */
static mn_status response_failure(client_stream *s, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_str mn_str body = MN_STR_INIT(1 << 20);
        const mn_json *json;
        const char *message = NULL;
        mn_status status = status_of(s->head.status);
        if (read_all(s, &body, NULL) == MN_OK &&
            mn_json_parse(arena, mn_str_text(&body), body.len, NULL, &json, NULL) == MN_OK)
                message = mn_json_get_str(json, "message");
        if (!message || !*message)
                message = body.len ? mn_str_text(&body) : s->head.reason;
        size_t len = strlen(message);
        while (len && message[len - 1] == '\n')
                len--;
        return mn_fail(err, status, "Error response from daemon: %.*s", (int) MN_MIN(len, 65536UL), message);
}

mn_status client_receive(client_stream *s, mn_err *err) {
        mn_status status;
        do {
                status = read_head(s, err);
                if (status)
                        return status;
        } while (s->head.status / 100 == 1 && s->head.status != 101);
        const char *version = mn_http_header_get(&s->head, "Api-Version");
        if (version && !s->owner->api_version)
                s->owner->api_version = mn_strdup(version);
        s->owner->last_status = s->head.status;
        s->has_head = true;
        s->is_hijacked = s->head.status == 101;
        s->remaining = s->head.content_length;
        s->chunked = (mn_http_chunked){ 0 };
        s->is_ended = !s->is_hijacked && (s->head.framing == MN_HTTP_NO_BODY ||
                                          (s->head.framing == MN_HTTP_LENGTH && s->remaining == 0));
        if (s->head.status / 100 == 2 || s->head.status == 101)
                return MN_OK;
        return response_failure(s, err);
}

/* Body bytes that are in the buffer already or can be read, undecoded lengths respected. */
ssize_t client_stream_read(client_stream *s, void *buf, size_t len) {
        while (!s->is_ended) {
                if (s->begin == s->end) {
                        ssize_t n = fill(s, BUFFER_SIZE);
                        if (n < 0)
                                return n;
                        if (n == 0) {
                                s->is_ended = true;
                                bool is_cut = !s->is_hijacked && s->head.framing != MN_HTTP_UNTIL_CLOSE;
                                return is_cut ? -EPIPE : 0;
                        }
                }
                const char *data = s->buffer + s->begin;
                size_t got = MN_MIN(len, s->end - s->begin), used = got;
                if (!s->is_hijacked && s->head.framing == MN_HTTP_LENGTH) {
                        used = got = (size_t) MN_MIN((uint64_t) got, s->remaining);
                        s->remaining -= got;
                        s->is_ended = s->remaining == 0;
                } else if (!s->is_hijacked && s->head.framing == MN_HTTP_CHUNKED) {
                        int r = mn_http_chunked_decode(&s->chunked, data, got, &used, &data, &got);
                        if (r < 0)
                                return r;
                        s->is_ended = r == 1;
                }
                if (got)
                        memcpy(buf, data, got);
                s->begin += used;
                if (got)
                        return (ssize_t) got;
        }
        return 0;
}

const char *client_stream_header(const client_stream *s, const char *name) {
        return mn_http_header_get(&s->head, name);
}

int client_stream_fd(const client_stream *s) {
        return s->link.fd;
}

bool client_stream_has_buffered(const client_stream *s) {
        return s->begin < s->end || s->is_ended;
}

void client_stream_shut(client_stream *s) {
        shutdown(s->link.fd, SHUT_WR);
}

/* "1.41" as 41, -1 when it is no version 1. */
static int minor_version(const char *text) {
        int minor;
        return text && strncmp(text, "1.", 2) == 0 && mn_parse_int(text + 2, 0, 999, &minor) == 0 ? minor
                                                                                                  : -1;
}

/* Speaks the daemon's version when that is older than the one it refused: true when it is worth another try.
 * No request is spent on finding out beforehand; only old daemons cost one more. */
static bool steps_down(client *c, mn_status status, mn_err *err) {
        int theirs = minor_version(c->api_version);
        if (c->has_confirmed || status != MN_INVALID || theirs < 0 || theirs >= minor_version(c->spoken))
                return false;
        c->spoken = c->api_version;
        c->has_confirmed = true;
        mn_err_release(err);
        return true;
}

static mn_status call_once(client *c, const client_request *request, mn_str *ret, mn_err *err) {
        cleanup_stream client_stream *s = MN_TAKE(c->idle);
        mn_status status = s ? MN_OK : stream_new(c, request, &s, err);
        if (!status)
                status = send_request(s, request, err);
        if (!status)
                status = client_receive(s, err);
        if (!status)
                status = read_all(s, ret, err);
        if (s && s->has_head && s->is_ended && s->head.is_keep_alive && !s->is_hijacked)
                c->idle = MN_TAKE(s);
        return status;
}

mn_status client_call_text(client *c, const client_request *request, mn_str *ret, mn_err *err) {
        mn_status status = call_once(c, request, ret, err);
        if (steps_down(c, status, err))
                status = call_once(c, request, ret, err);
        c->has_confirmed = true;
        return status;
}

mn_status client_confirm_version(client *c, mn_err *err) {
        cleanup_str mn_str ignored = MN_STR_INIT(1 << 16);
        const client_request ping = { .method = "GET", .target = "/_ping" };
        return c->has_confirmed ? MN_OK : client_call_text(c, &ping, &ignored, err);
}

mn_status client_send(client *c, const client_request *request, client_stream **ret, mn_err *err) {
        cleanup_stream client_stream *s = NULL;
        bool is_sent_once = has_stream_body(request) || request->is_hijack;
        mn_status status = is_sent_once ? client_confirm_version(c, err) : MN_OK;
        if (!status)
                status = stream_new(c, request, &s, err);
        if (!status)
                status = send_request(s, request, err);
        if (!status)
                *ret = MN_TAKE(s);
        return status;
}

static mn_status open_once(client *c, const client_request *request, client_stream **ret, mn_err *err) {
        cleanup_stream client_stream *s = NULL;
        mn_status status = client_send(c, request, &s, err);
        if (!status)
                status = client_receive(s, err);
        if (!status)
                *ret = MN_TAKE(s);
        return status;
}

mn_status client_stream_open(client *c, const client_request *request, client_stream **ret, mn_err *err) {
        mn_status status = open_once(c, request, ret, err);
        if (steps_down(c, status, err))
                status = open_once(c, request, ret, err);
        c->has_confirmed = true;
        return status;
}

mn_status client_call(client *c, const client_request *request, mn_arena *arena, const mn_json **ret,
                      mn_err *err) {
        cleanup_str mn_str body = MN_STR_INIT(MAX_BODY);
        const mn_json *json = NULL;
        const mn_json_limits limits = { .allows_duplicate_keys = true };
        mn_status status = client_call_text(c, request, &body, err);
        if (!status && body.len && ret) {
                status = mn_json_parse(arena, mn_str_text(&body), body.len, &limits, &json, err);
                if (status)
                        mn_err_prefix(err, status, "the daemon's answer");
        }
        if (!status && ret)
                *ret = json;
        return status;
}

int client_last_status(const client *c) {
        return c->last_status;
}

const char *client_api_version(const client *c) {
        return c->api_version;
}

const char *client_host(const client *c) {
        return c->spec.host;
}

void client_add_query(mn_str *target, const char *name, const char *value) {
        if (!value)
                return;
        mn_str_printf(target, "%c%s=", memchr(mn_str_text(target), '?', target->len) ? '&' : '?', name);
        mn_http_escape(target, value, "");
}

void client_add_segment(mn_str *target, const char *segment) {
        mn_str_add_char(target, '/');
        mn_http_escape(target, segment, ":/@");
}
