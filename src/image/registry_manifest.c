/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_manifest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/strv.h"
#include "codec/reference.h"

/* ---- tables ---- */

typedef __typeof__(*((registry_descriptor *) 0)->platform) platform_fields;

static const mn_field platform_table[] = {
        { "architecture", &mn_type_str, offsetof(platform_fields, architecture), 0 },
        { "os", &mn_type_str, offsetof(platform_fields, os), 0 },
        { "os.version", &mn_type_str, offsetof(platform_fields, os_version), MN_OMIT_EMPTY },
        { "variant", &mn_type_str, offsetof(platform_fields, variant), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type platform_type = MN_STRUCT(platform_fields, platform_table);
static const mn_type platform_ptr = MN_PTR_TO(&platform_type);

static const mn_field descriptor_table[] = {
        { "mediaType", &mn_type_str, offsetof(registry_descriptor, media_type), 0 },
        { "digest", &mn_type_str, offsetof(registry_descriptor, digest), MN_REQUIRED },
        { "size", &mn_type_i64, offsetof(registry_descriptor, size_bytes), MN_REQUIRED },
        { "urls", &mn_type_strv, offsetof(registry_descriptor, urls), MN_OMIT_EMPTY },
        { "annotations", &mn_type_str_map, offsetof(registry_descriptor, annotations), MN_OMIT_EMPTY },
        { "platform", &platform_ptr, offsetof(registry_descriptor, platform), MN_OMIT_EMPTY },
        { "artifactType", &mn_type_str, offsetof(registry_descriptor, artifact_type), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type registry_descriptor_type = MN_STRUCT(registry_descriptor, descriptor_table);
static const mn_type descriptor_ptr = MN_PTR_TO(&registry_descriptor_type);
static const mn_type descriptor_list = MN_LIST_OF(&registry_descriptor_type);

struct document {
        int64_t schema_version;
        char *media_type;
        char *artifact_type;
        registry_descriptor *config;
        registry_descriptor_list layers;
        registry_descriptor_list manifests;
        registry_descriptor *subject;
};
static const mn_field document_table[] = {
        { "schemaVersion", &mn_type_i64, offsetof(struct document, schema_version), 0 },
        { "mediaType", &mn_type_str, offsetof(struct document, media_type), 0 },
        { "artifactType", &mn_type_str, offsetof(struct document, artifact_type), 0 },
        { "config", &descriptor_ptr, offsetof(struct document, config), 0 },
        { "layers", &descriptor_list, offsetof(struct document, layers), 0 },
        { "manifests", &descriptor_list, offsetof(struct document, manifests), 0 },
        { "subject", &descriptor_ptr, offsetof(struct document, subject), 0 },
        { 0 },
};
static const mn_type document_type = MN_STRUCT(struct document, document_table);

/* ---- media types ---- */

bool registry_same_media_type(const char *a, const char *b) {
        size_t a_len = strcspn(a, "; \t"), b_len = strcspn(b, "; \t");
        return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

static bool is_one_of(const char *type, const char *const *list) {
        for (; *list; list++)
                if (registry_same_media_type(type, *list))
                        return true;
        return false;
}

static bool is_index_type(const char *type) {
        return is_one_of(type,
                         (const char *const[]){ REGISTRY_TYPE_DOCKER_LIST, REGISTRY_TYPE_OCI_INDEX, NULL });
}

static bool is_manifest_type(const char *type) {
        return is_one_of(type, (const char *const[]){ REGISTRY_TYPE_DOCKER_MANIFEST,
                                                      REGISTRY_TYPE_OCI_MANIFEST, NULL });
}

static bool is_config_type(const char *type) {
        return is_one_of(
                type, (const char *const[]){ REGISTRY_TYPE_DOCKER_CONFIG, REGISTRY_TYPE_OCI_CONFIG, NULL });
}

static bool is_layer_type(const char *type) {
        return is_one_of(type, (const char *const[]){ REGISTRY_TYPE_DOCKER_LAYER,
                                                      "application/vnd.docker.image.rootfs.diff.tar",
                                                      "application/vnd.docker.image.rootfs.diff.tar.zstd",
                                                      "application/vnd.oci.image.layer.v1.tar",
                                                      "application/vnd.oci.image.layer.v1.tar+gzip",
                                                      "application/vnd.oci.image.layer.v1.tar+zstd", NULL });
}

static bool is_foreign_layer_type(const char *type) {
        return strstr(type, ".foreign.") || strstr(type, ".nondistributable.");
}

/* ---- checks ---- */

static mn_status check_descriptor(const char *where, size_t i, const registry_descriptor *d, mn_err *err) {
        char short_digest[16];
        if (!mn_digest_text_is_valid(d->digest)) {
                snprintf(short_digest, sizeof(short_digest), "%.12s", d->digest);
                return mn_fail(err, MN_INVALID, "manifest: %s[%zu]: invalid digest \"%s...\"", where, i,
                               short_digest);
        }
        if (d->size_bytes < 0)
                return mn_fail(err, MN_INVALID, "manifest: %s[%zu]: negative size", where, i);
        if (mn_str_is_empty(d->media_type))
                return mn_fail(err, MN_INVALID, "manifest: %s[%zu]: no media type", where, i);
        return MN_OK;
}

static mn_status check_list(const char *where, const registry_descriptor_list *list, size_t max,
                            mn_err *err) {
        if (list->len > max)
                return mn_fail(err, MN_INVALID, "manifest: %zu %s, at most %zu are allowed", list->len, where,
                               max);
        mn_status status = MN_OK;
        for (size_t i = 0; i < list->len && !status; i++)
                status = check_descriptor(where, i, &list->items[i], err);
        return status;
}

/* The same bytes must not be an index to one reader and a manifest to another. */
static mn_status check_kind(const mn_json *root, const char *content_type, struct document *doc,
                            bool *ret_is_index, mn_err *err) {
        bool has_manifests = mn_json_get(root, "manifests") != NULL;
        bool has_layers = mn_json_get(root, "layers") || mn_json_get(root, "config");
        bool is_served_as_one = content_type &&
                                (is_index_type(content_type) || is_manifest_type(content_type));
        if (doc->schema_version == 1 || mn_json_get(root, "fsLayers"))
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "image manifest version 2, schema 1 is not supported: ask the publisher for "
                               "schema 2 or OCI");
        if (has_manifests && has_layers)
                return mn_fail(err, MN_INVALID, "manifest: both an index and an image: refused");
        if (!has_manifests && !has_layers)
                return mn_fail(err, MN_INVALID, "manifest: neither an index nor an image");
        if (mn_str_is_empty(doc->media_type)) {
                if (!is_served_as_one)
                        doc->media_type = (char *) (uintptr_t) (has_manifests ? REGISTRY_TYPE_OCI_INDEX
                                                                              : REGISTRY_TYPE_OCI_MANIFEST);
                else
                        doc->media_type = (char *) (uintptr_t) content_type;
        } else if (is_served_as_one && !registry_same_media_type(doc->media_type, content_type)) {
                return mn_fail(err, MN_INVALID, "manifest: served as %s but says it is %s", content_type,
                               doc->media_type);
        }
        if (has_manifests ? !is_index_type(doc->media_type) : !is_manifest_type(doc->media_type))
                return mn_fail(err, MN_INVALID, "manifest: unsupported media type %s", doc->media_type);
        *ret_is_index = has_manifests;
        return MN_OK;
}

mn_status registry_manifest_parse(const char *content_type, const char *text, size_t len, mn_arena *arena,
                                  registry_manifest *ret, mn_err *err) {
        const mn_json *root;
        struct document doc;
        bool is_index = false;
        mn_status status = mn_json_parse(arena, text, len, NULL, &root, err);
        if (!status)
                status = mn_json_decode(&document_type, root, arena, MN_UNKNOWN_IGNORE, &doc, err);
        if (status)
                return mn_err_prefix(err, MN_INVALID, "manifest");
        const char *type = content_type ? mn_arena_strndup(arena, content_type, strcspn(content_type, "; \t"))
                                        : NULL;
        if ((status = check_kind(root, type, &doc, &is_index, err)) ||
            (status = check_list("manifests", &doc.manifests, REGISTRY_INDEX_MAX, err)) ||
            (status = check_list("layers", &doc.layers, REGISTRY_LAYERS_MAX, err)) ||
            (doc.subject && (status = check_descriptor("subject", 0, doc.subject, err))))
                return status;
        if (!is_index && !doc.config)
                return mn_fail(err, MN_INVALID, "manifest: no config");
        if (doc.config && (status = check_descriptor("config", 0, doc.config, err)))
                return status;
        *ret = (registry_manifest){
                .is_index = is_index,
                .media_type = doc.media_type,
                .artifact_type = doc.artifact_type,
                .layers = doc.layers,
                .manifests = doc.manifests,
                .subject = doc.subject,
        };
        if (doc.config)
                ret->config = *doc.config;
        return MN_OK;
}

mn_status registry_manifest_check_image(const registry_manifest *manifest, mn_err *err) {
        if (!is_config_type(manifest->config.media_type))
                return mn_fail(err, MN_INVALID, "not an image: its config is of type %s",
                               manifest->config.media_type);
        for (size_t i = 0; i < manifest->layers.len; i++) {
                const registry_descriptor *layer = &manifest->layers.items[i];
                if (mn_strv_len(layer->urls) || is_foreign_layer_type(layer->media_type))
                        return mn_fail(err, MN_INVALID,
                                       "layer %zu is a foreign layer, kept elsewhere: not supported", i);
                if (!is_layer_type(layer->media_type))
                        return mn_fail(err, MN_INVALID, "layer %zu is of the unsupported type %s", i,
                                       layer->media_type);
        }
        return MN_OK;
}

const registry_descriptor *registry_manifest_choose(const registry_manifest *index,
                                                    const image_platform *wanted) {
        const registry_descriptor *best = NULL;
        int best_fit = 0;
        for (size_t i = 0; i < index->manifests.len; i++) {
                const registry_descriptor *d = &index->manifests.items[i];
                if (!d->platform || !is_manifest_type(d->media_type))
                        continue; /* attestations and the like */
                image_platform offered;
                image_platform_set(d->platform->os, d->platform->architecture, d->platform->variant,
                                   &offered);
                int fit = image_platform_fit(wanted, &offered);
                if (fit > best_fit) {
                        best = d;
                        best_fit = fit;
                }
        }
        return best;
}

/* ---- the config ---- */

struct config_document {
        char *os, *architecture, *variant;
        struct {
                char *type;
                char **diff_ids;
        } rootfs;
};
typedef __typeof__(((struct config_document *) 0)->rootfs) rootfs_fields;
static const mn_field rootfs_table[] = {
        { "type", &mn_type_str, offsetof(rootfs_fields, type), 0 },
        { "diff_ids", &mn_type_strv, offsetof(rootfs_fields, diff_ids), 0 },
        { 0 },
};
static const mn_type rootfs_type = MN_STRUCT(rootfs_fields, rootfs_table);
static const mn_field config_table[] = {
        { "os", &mn_type_str, offsetof(struct config_document, os), 0 },
        { "architecture", &mn_type_str, offsetof(struct config_document, architecture), 0 },
        { "variant", &mn_type_str, offsetof(struct config_document, variant), 0 },
        { "rootfs", &rootfs_type, offsetof(struct config_document, rootfs), 0 },
        { 0 },
};
static const mn_type config_type = MN_STRUCT(struct config_document, config_table);

mn_status registry_config_parse(const char *text, size_t len, const registry_manifest *manifest,
                                mn_arena *arena, registry_config *ret, mn_err *err) {
        struct config_document doc;
        const mn_json_limits limits = { .allows_duplicate_keys = false };
        mn_status status = mn_json_decode_text(&config_type, text, len, &limits, arena, MN_UNKNOWN_IGNORE,
                                               &doc, err);
        if (status)
                return mn_err_prefix(err, MN_INVALID, "image config");
        size_t n = mn_strv_len(doc.rootfs.diff_ids);
        if (mn_str_is_empty(doc.rootfs.type) || strcmp(doc.rootfs.type, "layers") != 0)
                return mn_fail(err, MN_INVALID, "invalid rootfs in image configuration");
        if (n != manifest->layers.len)
                return mn_fail(err, MN_INVALID, "image config: %zu layers, its manifest has %zu", n,
                               manifest->layers.len);
        for (size_t i = 0; i < n; i++)
                if (!mn_digest_text_is_valid(doc.rootfs.diff_ids[i]) ||
                    !mn_str_has_prefix(doc.rootfs.diff_ids[i], "sha256:"))
                        return mn_fail(err, MN_INVALID, "image config: rootfs.diff_ids[%zu]: invalid digest",
                                       i);
        image_platform_set(doc.os, doc.architecture, doc.variant, &ret->platform);
        ret->diff_ids = doc.rootfs.diff_ids;
        return MN_OK;
}

void registry_digest_of(const void *data, size_t len, const char *like, char *to) {
        bool is_sha512 = like && mn_str_has_prefix(like, "sha512:");
        unsigned char value[EVP_MAX_MD_SIZE];
        unsigned value_len = 0;
        EVP_Digest(data, len, value, &value_len, is_sha512 ? EVP_sha512() : EVP_sha256(), NULL);
        strcpy(to, is_sha512 ? "sha512:" : "sha256:");
        mn_hex_encode(value, value_len, to + 7);
}
