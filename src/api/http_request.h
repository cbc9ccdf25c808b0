/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a handler sees of one request, and how it answers. Belongs to one worker thread. An answer is one of:
 * a reply of known length, a stream of chunks, a file's bytes, or the connection itself (hijacked).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/http.h"

typedef struct http_request http_request;

/* A request that waits for something to happen (events, logs that follow ...) holds a worker. So that there
   is always one for a request that does not, only seven of eight may: false when there are so many already.
   Each true has its end. */
bool http_request_begin_wait(http_request *r);
void http_request_end_wait(http_request *r);

/* ---- what was asked ---- */

/* The head; method, target and headers. */
const mn_http_head *http_request_head(const http_request *r);

/* Memory that lives until the answer is complete. */
mn_arena *http_request_arena(http_request *r);

/* Reads the next part of the body (asking an `Expect: 100-continue` client to send it). Bytes, 0 at its end,
 * -EBADMSG for wrong chunks, -ECONNRESET when the client has gone in the middle, -ETIMEDOUT after a minute
 * without a byte. */
ssize_t http_request_read(http_request *r, void *buf, size_t len);

/* Reads the whole body. MN_TOO_LARGE when it is longer than `max`, MN_INVALID when it is broken. The text is
 * NUL-terminated and lives in the request's arena. */
mn_status http_request_read_all(http_request *r, size_t max, const char **ret, size_t *ret_len,
                                mn_err *err) MN_MUST_USE;

/* True when the request announces a body of at least one byte (a chunked one counts). */
bool http_request_has_body(const http_request *r);

/* ---- the answer ---- */

/* Adds a header to the answer; before it begins. `value` is cut at a CR or LF. */
void http_reply_header(http_request *r, const char *name, const char *value);

/* Answers. `content_type` may be NULL when there is no body. For 204 and 304 the body is left out. */
void http_reply(http_request *r, int status, const char *content_type, const void *body, size_t len);

/* Begins a stream (chunked; up to the close for HTTP/1.0). 0 or -errno. */
int http_stream_begin(http_request *r, int status, const char *content_type);

/* Sends a piece at once, waiting as long as the client reads. 0 or -errno (-EPIPE: it has gone). The end of
 * the stream follows by itself when the handler returns; http_stream_abort() instead breaks the connection,
 * which tells the client that what it got is not complete. */
int http_stream_write(http_request *r, const void *data, size_t len);
void http_stream_abort(http_request *r);

/* True once an answer has begun: it is too late for an error status. */
bool http_request_is_answered(const http_request *r);

/* Gives the connection away: writes "101 UPGRADED" (when the client asked to upgrade) or "200 OK" with
 * `content_type`, and yields a descriptor that now is the client's stream; the caller owns it. Over TLS it is
 * one end of a socket pair and this worker carries the bytes after the handler has returned. 0 or -errno. */
int http_request_hijack(http_request *r, const char *content_type, int *ret_fd);

/* The same for a WebSocket, whose frames this worker wraps and unwraps. MN_INVALID when the client did not
   ask for one (version 13, a key); an `*ret_fd` of -1 says that it has gone. */
mn_status http_request_hijack_websocket(http_request *r, int *ret_fd, mn_err *err) MN_MUST_USE;

/* Sends bytes to a hijacked connection before its descriptor is handed on. 0 or -errno. */
int http_hijacked_write(http_request *r, int fd, const void *data, size_t len);

/* ---- watching the client while waiting for something else ---- */

/* Descriptor for poll(): POLLRDHUP, POLLHUP and POLLERR say that the client has gone. Borrowed. */
int http_request_client_fd(const http_request *r);
bool http_request_is_client_gone(const http_request *r);

/* Text of a status code ("Not Found"). */
const char *http_status_text(int status);
