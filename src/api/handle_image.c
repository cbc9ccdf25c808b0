/* SPDX-License-Identifier: Apache-2.0 */
/* Images: asking, tagging, removing. Transfers are in handle_transfer.c. */
#include "api/handlers.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "image/image.h"
#include "wire/system.h"

/* ---- platforms ---- */

struct platform {
        char *os, *architecture, *variant;
};
static const mn_field platform_fields[] = {
        { "os", &mn_type_str, offsetof(struct platform, os) },
        { "architecture", &mn_type_str, offsetof(struct platform, architecture) },
        { "variant", &mn_type_str, offsetof(struct platform, variant) },
        { 0 },
};
static const mn_type platform_type = MN_STRUCT(struct platform, platform_fields);

/* One value: JSON of an OCI platform since v1.46, "os/arch/variant" before. */
static mn_status read_platform(api_call *c, const char *text, char **ret, mn_err *err) {
        struct platform p;
        if (*text != '{') {
                *ret = (char *) (uintptr_t) text;
                return MN_OK;
        }
        mn_status s = mn_json_decode_text(&platform_type, text, strlen(text), NULL, c->arena,
                                          MN_UNKNOWN_IGNORE, &p, err);
        if (s == MN_OK && (mn_str_is_empty(p.os) || mn_str_is_empty(p.architecture)))
                s = mn_fail(err, MN_INVALID, "both OS and Architecture must be provided");
        if (s != MN_OK)
                return mn_err_prefix(err, MN_INVALID, "failed to parse platform");
        *ret = mn_arena_printf(c->arena, "%s/%s%s%s", p.os, p.architecture,
                               mn_str_is_empty(p.variant) ? "" : "/", p.variant ? p.variant : "");
        return MN_OK;
}

mn_status api_image_platforms(api_call *c, const char *name, char *const **ret, mn_err *err) {
        char **values = api_param_list(c, name);
        mn_status s = MN_OK;
        size_t n = 0;
        for (char **value = values; s == MN_OK && *value; value++)
                if (**value)
                        s = read_platform(c, *value, &values[n++], err);
        values[n] = NULL;
        *ret = values;
        return s;
}

mn_status api_image_platform(api_call *c, const char **ret, mn_err *err) {
        char *const *all;
        mn_status s = api_image_platforms(c, "platform", &all, err);
        if (s == MN_OK && all[0] && all[1])
                s = mn_fail(err, MN_INVALID, "only one platform can be given");
        *ret = s == MN_OK ? all[0] : NULL;
        return s;
}

/* ---- asking ---- */

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
                .has_manifests = api_param_bool(c, "manifests"),
                .filters = &filters,
        };
        s = image_list(c->engine->images, &spec, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_image_inspect(api_call *c, mn_err *err) {
        wire_image_inspect image = { 0 };
        image_inspect_spec spec = { .name = c->vars[0], .has_manifests = api_param_bool(c, "manifests") };
        mn_status s = api_image_platform(c, &spec.platform, err);
        if (s == MN_OK && spec.platform && spec.has_manifests)
                s = mn_fail(err, MN_INVALID,
                            "conflicting options: manifests and platform options cannot both be set");
        if (s == MN_OK)
                s = image_inspect(c->engine->images, &spec, c->arena, &image, err);
        return s == MN_OK ? api_reply(c, &image) : s;
}

mn_status api_image_history(api_call *c, mn_err *err) {
        wire_image_history_list list = { 0 };
        const char *platform;
        mn_status s = api_image_platform(c, &platform, err);
        if (s == MN_OK)
                s = image_history(c->engine->images, c->vars[0], platform, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_image_attestations(api_call *c, mn_err *err) {
        cleanup_str mn_str text = { 0 };
        image_attestation_spec spec = { .name = c->vars[0],
                                        .types = api_param_list(c, "type"),
                                        .has_statement = api_param_bool(c, "statement") };
        mn_status s = api_image_platform(c, &spec.platform, err);
        if (s == MN_OK)
                s = image_attestations(c->engine->images, &spec, &text, err);
        return s == MN_OK ? api_reply_text(c, 200, text.data, text.len) : s;
}

mn_status api_image_tag(api_call *c, mn_err *err) {
        const char *repository = api_param(c, "repo"), *tag = api_param(c, "tag");
        mn_status s = image_tag(c->engine->images, c->vars[0], repository ? repository : "", tag ? tag : "",
                                err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_image_squash(api_call *c, mn_err *err) {
        char id[IMAGE_ID_SIZE];
        image_squash_spec spec = { .name = c->vars[0],
                                   .repository = api_param(c, "repo"),
                                   .tag = api_param(c, "tag"),
                                   .message = api_param(c, "message") };
        mn_status s = api_image_platform(c, &spec.platform, err);
        if (s == MN_OK)
                s = image_squash(c->engine->images, &spec, id, err);
        wire_id response = { .id = id };
        return s == MN_OK ? api_reply(c, &response) : s;
}

mn_status api_image_remove(api_call *c, mn_err *err) {
        wire_image_delete_list list = { 0 };
        image_remove_spec spec = {
                .is_forced = api_param_bool(c, "force"),
                .keeps_parents = api_param_bool(c, "noprune"),
        };
        mn_status s = api_image_platforms(c, "platforms", &spec.platforms, err);
        if (s == MN_OK)
                s = image_remove(c->engine->images, c->vars[0], &spec, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_image_prune(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_image_prune report = { 0 };
        image_prune_spec spec = { .filters = &filters, .is_dry_run = api_param_bool(c, "dry-run") };
        mn_status s = api_filters(c, image_prune_filters, &filters, err);
        if (s == MN_OK)
                s = image_prune(c->engine->images, &spec, c->arena, &report, err);
        if (s == MN_OK && !spec.is_dry_run)
                api_publish_prune(c, "image",
                                  report.space_reclaimed > 0 ? (uint64_t) report.space_reclaimed : 0);
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
