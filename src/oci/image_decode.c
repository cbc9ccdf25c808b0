/* SPDX-License-Identifier: Apache-2.0 */
/* Image documents from outside: size first, then JSON, then the rules that a table cannot say. */

#include <string.h>
#include <strings.h>

#include "base/strv.h"
#include "codec/reference.h"
#include "oci/image_spec.h"
#include "oci/image_types.h"

static const mn_json_limits limits = { .max_depth = 128 };

static mn_status check_size(size_t len, size_t max, const char *what, mn_err *err) {
        if (len > max)
                return mn_fail(err, MN_INVALID, "%s is larger than %zu bytes", what, max);
        return MN_OK;
}

/* ---- manifest and index ---- */

static mn_status check_descriptor(const oci_descriptor *d, const char *what, mn_err *err) {
        if (!mn_digest_text_is_valid(d->digest))
                return mn_fail(err, MN_INVALID, "%s: invalid digest", what);
        if (d->size < 0)
                return mn_fail(err, MN_INVALID, "%s: negative size", what);
        return MN_OK;
}

static mn_status check_descriptors(const oci_descriptor_list *list, const char *what, mn_err *err) {
        for (size_t i = 0; i < list->len; i++) {
                mn_status st = check_descriptor(&list->items[i], what, err);
                if (st)
                        return mn_err_prefix(err, st, "entry %zu", i);
        }
        return MN_OK;
}

bool oci_media_is_index(const char *media_type) {
        return mn_str_equal(media_type, OCI_MEDIA_INDEX) || mn_str_equal(media_type, DOCKER_MEDIA_INDEX);
}

bool oci_media_is_manifest(const char *media_type) {
        return mn_str_equal(media_type, OCI_MEDIA_MANIFEST) ||
               mn_str_equal(media_type, DOCKER_MEDIA_MANIFEST);
}

oci_layer_kind oci_layer_kind_of(const char *media_type) {
        static const struct {
                const char *media_type;
                oci_layer_kind kind;
        } kinds[] = {
                { OCI_MEDIA_LAYER, OCI_LAYER_TAR },
                { OCI_MEDIA_LAYER_GZIP, OCI_LAYER_GZIP },
                { OCI_MEDIA_LAYER_ZSTD, OCI_LAYER_ZSTD },
                { DOCKER_MEDIA_LAYER, OCI_LAYER_TAR },
                { DOCKER_MEDIA_LAYER_GZIP, OCI_LAYER_GZIP },
                { "application/vnd.docker.image.rootfs.diff.tar.zstd", OCI_LAYER_ZSTD },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++)
                if (mn_str_equal(media_type, kinds[i].media_type))
                        return kinds[i].kind;
        if (mn_str_has_prefix(media_type, "application/vnd.docker.image.rootfs.foreign.") ||
            mn_str_has_prefix(media_type, "application/vnd.oci.image.layer.nondistributable."))
                return OCI_LAYER_FOREIGN;
        return OCI_LAYER_UNKNOWN;
}

/* True when the content type (parameters are ignored) names the media type. */
static bool content_type_is(const char *content_type, const char *media_type) {
        size_t len = strcspn(content_type, "; \t");
        return strlen(media_type) == len && !strncasecmp(content_type, media_type, len);
}

/* The document's own media type, else the content type; both, when there, must be one. */
static mn_status settle_media_type(oci_document *d, const char *content_type, mn_arena *arena, mn_err *err) {
        bool is_index = d->kind == OCI_INDEX;
        if (mn_str_is_empty(d->media_type)) {
                const char *fallback = is_index ? OCI_MEDIA_INDEX : OCI_MEDIA_MANIFEST;
                d->media_type = content_type
                                        ? mn_arena_strndup(arena, content_type, strcspn(content_type, "; \t"))
                                        : mn_arena_strdup(arena, fallback);
        } else if (content_type && !content_type_is(content_type, d->media_type)) {
                return mn_fail(err, MN_INVALID, "manifest says it is '%s' but was served as '%s'",
                               d->media_type, content_type);
        }
        if (is_index ? !oci_media_is_index(d->media_type) : !oci_media_is_manifest(d->media_type))
                return mn_fail(err, MN_INVALID, "unsupported media type '%s' of %s", d->media_type,
                               is_index ? "an index" : "a manifest");
        return MN_OK;
}

static mn_status check_document(const oci_document *d, mn_err *err) {
        if (d->schema_version != 2)
                return mn_fail(err, MN_INVALID, "unsupported manifest schema version %lld",
                               (long long) d->schema_version);
        mn_status st = check_descriptors(&d->manifests, "manifests", err);
        if (!st)
                st = check_descriptors(&d->layers, "layers", err);
        if (!st && d->config)
                st = check_descriptor(d->config, "config", err);
        if (!st && d->subject)
                st = check_descriptor(d->subject, "subject", err);
        if (!st && d->layers.len > OCI_LAYERS_MAX)
                st = mn_fail(err, MN_INVALID, "image has %zu layers, more than %d", d->layers.len,
                             OCI_LAYERS_MAX);
        return st;
}

mn_status oci_document_decode(const char *text, size_t len, const char *content_type, mn_arena *arena,
                              oci_document *ret, mn_err *err) {
        mn_status st = check_size(len, OCI_DOCUMENT_MAX, "manifest", err);
        if (st)
                return st;
        const mn_json *json;
        st = mn_json_parse(arena, text, len, &limits, &json, err);
        if (st)
                return mn_err_prefix(err, st, "manifest");
        const mn_json *manifests = mn_json_get(json, "manifests");
        if (manifests && (mn_json_get(json, "layers") || mn_json_get(json, "config")))
                return mn_fail(err, MN_INVALID, "document is both an index and a manifest");
        oci_document document = { 0 };
        const mn_type *type = manifests ? &oci_index_type : &oci_manifest_type;
        st = mn_json_decode(type, json, arena, MN_UNKNOWN_IGNORE, &document, err);
        if (st)
                return mn_err_prefix(err, st, "manifest");
        document.kind = manifests ? OCI_INDEX : OCI_MANIFEST;
        st = check_document(&document, err);
        if (!st)
                st = settle_media_type(&document, content_type, arena, err);
        if (!st)
                *ret = document;
        return st;
}

void oci_document_encode(const oci_document *document, mn_str *out) {
        mn_json_encode(document->kind == OCI_INDEX ? &oci_index_type : &oci_manifest_type, document, 0, out);
}

/* ---- image configuration ---- */

/* Drops entries that are no assignment: "NAME" alone would take the value from whoever starts the container.
 */
static void drop_bad_env(char **env) {
        size_t kept = 0;
        for (size_t i = 0; env && env[i]; i++)
                if (env[i][0] != '=' && strchr(env[i], '='))
                        env[kept++] = env[i];
        if (env)
                env[kept] = NULL;
}

/* Docker has no volume at a relative path or at the root itself. */
static void drop_bad_volumes(char **volumes) {
        size_t kept = 0;
        for (size_t i = 0; volumes && volumes[i]; i++)
                if (volumes[i][0] == '/' && volumes[i][1])
                        volumes[kept++] = volumes[i];
        if (volumes)
                volumes[kept] = NULL;
}

static mn_status check_image(const oci_image *image, mn_err *err) {
        if (!mn_str_is_empty(image->rootfs.type) && !mn_str_equal(image->rootfs.type, "layers"))
                return mn_fail(err, MN_INVALID, "image configuration: unsupported rootfs type");
        size_t layers = mn_strv_len(image->rootfs.diff_ids);
        if (layers > OCI_LAYERS_MAX)
                return mn_fail(err, MN_INVALID, "image has %zu layers, more than %d", layers, OCI_LAYERS_MAX);
        for (size_t i = 0; i < layers; i++)
                if (!mn_digest_text_is_valid(image->rootfs.diff_ids[i]))
                        return mn_fail(err, MN_INVALID,
                                       "image configuration: invalid digest in rootfs.diff_ids[%zu]", i);
        if (image->history.len > OCI_HISTORY_MAX)
                return mn_fail(err, MN_INVALID, "image configuration: %zu history entries, more than %d",
                               image->history.len, OCI_HISTORY_MAX);
        return MN_OK;
}

mn_status oci_image_decode(const char *text, size_t len, mn_arena *arena, oci_image *ret, mn_err *err) {
        mn_status st = check_size(len, OCI_DOCUMENT_MAX, "image configuration", err);
        if (st)
                return st;
        oci_image image;
        st = mn_json_decode_text(&oci_image_type, text, len, &limits, arena, MN_UNKNOWN_IGNORE, &image, err);
        if (st)
                return mn_err_prefix(err, st, "image configuration");
        st = check_image(&image, err);
        if (st)
                return st;
        drop_bad_env(image.config.env);
        drop_bad_volumes(image.config.volumes);
        *ret = image;
        return MN_OK;
}

void oci_image_encode(const oci_image *image, mn_str *out) {
        mn_json_encode(&oci_image_type, image, 0, out);
}

/* ---- docker-archive ---- */

mn_status oci_archive_decode(const char *text, size_t len, mn_arena *arena, oci_archive_list *ret,
                             mn_err *err) {
        mn_status st = check_size(len, OCI_ARCHIVE_LIST_MAX, "manifest.json", err);
        if (st)
                return st;
        oci_archive_list list;
        st = mn_json_decode_text(&oci_archive_list_type, text, len, &limits, arena, MN_UNKNOWN_IGNORE, &list,
                                 err);
        if (st)
                return mn_err_prefix(err, st, "manifest.json");
        for (size_t i = 0; i < list.len; i++)
                if (mn_strv_len(list.items[i].layers) > OCI_LAYERS_MAX)
                        return mn_fail(err, MN_INVALID, "manifest.json: image has more than %d layers",
                                       OCI_LAYERS_MAX);
        *ret = list;
        return MN_OK;
}

void oci_archive_encode(const oci_archive_list *list, mn_str *out) {
        mn_json_encode(&oci_archive_list_type, list, 0, out);
}
