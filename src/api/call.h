/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One call of an operation: what the dispatcher found out about a request, and the ways handlers answer. A
 * handler parses its parameters, calls the engine and renders; it returns MN_OK after it has answered, or a
 * failure whose message the dispatcher sends as {"message": ...} with the status of its category.
 */

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "api/http_request.h"
#include "codec/http.h"
#include "codec/json.h"
#include "wire/filter.h"

enum { API_MAX_VARS = 2, API_MAX_SEGMENTS = 64 };

typedef struct api_route api_route;

typedef struct api_call {
        http_request *request;
        const mn_http_head *head;
        mn_arena *arena; /* lives as long as the call */
        const api_engine *engine;
        const api_route *route;
        unsigned version;               /* of the API, as 144 for v1.44 */
        const char *vars[API_MAX_VARS]; /* values of the path's variables */
        mn_http_query query;
        void *body; /* decoded request, zeroed when there was none; NULL when the route has none */
        bool has_body;
} api_call;

/* ---- parameters ---- */

/* Value of a query parameter, NULL when absent. */
const char *api_param(const api_call *c, const char *name);

/* Docker's notion of a flag: absent, "", "0", "no", "false" and "none" are false, everything else is true. */
bool api_param_bool(const api_call *c, const char *name);
bool api_param_bool_or(const api_call *c, const char *name, bool fallback);

/* A whole number; `fallback` when absent or "". MN_INVALID in Go's words otherwise. */
mn_status api_param_i64(const api_call *c, const char *name, int64_t fallback, int64_t *ret,
                        mn_err *err) MN_MUST_USE;

/* All values of a repeated parameter, NULL-terminated, in the arena. */
char **api_param_list(const api_call *c, const char *name);

/* The `filters` parameter; names not in `allowed` are refused. */
mn_status api_filters(const api_call *c, const char *const *allowed, wire_filters *ret,
                      mn_err *err) MN_MUST_USE;

/* ---- answers ---- */

/* `object` as JSON of the call's API version, with the row's response type and status. */
mn_status api_reply(api_call *c, const void *object);

/* As above with another type or status. */
mn_status api_reply_as(api_call *c, int status, const mn_type *type, const void *object);

/* JSON text that is ready. */
mn_status api_reply_text(api_call *c, int status, const char *json, size_t len);

/* A status without a body: the row's, usually 204 or 200. */
mn_status api_reply_empty(api_call *c);

/* {"message": ...} with an explicit status, for the few that the category does not decide. */
mn_status api_reply_error(api_call *c, int status, const char *message);

/* HTTP status of a category. */
int api_status_code(mn_status status);

/* Tells listeners that objects of the type ("container", "image" ...) were pruned, and the bytes that freed.
 */
void api_publish_prune(const api_call *c, const char *type, uint64_t reclaimed);

/* ---- JSON streams (pull, load, events ...) ---- */

/* Appends one document and a line end to the stream, beginning it when needed. False when the client has
 * gone. */
bool api_stream_json(api_call *c, const char *content_type, const char *json, size_t len);

/* Ends a progress stream with {"errorDetail":{"message":...},"error":...} when it has begun; MN_OK then. When
 * nothing was sent yet, `status` comes back and becomes the answer's status. */
mn_status api_stream_fail(api_call *c, mn_status status, const mn_err *err);
