/* SPDX-License-Identifier: Apache-2.0 */
/* GET /images/search: the v1 search of Docker Hub or of a registry that has one. */

#include <string.h>

#include "base/alloc.h"
#include "image/registry_session.h"
#include "image/registry_token.h"
#include "image/registry_url.h"

enum { LIMIT_DEFAULT = 25, LIMIT_MAX = 100 };

struct result {
        char *name, *description;
        int64_t star_count;
        bool is_official, is_automated;
};
typedef MN_LIST(struct result) result_list;
struct answer {
        result_list results;
};
static const mn_field result_fields[] = {
        { "star_count", &mn_type_i64, offsetof(struct result, star_count), 0 },
        { "is_official", &mn_type_bool, offsetof(struct result, is_official), 0 },
        { "name", &mn_type_str, offsetof(struct result, name), 0 },
        { "is_automated", &mn_type_bool, offsetof(struct result, is_automated), 0 },
        { "description", &mn_type_str, offsetof(struct result, description), 0 },
        { 0 },
};
static const mn_type result_type = MN_STRUCT(struct result, result_fields);
static const mn_type result_list_type = MN_LIST_OF(&result_type);
static const mn_field answer_fields[] = {
        { "results", &result_list_type, offsetof(struct answer, results), 0 },
        { 0 },
};
static const mn_type answer_type = MN_STRUCT(struct answer, answer_fields);

/* Where to search, and for what: "example.com/app" asks that host, everything else the index. */
struct query {
        char *base; /* "https://index.docker.io" */
        const char *term;
        bool is_index;
};

static void split_term(image_registry *registry, const char *term, mn_arena *arena, struct query *ret) {
        const char *slash = strchr(term, '/');
        size_t len = slash ? (size_t) (slash - term) : 0;
        bool is_host = len && (memchr(term, '.', len) || memchr(term, ':', len) ||
                               (len == 9 && memcmp(term, "localhost", 9) == 0));
        bool is_hub = is_host &&
                      (mn_str_has_prefix(term, "docker.io/") || mn_str_has_prefix(term, "index.docker.io/"));
        ret->term = is_host ? slash + 1 : term;
        ret->is_index = !is_host || is_hub;
        if (mn_str_has_prefix(ret->term, "library/") && ret->is_index)
                ret->term += strlen("library/");
        if (ret->is_index) {
                ret->base = mn_arena_strdup(arena, registry_settings(registry)->search_url);
                return;
        }
        char *host = mn_arena_strndup(arena, term, len);
        ret->base = mn_arena_printf(arena, "%s://%s", registry_is_insecure(registry, host) ? "http" : "https",
                                    host);
}

static mn_status ask(image_registry *registry, const struct query *query, const image_search_spec *spec,
                     mn_arena *arena, struct answer *ret, mn_err *err) {
        cleanup_registry_url registry_url url = { 0 };
        if (registry_url_parse(NULL, query->base, &url, NULL) < 0)
                return mn_fail(err, MN_INVALID, "invalid search index \"%s\"", query->base);
        cleanup_str mn_str target = MN_STR_INIT(16384);
        mn_str_printf(&target, "%s/v1/search?q=", query->base);
        registry_url_add_escaped(&target, query->term);
        mn_str_printf(&target, "&n=%d", spec->limit ? spec->limit : LIMIT_DEFAULT);
        registry_transport transport;
        registry_transport_for(registry, &url, registry_is_insecure(registry, url.authority), arena,
                               &transport);
        /* the index is not a registry the credentials are for; a host the user named in the term is */
        const char *headers[] = { "Accept: application/json",
                                  query->is_index ? NULL : registry_basic_header(spec->auth, arena), NULL };
        registry_request request = {
                .method = "GET", .url = mn_str_text(&target), .headers = headers, .transport = &transport
        };
        cleanup_registry_http registry_http *http = registry_http_new();
        cleanup_registry_response registry_response response = { 0 };
        mn_status status = registry_http_perform(http, &request, &response, err);
        if (status)
                return mn_err_prefix(err, MN_INTERNAL, "cannot search");
        if (response.status != 200)
                return mn_fail(err, MN_INTERNAL, "cannot search: %s answers with status code %d %s",
                               url.authority, response.status, registry_http_status_text(response.status));
        const mn_json_limits limits = { .allows_duplicate_keys = true };
        status = mn_json_decode_text(&answer_type, mn_str_text(&response.body), response.body.len, &limits,
                                     arena, MN_UNKNOWN_IGNORE, ret, err);
        return status ? mn_err_prefix(err, MN_INTERNAL, "cannot search: %s", url.authority) : MN_OK;
}

static bool is_wanted(const image_search_spec *spec, const struct result *result) {
        return (!spec->is_official || *spec->is_official == result->is_official) &&
               result->star_count >= spec->min_stars;
}

mn_status image_search(image_registry *registry, const image_search_spec *spec, mn_str *ret_json,
                       mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct query query;
        struct answer answer = { 0 };
        if (mn_str_is_empty(spec->term))
                return mn_fail(err, MN_INVALID, "search term is required");
        if (mn_str_has_prefix(spec->term, "http://") || mn_str_has_prefix(spec->term, "https://"))
                return mn_fail(err, MN_INVALID,
                               "invalid repository name: repository name (%s) should not have a scheme",
                               spec->term);
        if (spec->limit < 0 || spec->limit > LIMIT_MAX)
                return mn_fail(err, MN_INVALID, "limit %d is outside the range of [1, %d]", spec->limit,
                               LIMIT_MAX);
        split_term(registry, spec->term, arena, &query);
        mn_status status = ask(registry, &query, spec, arena, &answer, err);
        if (status)
                return status;
        result_list wanted = { .items = mn_arena_array(arena, answer.results.len + 1,
                                                       sizeof(struct result)) };
        size_t limit = (size_t) (spec->limit ? spec->limit : LIMIT_DEFAULT);
        for (size_t i = 0; i < answer.results.len && wanted.len < limit; i++)
                if (is_wanted(spec, &answer.results.items[i]))
                        wanted.items[wanted.len++] = answer.results.items[i];
        mn_json_encode(&result_list_type, &wanted, 0, ret_json);
        return MN_OK;
}
