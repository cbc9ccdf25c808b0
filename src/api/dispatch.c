/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dispatch.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "api/route.h"
#include "base/log.h"
#include "base/num.h"

enum { MAX_JSON_BODY = 16 << 20 };

/* "v1.44" as 144; 0 when the segment is no version. */
static unsigned parse_version(const char *segment) {
        int major, minor;
        char text[4] = { 0 };
        if (segment[0] != 'v' || !isdigit((unsigned char) segment[1]) || segment[2] != '.')
                return 0;
        size_t len = strlen(segment + 3);
        if (len == 0 || len > 3)
                return 0;
        memcpy(text, segment + 3, len);
        major = segment[1] - '0';
        if (mn_parse_int(text, 0, 99, &minor) < 0)
                return 0;
        return (unsigned) (major * 100 + minor);
}

static mn_status check_version(const char *segment, unsigned version, unsigned min, mn_err *err) {
        bool is_tolerated = min == API_MIN_VERSION && version >= API_TOLERATED_VERSION;
        if (version < min && !is_tolerated)
                return mn_fail(err, MN_INVALID,
                               "client version %s is too old. Minimum supported API version is %u.%u, please "
                               "upgrade "
                               "your client to a newer version",
                               segment + 1, min / 100, min % 100);
        if (version > API_VERSION)
                return mn_fail(err, MN_INVALID,
                               "client version %s is too new. Maximum supported API version is %u.%u",
                               segment + 1, API_VERSION / 100, API_VERSION % 100);
        return MN_OK;
}

/* Some clients ask in the newest version the daemon has, whatever that is, and then need what Docker took out
 * of its answers since they were written (LayersSize, ContainerConfig, addresses beside the networks): what
 * they mean is v1.44. */
static bool is_from_before(const mn_http_head *head) {
        static const char *const agents[] = { "docker-compose/1.", "docker-sdk-python/",
                                              "ansible-community.docker" };
        const char *agent = mn_http_header_get(head, "User-Agent");
        for (size_t i = 0; agent && i < MN_ARRAY_LEN(agents); i++)
                if (mn_str_has_prefix(agent, agents[i]))
                        return true;
        return false;
}

/* Finds version and row. Sets c->route to NULL when there is no such page. */
static mn_status route_call(api_call *c, unsigned min_version, mn_err *err) {
        const char *segments[API_MAX_SEGMENTS];
        int n = mn_http_split_path(c->arena, c->head->path, segments, API_MAX_SEGMENTS);
        if (n < 0)
                return mn_fail(err, MN_INVALID, "malformed path: %s",
                               n == -E2BIG ? "too many segments" : "broken escape or forbidden character");
        const char *const *rest = segments;
        c->version = parse_version(segments[0]);
        if (c->version) {
                mn_status s = check_version(segments[0], c->version, min_version, err);
                if (s != MN_OK)
                        return s;
                c->version = MN_MAX(c->version, (unsigned) API_MIN_VERSION);
                if (c->version == API_VERSION && is_from_before(c->head))
                        c->version = 144;
                rest++;
                n--;
        } else {
                c->version = API_VERSION;
        }
        if (n > 1 && !*rest[n - 1])
                n--; /* "/networks/" is "/networks" */
        const api_route *route = api_route_find(c->arena, c->head->method, rest, (size_t) n, c->vars);
        if (route && (!route->since || c->version >= route->since) &&
            (!route->until || c->version <= route->until))
                c->route = route;
        return MN_OK;
}

/* The media type without its parameters must be well-formed and application/json. */
static mn_status check_content_type(const api_call *c, mn_err *err) {
        const char *type = mn_http_header_get(c->head, "Content-Type");
        if (!type || !*type) {
                if (!http_request_has_body(c->request))
                        return MN_OK;
                return mn_fail(err, MN_INVALID, "malformed Content-Type header (): mime: no media type");
        }
        size_t len = strcspn(type, "; \t");
        const char *rest = type + len + strspn(type + len, " \t");
        if (len == 0 || (*rest && *rest != ';'))
                return mn_fail(err, MN_INVALID, "malformed Content-Type header (%s): mime: %s", type,
                               len == 0 ? "no media type" : "unexpected content after media type");
        if (len != strlen("application/json") || strncasecmp(type, "application/json", len) != 0)
                return mn_fail(err, MN_INVALID,
                               "unsupported Content-Type header (%s): must be 'application/json'", type);
        return MN_OK;
}

static bool is_blank_text(const char *text, size_t len) {
        for (size_t i = 0; i < len; i++) {
                if (!isspace((unsigned char) text[i]))
                        return false;
        }
        return true;
}

/* Reads and decodes a JSON body. */
static mn_status read_body(api_call *c, mn_err *err) {
        const char *text = NULL;
        size_t len = 0;
        c->body = mn_arena_alloc(c->arena, c->route->request->size);
        mn_status s = check_content_type(c, err);
        if (s == MN_OK && http_request_has_body(c->request))
                s = http_request_read_all(c->request, MAX_JSON_BODY, &text, &len, err);
        if (s != MN_OK)
                return s;
        if (is_blank_text(text, len)) {
                if (len > 0 || (c->route->body == API_BODY_REQUIRED && http_request_has_body(c->request)))
                        return mn_fail(err, MN_INVALID, "invalid JSON: got EOF while reading request body");
                return c->route->body == API_BODY_REQUIRED
                               ? mn_fail(err, MN_INVALID, "request body is required")
                               : MN_OK;
        }
        c->has_body = true;
        return mn_json_decode_text(c->route->request, text, len, NULL, c->arena, MN_UNKNOWN_IGNORE, c->body,
                                   err);
}

static mn_status run(api_call *c, unsigned min_version, mn_err *err) {
        mn_status s = route_call(c, min_version, err);
        if (s != MN_OK)
                return s;
        if (!c->route)
                return mn_fail(err, MN_NOT_FOUND, "page not found");
        if (mn_http_parse_query(c->arena, c->head->query, &c->query) < 0)
                return mn_fail(err, MN_INVALID, "malformed query string");
        if (c->route->body == API_BODY_JSON || c->route->body == API_BODY_REQUIRED)
                s = read_body(c, err);
        if (s != MN_OK || !c->route->may_wait)
                return s != MN_OK ? s : c->route->handler(c, err);
        if (!http_request_begin_wait(c->request))
                return mn_fail(err, MN_UNAVAILABLE, "too many requests that wait are open, try again later");
        s = c->route->handler(c, err);
        http_request_end_wait(c->request);
        return s;
}

/* Sends a failure, or logs it when the answer has begun already. */
static void answer_failure(api_call *c, mn_status status, const mn_err *err) {
        if (status >= MN_INTERNAL)
                mn_log(status == MN_INTERNAL ? MN_LOG_ERROR : MN_LOG_INFO, "request failed",
                       " method=%s path=\"%s\" error=\"%s\"", c->head->method, c->head->path,
                       mn_err_text(err));
        if (http_request_is_answered(c->request)) {
                http_stream_abort(c->request);
                return;
        }
        (void) api_reply_error(c, api_status_code(status), mn_err_text(err));
}

void api_dispatch(http_request *request, void *arg) {
        const api_spec *spec = arg;
        cleanup_err mn_err err = { 0 };
        api_call c = {
                .request = request,
                .head = http_request_head(request),
                .arena = http_request_arena(request),
                .engine = spec->engine,
                .version = API_VERSION,
        };
        mn_status status = run(&c, spec->min_version ? spec->min_version : API_MIN_VERSION, &err);
        if (status != MN_OK)
                answer_failure(&c, status, &err);
}
