/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Talking to the daemon: HTTP/1.1 over a unix socket or TCP. Paths name an API version of our own, and the
 * daemon's when its answer says that ours is too new, so that no request is spent on finding out. Everything
 * blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

typedef struct client client;
typedef struct client_stream client_stream;

/* How to reach the daemon. */
typedef struct client_spec {
        const char *host; /* "unix:///run/minato/minato.sock", "tcp://127.0.0.1:2375", "ssh://user@host" */
        const char *api_version; /* "1.47"; NULL: ours, or the daemon's when that is older */
        bool has_tls, verifies_tls;
        const char *ca_file, *cert_file, *key_file;
        const char *const *headers; /* "Name: value" for every request, NULL-terminated; may be NULL */
} client_spec;

/* A client; connects with the first request. The strings of `spec` must outlive it. MN_INVALID for a host it
 * cannot read. */
mn_status client_new(const client_spec *spec, client **ret, mn_err *err) MN_MUST_USE;
void client_free(client *c);

/* Where a request's body goes while it is made. */
typedef struct client_sink client_sink;

/* Sends the next bytes of the body; 0 or -errno. A daemon that hung up is no error here: its answer says why.
 */
int client_sink_write(client_sink *sink, const void *data, size_t len);

/* One request. Zero-initialise what is not needed. */
typedef struct client_request {
        const char *method;
        const char *target; /* path and query, "/containers/json?all=1" */
        const mn_str *body; /* JSON; NULL: none */
        int body_fd;        /* > 0: body read from it to its end instead, sent in chunks */
        mn_status (*produce)(void *userdata, client_sink *sink,
                             mn_err *err); /* or made by this, sent in chunks */
        void *userdata;
        const char *content_type; /* NULL: application/json */
        const char *header;       /* one more "Name: value"; NULL: none */
        bool is_hijack;           /* asks for the bare connection (attach, exec) */
} client_request;

/* Sends the request and reads the whole answer (at most 64 MiB) as JSON into `arena`; `*ret` is NULL when the
 * answer is empty, and may itself be NULL. A failure's message is the daemon's, "Error response from daemon:
 * ...". */
mn_status client_call(client *c, const client_request *request, mn_arena *arena, const mn_json **ret,
                      mn_err *err) MN_MUST_USE;

/* As client_call; the answer's bytes as they came. */
mn_status client_call_text(client *c, const client_request *request, mn_str *ret, mn_err *err) MN_MUST_USE;

/* The two halves of a request whose answer comes later or is read piecemeal. `client_send` uses a connection
 * of its own; `client_receive` waits for the answer's head and turns an error status into a failure. */
mn_status client_send(client *c, const client_request *request, client_stream **ret, mn_err *err) MN_MUST_USE;
mn_status client_receive(client_stream *s, mn_err *err) MN_MUST_USE;

/* Finds out which API version to speak, when no answer has told yet: for a caller that sends several requests
 * before it reads the first answer. */
mn_status client_confirm_version(client *c, mn_err *err) MN_MUST_USE;

/* Both at once. */
mn_status client_stream_open(client *c, const client_request *request, client_stream **ret,
                             mn_err *err) MN_MUST_USE;

/* Body bytes, 0 at the end, -errno. */
ssize_t client_stream_read(client_stream *s, void *buf, size_t len);

/* Value of a header of the answer, or NULL. */
const char *client_stream_header(const client_stream *s, const char *name);

/* The connection, for poll and, after a hijack, for writing. */
int client_stream_fd(const client_stream *s);

/* True when bytes have been read from the connection but not from the stream: do not poll, read. */
bool client_stream_has_buffered(const client_stream *s);

/* Tells the other side that nothing more is coming (hijacked streams). */
void client_stream_shut(client_stream *s);

void client_stream_free(client_stream *s);
void client_stream_freep(client_stream **s);
#define cleanup_stream MN_CLEANUP(client_stream_freep)

/* A bare connection to the daemon, in `*ret_fd`. */
mn_status client_dial(client *c, int *ret_fd, mn_err *err) MN_MUST_USE;

/* Status code of the last answer. */
int client_last_status(const client *c);

/* API version the daemon named in its last answer; NULL before the first. */
const char *client_api_version(const client *c);

/* The host as shown in messages. */
const char *client_host(const client *c);

/* Builds a target: appends "&name=value" (the first one with '?'), escaped; nothing for a NULL value. */
void client_add_query(mn_str *target, const char *name, const char *value);

/* Appends "/segment", escaped. */
void client_add_segment(mn_str *target, const char *segment);
