/* SPDX-License-Identifier: Apache-2.0 */
/* GET /distribution/{name}/json: what a reference means in its registry, without pulling it. */

#include <string.h>

#include "image/pull_document.h"

struct inspect_platform {
        char *architecture, *os, *os_version, *variant;
};
struct inspect_descriptor {
        char *media_type, *digest;
        int64_t size;
};
struct inspect {
        struct inspect_descriptor descriptor;
        MN_LIST(struct inspect_platform) platforms;
};
static const mn_field platform_fields[] = {
        { "architecture", &mn_type_str, offsetof(struct inspect_platform, architecture), 0 },
        { "os", &mn_type_str, offsetof(struct inspect_platform, os), 0 },
        { "os.version", &mn_type_str, offsetof(struct inspect_platform, os_version), MN_OMIT_EMPTY },
        { "variant", &mn_type_str, offsetof(struct inspect_platform, variant), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type platform_type = MN_STRUCT(struct inspect_platform, platform_fields);
static const mn_type platform_list = MN_LIST_OF(&platform_type);
static const mn_field descriptor_fields[] = {
        { "mediaType", &mn_type_str, offsetof(struct inspect_descriptor, media_type), 0 },
        { "digest", &mn_type_str, offsetof(struct inspect_descriptor, digest), 0 },
        { "size", &mn_type_i64, offsetof(struct inspect_descriptor, size), 0 },
        { 0 },
};
static const mn_type descriptor_type = MN_STRUCT(struct inspect_descriptor, descriptor_fields);
static const mn_field inspect_fields[] = {
        { "Descriptor", &descriptor_type, offsetof(struct inspect, descriptor), 0 },
        { "Platforms", &platform_list, offsetof(struct inspect, platforms), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type inspect_type = MN_STRUCT(struct inspect, inspect_fields);

static void add_index_platforms(struct inspect *doc, const oci_document *index, mn_arena *arena) {
        doc->platforms.items = mn_arena_array(arena, index->manifests.len + 1, sizeof(*doc->platforms.items));
        for (size_t i = 0; i < index->manifests.len; i++) {
                const oci_descriptor *d = &index->manifests.items[i];
                if (d->platform)
                        doc->platforms.items[doc->platforms.len++] = (struct inspect_platform){
                                d->platform->architecture, d->platform->os, d->platform->os_version,
                                d->platform->variant
                        };
        }
}

static mn_status add_config_platform(struct inspect *doc, registry_session *session, registry_http *http,
                                     size_t endpoint, const oci_document *manifest, mn_arena *arena,
                                     mn_err *err) {
        pull_text text;
        mn_status status = pull_small_blob(session, http, &endpoint, manifest->config, arena, &text, err);
        if (status)
                return status;
        doc->platforms.items = mn_arena_alloc(arena, sizeof(*doc->platforms.items));
        doc->platforms.len = 1;
        /* artifacts have other configs: they run on no platform in particular */
        if (mn_json_decode_text(&platform_type, text.data, text.len, NULL, arena, MN_UNKNOWN_IGNORE,
                                doc->platforms.items, NULL))
                doc->platforms.len = 0;
        return MN_OK;
}

static mn_status inspect(registry_session *session, registry_http *http, const mn_reference *reference,
                         mn_arena *arena, struct inspect *doc, mn_err *err) {
        size_t endpoint = 0;
        pull_text text;
        const char *type;
        char digest[MN_DIGEST_TEXT_MAX + 1];
        oci_document manifest;
        mn_status status = pull_top_document(session, http, &endpoint, reference, arena, &text, &type, digest,
                                             err);
        if (!status)
                status = registry_manifest_parse(type, text.data, text.len, arena, &manifest, err);
        if (status)
                return status;
        doc->descriptor = (struct inspect_descriptor){ manifest.media_type, mn_arena_strdup(arena, digest),
                                                       (int64_t) text.len };
        if (manifest.kind != OCI_INDEX)
                return add_config_platform(doc, session, http, endpoint, &manifest, arena, err);
        add_index_platforms(doc, &manifest, arena);
        return MN_OK;
}

mn_status image_distribution_inspect(image_registry *registry, const mn_reference *reference,
                                     const image_auth *auth, mn_str *ret_json, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_reference ref = *reference;
        mn_reference_add_default_tag(&ref);
        registry_session_spec spec = { .domain = ref.domain,
                                       .repository = ref.path,
                                       .actions = "pull",
                                       .auth = auth,
                                       .has_mirrors = true };
        cleanup_registry_session registry_session *session = registry_session_new(registry, &spec);
        cleanup_registry_http registry_http *http = registry_http_new();
        struct inspect doc = { 0 };
        mn_status status = inspect(session, http, &ref, arena, &doc, err);
        if (!status)
                mn_json_encode(&inspect_type, &doc, 0, ret_json);
        return status;
}
