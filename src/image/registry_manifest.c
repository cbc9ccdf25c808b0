/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_manifest.h"

#include <string.h>
#include <strings.h>

#include "base/strv.h"
#include "codec/digest.h"

/* ---- the document ---- */

static bool is_schema_1(const char *text, size_t len, mn_arena *arena) {
        const mn_json *root;
        const mn_json_limits limits = { .allows_duplicate_keys = true };
        return mn_json_parse(arena, text, len, &limits, &root, NULL) == MN_OK &&
               mn_json_get(root, "fsLayers");
}

/* The content type without its parameters when it is one of a manifest or an index, else NULL. */
static const char *evidence_of(const char *content_type, mn_arena *arena) {
        if (!content_type)
                return NULL;
        char *type = mn_arena_strndup(arena, content_type, strcspn(content_type, "; \t"));
        return oci_media_is_index(type) || oci_media_is_manifest(type) ? type : NULL;
}

mn_status registry_manifest_parse(const char *content_type, const char *text, size_t len, mn_arena *arena,
                                  oci_document *ret, mn_err *err) {
        oci_document document;
        mn_status status = oci_document_decode(text, len, evidence_of(content_type, arena), arena, &document,
                                               err);
        if (status && is_schema_1(text, len, arena))
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "image manifest version 2, schema 1 is not supported: ask the publisher for "
                               "schema 2 or OCI");
        if (status)
                return status;
        if (document.manifests.len > REGISTRY_INDEX_MAX)
                return mn_fail(err, MN_INVALID, "manifest: %zu manifests, at most %d are allowed",
                               document.manifests.len, REGISTRY_INDEX_MAX);
        if (document.layers.len > REGISTRY_LAYERS_MAX)
                return mn_fail(err, MN_INVALID, "manifest: %zu layers, at most %d are allowed",
                               document.layers.len, REGISTRY_LAYERS_MAX);
        if (document.kind == OCI_MANIFEST && !document.config)
                return mn_fail(err, MN_INVALID, "manifest: no config");
        *ret = document;
        return MN_OK;
}

/* ---- the image ---- */

mn_status registry_manifest_check_image(const oci_document *manifest, mn_err *err) {
        const char *type = manifest->config->media_type;
        if (!mn_str_equal(type, DOCKER_MEDIA_CONFIG) && !mn_str_equal(type, OCI_MEDIA_CONFIG))
                return mn_fail(err, MN_INVALID, "not an image: its config is of type %s",
                               type ? type : "\"\"");
        for (size_t i = 0; i < manifest->layers.len; i++) {
                const oci_descriptor *layer = &manifest->layers.items[i];
                oci_layer_kind kind = layer->media_type ? oci_layer_kind_of(layer->media_type)
                                                        : OCI_LAYER_UNKNOWN;
                if (mn_strv_len(layer->urls) || kind == OCI_LAYER_FOREIGN)
                        return mn_fail(err, MN_INVALID,
                                       "layer %zu is a foreign layer, kept elsewhere: not supported", i);
                if (kind == OCI_LAYER_UNKNOWN)
                        return mn_fail(err, MN_INVALID, "layer %zu is of the unsupported type %s", i,
                                       layer->media_type ? layer->media_type : "\"\"");
        }
        return MN_OK;
}

const oci_descriptor *registry_manifest_choose(const oci_document *index, const image_platform *wanted) {
        const oci_descriptor *best = NULL;
        int best_fit = 0;
        for (size_t i = 0; i < index->manifests.len; i++) {
                const oci_descriptor *d = &index->manifests.items[i];
                if (!d->platform || !d->media_type || !oci_media_is_manifest(d->media_type))
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

mn_status registry_config_parse(const char *text, size_t len, const oci_document *manifest, mn_arena *arena,
                                registry_config *ret, mn_err *err) {
        oci_image image;
        mn_status status = oci_image_decode(text, len, arena, &image, err);
        if (status)
                return status;
        size_t n = mn_strv_len(image.rootfs.diff_ids);
        if (!mn_str_equal(image.rootfs.type, "layers"))
                return mn_fail(err, MN_INVALID, "invalid rootfs in image configuration");
        if (n != manifest->layers.len)
                return mn_fail(err, MN_INVALID, "image configuration: %zu layers, its manifest has %zu", n,
                               manifest->layers.len);
        for (size_t i = 0; i < n; i++)
                if (!mn_str_has_prefix(image.rootfs.diff_ids[i], "sha256:"))
                        return mn_fail(err, MN_INVALID,
                                       "image configuration: rootfs.diff_ids[%zu] is not a sha256 digest", i);
        image_platform_set(image.os, image.architecture, image.variant, &ret->platform);
        ret->diff_ids = image.rootfs.diff_ids;
        return MN_OK;
}

void registry_digest_of(const void *data, size_t len, const char *like, char *to) {
        bool has_algorithm = !mn_str_is_empty(like);
        cleanup_digest mn_digest *digest = mn_digest_new(has_algorithm ? mn_digest_algorithm_of(like)
                                                                       : MN_DIGEST_SHA256);
        mn_digest_update(digest, data, len);
        mn_digest_finish(digest, to);
}
