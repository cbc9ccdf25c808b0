/* SPDX-License-Identifier: Apache-2.0 */
/* The store's records: how the database has them, and what an image's becomes when it comes (again). */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/time.h"
#include "image/store_private.h"

/* ---- in the database ---- */

#define MANIFEST(member) offsetof(struct image_manifest, member)
static const mn_field manifest_fields[] = {
        { "Digest", &mn_type_str, MANIFEST(digest), MN_REQUIRED },
        { "MediaType", &mn_type_str, MANIFEST(media_type) },
        { 0 },
};
static const mn_type manifest_type = MN_STRUCT(struct image_manifest, manifest_fields);
static const mn_type manifest_list_type = MN_LIST_OF(&manifest_type);

#define RECORD(member) offsetof(struct image_record, member)
static const mn_field image_fields[] = {
        { "Id", &mn_type_str, RECORD(id), MN_REQUIRED },
        { "Layers", &mn_type_strv, RECORD(layers) },
        { "Parent", &mn_type_str, RECORD(parent), MN_OMIT_EMPTY },
        { "Created", &mn_type_i64, RECORD(created) },
        { "Size", &mn_type_i64, RECORD(size) },
        { "LastTagged", &mn_type_i64, RECORD(last_tagged), MN_OMIT_EMPTY },
        { "LastUsed", &mn_type_i64, RECORD(last_used), MN_OMIT_EMPTY },
        { "Labels", &mn_type_str_map, RECORD(labels), MN_OMIT_EMPTY },
        { "Manifests", &manifest_list_type, RECORD(manifests), MN_OMIT_EMPTY },
        { "Signers", &policy_signer_list_type, RECORD(signers), MN_OMIT_EMPTY },
        { "Hidden", &mn_type_bool, RECORD(is_hidden), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type image_record_type = MN_STRUCT(struct image_record, image_fields);

#define SOURCE(member) offsetof(struct layer_source, member)
static const mn_field source_fields[] = {
        { "Repository", &mn_type_str, SOURCE(repository) },
        { "Digest", &mn_type_str, SOURCE(digest) },
        { "MediaType", &mn_type_str, SOURCE(media_type) },
        { "Size", &mn_type_i64, SOURCE(size) },
        { 0 },
};
static const mn_type source_type = MN_STRUCT(struct layer_source, source_fields);
static const mn_type source_list_type = MN_LIST_OF(&source_type);

static const mn_field layer_fields[] = {
        { "DiffId", &mn_type_str, offsetof(struct layer_record, diff_id), MN_REQUIRED },
        { "Size", &mn_type_i64, offsetof(struct layer_record, size) },
        { "Sources", &source_list_type, offsetof(struct layer_record, sources), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type layer_record_type = MN_STRUCT(struct layer_record, layer_fields);

static const mn_field tag_fields[] = {
        { "Image", &mn_type_str, offsetof(struct tag_record, image) },
        { "Index", &mn_type_str, offsetof(struct tag_record, index), MN_OMIT_EMPTY },
        { "IndexType", &mn_type_str, offsetof(struct tag_record, index_type), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type tag_record_type = MN_STRUCT(struct tag_record, tag_fields);

void image_record_free(void *p) {
        struct image_record *record = p;
        mn_vec_release(&record->names);
        mn_arena_free(record->arena);
        free(record);
}

void image_layer_record_free(void *p) {
        struct layer_record *record = p;
        mn_arena_free(record->arena);
        free(record);
}

/* ---- what comes ---- */

/* Sizes of the layers, all of which must be on disk. */
static mn_status sum_layers(image_store *images, char *const *layers, int64_t *ret, mn_err *err) {
        int64_t sum = 0, size;
        for (; layers && *layers; layers++) {
                if (!layer_store_has(images->layers_on_disk, *layers, &size))
                        return mn_fail(err, MN_INVALID, "layer %s of the image is missing", *layers);
                sum += size;
        }
        *ret = sum;
        return MN_OK;
}

static char *copy_or_empty(mn_arena *arena, const char *text) {
        return mn_arena_strdup(arena, text ? text : "");
}

/* The manifest that comes now in front of those the image has; the oldest go beyond a bound. */
static void add_manifests(const struct image_add_spec *spec, const struct image_record *old,
                          struct image_record *ret) {
        size_t n = 0;
        ret->manifests.items = mn_arena_array(ret->arena, IMAGE_MANIFESTS_MAX + 1,
                                              sizeof(*ret->manifests.items));
        if (spec->manifest.data)
                ret->manifests.items[n++] = (struct image_manifest){
                        mn_arena_strdup(ret->arena, spec->manifest.digest),
                        mn_arena_strdup(ret->arena, spec->manifest.media_type)
                };
        for (size_t i = 0; i < old->manifests.len && n < IMAGE_MANIFESTS_MAX; i++) {
                const struct image_manifest *m = &old->manifests.items[i];
                if (!spec->manifest.data || strcmp(m->digest, spec->manifest.digest) != 0)
                        ret->manifests.items[n++] = (struct image_manifest){
                                mn_arena_strdup(ret->arena, m->digest),
                                mn_arena_strdup(ret->arena, m->media_type)
                        };
        }
        ret->manifests.len = n;
}

static bool has_signers(const struct image_add_spec *spec) {
        return spec->signers && spec->signers->len;
}

bool image_record_has_signers(const struct image_add_spec *spec, const struct image_record *record) {
        size_t n = has_signers(spec) ? spec->signers->len : 0;
        for (size_t i = 0; i < n; i++)
                if (i >= record->signers.len ||
                    strcmp(spec->signers->items[i].name, record->signers.items[i].name) != 0)
                        return false;
        return !n || n == record->signers.len;
}

mn_status image_record_make(image_store *images, const struct image_add_spec *spec, const char *id,
                            const struct image_record *old, struct image_record *ret, mn_err *err) {
        mn_arena *arena = ret->arena;
        oci_image image;
        mn_status st = oci_image_decode(spec->config, spec->config_len, arena, &image, err);
        if (!st)
                st = sum_layers(images, image.rootfs.diff_ids, &ret->size, err);
        if (st)
                return st;
        const struct image_record none = { 0 };
        old = old ? old : &none;
        ret->id = mn_arena_strdup(arena, id);
        ret->layers = image.rootfs.diff_ids;
        ret->parent = copy_or_empty(arena, mn_str_is_empty(spec->parent) ? old->parent : spec->parent);
        ret->created = image.created;
        ret->labels = image.config.labels;
        ret->last_tagged = spec->references && *spec->references ? mn_now_ns() : old->last_tagged;
        ret->last_used = old->id && !(spec->references && *spec->references) ? old->last_used : mn_now_ns();
        ret->use_noted = ret->last_used;
        add_manifests(spec, old, ret);
        mn_json_copy(&policy_signer_list_type, has_signers(spec) ? spec->signers : &old->signers, arena,
                     &ret->signers);
        return MN_OK;
}
