/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * HTTP/1.1 messages (RFC 9112), for the server and for the client. Strict on purpose: whatever two parsers
 * could read in two ways is an error (bare CR or LF, folded lines, white space before a colon, two lengths, a
 * length beside a transfer coding, signs in numbers, NUL). Parsing is done in place: the strings of a head
 * point into the caller's buffer, which must outlive it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/str.h"

enum { MN_HTTP_MAX_HEADERS = 100 };

typedef struct mn_http_header {
        const char *name;  /* as sent; compare without case */
        const char *value; /* without the white space around it */
} mn_http_header;

/* How the end of a message body is known. */
typedef enum mn_http_framing {
        MN_HTTP_NO_BODY,
        MN_HTTP_LENGTH,      /* content_length bytes (may be 0) */
        MN_HTTP_CHUNKED,     /* chunks, see mn_http_chunked */
        MN_HTTP_UNTIL_CLOSE, /* responses only: everything up to the end of the connection */
} mn_http_framing;

typedef struct mn_http_head {
        const char *method; /* requests: a token, as sent */
        const char *path;   /* requests: begins with '/' (or is "*"), not decoded, without the query */
        const char *query;  /* requests: what follows '?', not decoded; "" when there is none */
        const char
                *host; /* requests: Host header, or the authority of an absolute target; NULL: none (1.0) */
        int status;    /* responses: 100 to 999 */
        const char *reason; /* responses: may be "" */
        int minor_version;  /* 0 or 1 */
        mn_http_framing framing;
        uint64_t content_length; /* MN_HTTP_LENGTH only */
        bool is_keep_alive;      /* the connection may carry another message after this one */
        bool is_upgrade;         /* "Connection: upgrade" and an Upgrade header are there */
        bool expects_continue;   /* "Expect: 100-continue" */
        size_t nheaders;
        mn_http_header headers[MN_HTTP_MAX_HEADERS];
} mn_http_head;

/* Looks for the end of a head in what has arrived so far. `*scanned` (start with 0) remembers what was looked
 * at, so that a head arriving in pieces costs linear time. Returns the length of the head with its empty
 * line, 0 when it is not complete yet, -EBADMSG when there is a bare LF (no head will ever come of it). */
ssize_t mn_http_head_length(const char *buf, size_t len, size_t *scanned);

/* Parses a head of exactly `len` bytes as mn_http_head_length() measured it; `buf` is changed (names and
 * values become NUL-terminated). 0; -EBADMSG (answer 400), -E2BIG too many headers (431), -EPROTONOSUPPORT
 * not HTTP/1.x (505).
 * `*ret_why` then is a static text for people. */
int mn_http_parse_request(char *buf, size_t len, mn_http_head *ret, const char **ret_why);

/* As above for a response. `method` is the request's: a response to HEAD has no body. */
int mn_http_parse_response(char *buf, size_t len, const char *method, mn_http_head *ret,
                           const char **ret_why);

/* Value of the first header of that name, or NULL. */
const char *mn_http_header_get(const mn_http_head *head, const char *name);

/* How often the header is there. */
size_t mn_http_header_count(const mn_http_head *head, const char *name);

/* True when a header of that name lists `token` (comma-separated, without case, parameters after ';'
 * ignored). */
bool mn_http_header_has_token(const mn_http_head *head, const char *name, const char *token);

/* ---- chunked bodies ---- */

typedef struct mn_http_chunked {
        int state; /* private; zero-initialise the struct */
        unsigned digits, line_bytes, trailer_bytes;
        uint64_t remaining;
} mn_http_chunked;

/* Decodes the next piece of `in`: `*ret_consumed` bytes were used, of which `*ret_data` (a view into `in`,
 * possibly of length 0) is body. 1 when the body has ended, 0 to be called again with what follows, -EBADMSG.
 * Never consumes a byte past the end of the body. */
int mn_http_chunked_decode(mn_http_chunked *c, const char *in, size_t len, size_t *ret_consumed,
                           const char **ret_data, size_t *ret_data_len);

/* How many bytes may be read from the connection without reading past the end of the body (at least 1). Lets
 * a reader leave what follows the body (the next request, a hijacked stream) in the socket. */
size_t mn_http_chunked_wants(const mn_http_chunked *c);

/* ---- targets ---- */

/* One name and value of a query string, decoded. */
typedef struct mn_http_param {
        const char *name;
        const char *value;
} mn_http_param;

typedef struct mn_http_query {
        mn_http_param *items;
        size_t len;
} mn_http_query;

/* Decodes "a=1&b=x%20y&c" ('+' is a space, a name without '=' has the value ""). At most 1000 parameters.
 * -EBADMSG for a broken or NUL escape, a ';' or too many. Strings live in `arena`. */
int mn_http_parse_query(mn_arena *arena, const char *query, mn_http_query *ret);

/* Value of the first parameter of that name, or NULL. */
const char *mn_http_query_get(const mn_http_query *q, const char *name);

/* Splits a path at its slashes, then decodes every segment once ("/a/b%20c" gives "a", "b c"; a trailing
 * slash gives an empty last segment, "/" one empty segment). A decoded segment may hold a '/': the caller
 * decides whether that is allowed there. -EBADMSG for a broken escape, a NUL or a control character, or a
 * segment that is "." or ".."; -E2BIG for more than `max` segments. Returns how many segments there are.
 * Strings live in `arena`. */
int mn_http_split_path(mn_arena *arena, const char *path, const char **ret_segments, size_t max);

/* Appends `text` with everything but letters, digits, "-._~" and the bytes of `safe` percent-encoded. */
void mn_http_escape(mn_str *out, const char *text, const char *safe);
