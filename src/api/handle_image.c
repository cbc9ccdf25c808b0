/* SPDX-License-Identifier: Apache-2.0 */
/* Images: asking, tagging, removing. Transfers are in handle_transfer.c. */
#include "api/handlers.h"

#include <string.h>

#include "base/num.h"
#include "image/image.h"
#include "wire/system.h"

mn_status api_image_list(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_image_summary_list list = { 0 };
        mn_status s = api_filters(c, image_list_filters, &filters, err);
        if (s != MN_OK)
                return s;
        image_list_spec spec = {
                .is_all = api_param_bool(c, "all"),
                .has_shared_size = api_param_bool(c, "shared-size"),
                .has_digests = api_param_bool(c, "digests"),
                .filters = &filters,
        };
        s = image_list(c->engine->images, &spec, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_image_inspect(api_call *c, mn_err *err) {
        wire_image_inspect image = { 0 };
        mn_status s = image_inspect(c->engine->images, c->vars[0], c->arena, &image, err);
        return s == MN_OK ? api_reply(c, &image) : s;
}

mn_status api_image_history(api_call *c, mn_err *err) {
        wire_image_history_list list = { 0 };
        mn_status s = image_history(c->engine->images, c->vars[0], c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_image_attestations(api_call *c, mn_err *err) {
        char id[IMAGE_ID_SIZE];
        mn_status s = image_resolve(c->engine->images, c->vars[0], id, err);
        return s == MN_OK ? api_reply_text(c, 200, "[]\n", 3) : s;
}

mn_status api_image_tag(api_call *c, mn_err *err) {
        const char *repository = api_param(c, "repo"), *tag = api_param(c, "tag");
        mn_status s = image_tag(c->engine->images, c->vars[0], repository ? repository : "", tag ? tag : "",
                                err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_image_remove(api_call *c, mn_err *err) {
        wire_image_delete_list list = { 0 };
        image_remove_spec spec = {
                .is_forced = api_param_bool(c, "force"),
                .keeps_parents = api_param_bool(c, "noprune"),
        };
        mn_status s = image_remove(c->engine->images, c->vars[0], &spec, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_image_prune(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_image_prune report = { 0 };
        mn_status s = api_filters(c, image_prune_filters, &filters, err);
        if (s == MN_OK)
                s = image_prune(c->engine->images, &filters, c->arena, &report, err);
        return s == MN_OK ? api_reply(c, &report) : s;
}

mn_status api_image_auth(api_call *c, image_auth **ret, mn_err *err) {
        const char *header = mn_http_header_get(c->head, "X-Registry-Auth");
        *ret = NULL;
        if (!header || !*header)
                return MN_OK;
        image_auth *auth = mn_arena_alloc(c->arena, sizeof(*auth));
        mn_status s = image_auth_decode(header, c->arena, auth, err);
        if (s == MN_OK)
                *ret = auth;
        return s;
}

mn_status api_distribution(api_call *c, mn_err *err) {
        cleanup_str mn_str text = { 0 };
        image_auth *auth;
        mn_reference reference;
        mn_status s = mn_reference_parse(c->vars[0], &reference, err);
        if (s == MN_OK)
                s = api_image_auth(c, &auth, err);
        if (s != MN_OK)
                return s;
        mn_reference_add_default_tag(&reference);
        s = image_distribution_inspect(c->engine->registry, &reference, auth, &text, err);
        return s == MN_OK ? api_reply_text(c, 200, text.data, text.len) : s;
}

static mn_status read_search_filters(api_call *c, image_search_spec *spec, bool *is_official, mn_err *err) {
        static const char *const allowed[] = { "is-official", "is-automated", "stars", NULL };
        wire_filters filters;
        bool is_automated;
        mn_status s = api_filters(c, allowed, &filters, err);
        if (s == MN_OK)
                s = wire_filters_bool(&filters, "is-automated", false, &is_automated, err);
        if (s == MN_OK && wire_filters_has(&filters, "is-official")) {
                s = wire_filters_bool(&filters, "is-official", false, is_official, err);
                spec->is_official = is_official;
        }
        char *const *stars = wire_filters_get(&filters, "stars");
        for (; s == MN_OK && stars && *stars; stars++) {
                int value;
                if (mn_parse_int(*stars, 0, INT32_MAX, &value) < 0)
                        s = mn_fail(err, MN_INVALID, "invalid filter 'stars=[%s]'", *stars);
                else if (value > spec->min_stars)
                        spec->min_stars = value;
        }
        return s;
}

mn_status api_image_search(api_call *c, mn_err *err) {
        cleanup_str mn_str text = { 0 };
        image_search_spec spec = { .term = api_param(c, "term") };
        bool is_official;
        int64_t limit;
        image_auth *auth;
        if (!spec.term || !*spec.term)
                return mn_fail(err, MN_INVALID, "invalid search term: it must not be empty");
        mn_status s = api_param_i64(c, "limit", 0, &limit, err);
        if (s == MN_OK && (limit < 0 || limit > 100))
                s = mn_fail(err, MN_INVALID, "limit %lld is outside the range of [1, 100]",
                            (long long) limit);
        if (s == MN_OK)
                s = read_search_filters(c, &spec, &is_official, err);
        if (s == MN_OK)
                s = api_image_auth(c, &auth, err);
        if (s != MN_OK)
                return s;
        spec.limit = (int) limit;
        spec.auth = auth;
        s = image_search(c->engine->registry, &spec, &text, err);
        return s == MN_OK ? api_reply_text(c, 200, text.data, text.len) : s;
}

mn_status api_auth(api_call *c, mn_err *err) {
        char *token = NULL;
        mn_status s = image_registry_login(c->engine->registry, c->body, c->arena, &token, err);
        wire_auth_response response = { .status = (char *) "Login Succeeded", .identity_token = token };
        return s == MN_OK ? api_reply(c, &response) : s;
}
