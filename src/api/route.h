/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The route table: one row per operation of the API. The dispatcher, the generated OpenAPI description, the
 * compatibility page and the tests all read it.
 */

#include <stdint.h>

#include "api/call.h"
#include "codec/json.h"

typedef mn_status (*api_handler)(api_call *c, mn_err *err);

typedef enum api_body {
        API_BODY_NONE,     /* ignored when there is one */
        API_BODY_JSON,     /* decoded into the row's request type; an empty one leaves it zero */
        API_BODY_REQUIRED, /* as JSON, and an empty one is an error */
        API_BODY_RAW,      /* the handler reads it (archives) */
} api_body;

typedef enum api_support {
        API_FULL,
        API_PARTLY,  /* `note` says what is missing */
        API_REFUSED, /* answers as documented in `note`: not built, or not what this engine is for */
} api_support;

typedef struct api_route {
        const char *method;
        const char *path;   /* "{x}": one segment; "{x...}": one or more (image names) */
        const char *params; /* query parameters, separated by spaces; NULL: none */
        api_body body;
        const mn_type *request;  /* what a JSON body decodes into */
        const mn_type *response; /* what a success answers in JSON; NULL: nothing, or a stream */
        int status;              /* of a success */
        const char *produces;    /* media type of a success that is not JSON; NULL otherwise */
        bool may_wait;           /* for as long as it pleases the client: see http_request_begin_wait */
        uint16_t since, until;   /* API versions, 0: always */
        api_support support;
        const char *note;
        api_handler handler;
} api_route;

/* The table and its length. */
extern const api_route api_routes[];
extern const size_t api_nroutes;

/* The row for a method and decoded path segments, or NULL. Fills `vars` with the values of the row's
 * variables (in `arena`). A HEAD request finds the GET row when it has none of its own. */
const api_route *api_route_find(mn_arena *arena, const char *method, const char *const *segments,
                                size_t nsegments, const char *vars[API_MAX_VARS]);
