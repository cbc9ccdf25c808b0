/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "api/route.h"
#include "base/num.h"
#include "base/time.h"
#include "wire/system.h"

const char *api_param(const api_call *c, const char *name) {
        return mn_http_query_get(&c->query, name);
}

bool api_param_bool(const api_call *c, const char *name) {
        static const char *const no[] = { "", "0", "no", "false", "none" };
        const char *value = api_param(c, name);
        for (size_t i = 0; value && i < MN_ARRAY_LEN(no); i++) {
                if (strcasecmp(value, no[i]) == 0)
                        return false;
        }
        return value != NULL;
}

bool api_param_bool_or(const api_call *c, const char *name, bool fallback) {
        return api_param(c, name) ? api_param_bool(c, name) : fallback;
}

mn_status api_param_i64(const api_call *c, const char *name, int64_t fallback, int64_t *ret, mn_err *err) {
        const char *value = api_param(c, name);
        *ret = fallback;
        if (!value || !*value)
                return MN_OK;
        int r = mn_parse_i64(value, INT64_MIN, INT64_MAX, ret);
        if (r < 0)
                return mn_fail(err, MN_INVALID, "strconv.ParseInt: parsing \"%s\": %s", value,
                               r == -ERANGE ? "value out of range" : "invalid syntax");
        return MN_OK;
}

char **api_param_list(const api_call *c, const char *name) {
        size_t n = 0;
        char **list = mn_arena_array(c->arena, c->query.len + 1, sizeof(*list));
        for (size_t i = 0; i < c->query.len; i++) {
                if (strcmp(c->query.items[i].name, name) == 0)
                        list[n++] = mn_arena_strdup(c->arena, c->query.items[i].value);
        }
        return list;
}

mn_status api_filters(const api_call *c, const char *const *allowed, wire_filters *ret, mn_err *err) {
        return wire_filters_parse(c->arena, api_param(c, "filters"), allowed, ret, err);
}

int api_status_code(mn_status status) {
        switch (status) {
        case MN_OK:
                return 200;
        case MN_INVALID:
                return 400;
        case MN_UNAUTHORIZED:
                return 401;
        case MN_FORBIDDEN:
                return 403;
        case MN_NOT_FOUND:
                return 404;
        case MN_CONFLICT:
                return 409;
        case MN_NOT_MODIFIED:
                return 304;
        case MN_TOO_LARGE:
                return 413;
        case MN_NOT_IMPLEMENTED:
                return 501;
        case MN_UNAVAILABLE:
                return 503;
        case MN_INTERNAL:
                break;
        }
        return 500;
}

mn_status api_reply_text(api_call *c, int status, const char *json, size_t len) {
        http_reply(c->request, status, "application/json", json, len);
        return MN_OK;
}

mn_status api_reply_as(api_call *c, int status, const mn_type *type, const void *object) {
        cleanup_str mn_str text = { 0 };
        mn_json_encode(type, object, c->version, &text);
        mn_str_add_char(&text, '\n');
        if (mn_str_error(&text) < 0)
                return api_reply_error(c, 500, "the response is too large");
        return api_reply_text(c, status, text.data, text.len);
}

mn_status api_reply(api_call *c, const void *object) {
        return api_reply_as(c, c->route->status, c->route->response, object);
}

mn_status api_reply_empty(api_call *c) {
        http_reply(c->request, c->route->status, NULL, NULL, 0);
        return MN_OK;
}

mn_status api_reply_error(api_call *c, int status, const char *message) {
        wire_error error = { .message = (char *) message };
        return api_reply_as(c, status, &wire_error_type, &error);
}

bool api_stream_json(api_call *c, const char *content_type, const char *json, size_t len) {
        if (!http_request_is_answered(c->request) && http_stream_begin(c->request, 200, content_type) < 0)
                return false;
        return http_stream_write(c->request, json, len) == 0;
}

mn_status api_stream_fail(api_call *c, mn_status status, const mn_err *err) {
        cleanup_str mn_str line = { 0 };
        if (!http_request_is_answered(c->request))
                return status;
        mn_str_add(&line, "{\"errorDetail\":{\"message\":");
        mn_json_add_str(&line, mn_err_text(err));
        mn_str_add(&line, "},\"error\":");
        mn_json_add_str(&line, mn_err_text(err));
        mn_str_add(&line, "}\r\n");
        (void) http_stream_write(c->request, line.data, line.len);
        return MN_OK;
}
