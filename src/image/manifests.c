/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifests.h"

#include <string.h>

#include "base/strv.h"
#include "codec/reference.h"

/* ---- descriptors ---- */

static const mn_json *json_of(const mn_str *text, mn_arena *arena) {
        const mn_json *json = NULL;
        mn_status st = mn_json_parse(arena, mn_arena_strndup(arena, mn_str_text(text), text->len), text->len,
                                     NULL, &json, NULL);
        return st ? NULL : json;
}

static void add_descriptor(mn_str *out, const char *media_type, const char *digest, int64_t size) {
        mn_str_add(out, "{\"mediaType\":");
        mn_json_add_str(out, media_type);
        mn_str_printf(out, ",\"digest\":\"%s\",\"size\":%lld}", digest, (long long) size);
}

const mn_json *image_descriptor(image_store *images, const struct image_record *record,
                                const struct index_record *index, mn_arena *arena) {
        cleanup_str mn_str text = { 0 };
        for (size_t i = 0; !index && i < record->names.len; i++)
                index = image_index_of(images, record->names.items[i]);
        const struct image_manifest *manifest = record->manifests.len ? record->manifests.items : NULL;
        if (!index && !manifest)
                return NULL;
        const char *digest = index ? index->digest : manifest->digest;
        add_descriptor(&text, index ? index->media_type : manifest->media_type, digest,
                       image_blob_size(images, digest));
        return json_of(&text, arena);
}

/* ---- what of an index is here ---- */

/* One manifest, copied out of the store. */
struct view {
        const char *digest;
        enum index_kind kind;
        const char *subject;
        const char *image_id; /* NULL: not here */
        image_platform platform;
        int64_t unpacked_size;
        int64_t content_size; /* documents that are here; -1: none */
};

struct views {
        struct view *items;
        size_t n;
        const char *index; /* NULL: the one manifest of an image without an index */
        const char *media_type;
};

static int64_t sum_attestation(image_store *images, const char *digest, mn_arena *arena) {
        const char *text, **blobs;
        size_t len, n;
        if (image_blob_size(images, digest) < 0 ||
            image_blob_read(images, digest, arena, &text, &len, NULL) ||
            image_attestation_blobs(digest, text, len, arena, &blobs, &n, NULL))
                return -1;
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
                int64_t size = image_blob_size(images, blobs[i]);
                if (size < 0)
                        return -1;
                sum += size;
        }
        return sum;
}

static void fill_image(image_store *images, const struct image_record *record, mn_arena *arena,
                       struct view *ret) {
        ret->image_id = mn_arena_strdup(arena, record->id);
        ret->unpacked_size = record->size;
        ret->content_size = image_blob_size(images, ret->digest) + image_blob_size(images, record->id);
}

/* With `lock`. */
static void view_index(image_store *images, const struct index_record *index, mn_arena *arena,
                       struct views *ret) {
        ret->index = mn_arena_strdup(arena, index->digest);
        ret->n = index->nentries;
        ret->items = mn_arena_array(arena, index->nentries + 1, sizeof(*ret->items));
        for (size_t i = 0; i < index->nentries; i++) {
                const struct index_entry *e = &index->entries[i];
                struct view *v = &ret->items[i];
                *v = (struct view){ .digest = mn_arena_strdup(arena, e->digest),
                                    .kind = e->kind,
                                    .subject = mn_arena_strdup(arena, e->subject),
                                    .platform = e->platform,
                                    .content_size = -1 };
                const struct image_record *record = image_index_image(images, e);
                if (record)
                        fill_image(images, record, arena, v);
                else if (e->kind == INDEX_ATTESTATION)
                        v->content_size = sum_attestation(images, e->digest, arena);
        }
}

static void view_image(image_store *images, const struct image_record *record, mn_arena *arena,
                       struct views *ret) {
        const struct image_manifest *manifest = &record->manifests.items[0];
        ret->n = 1;
        ret->media_type = mn_arena_strdup(arena, manifest->media_type);
        ret->items = mn_arena_array(arena, 1, sizeof(*ret->items));
        ret->items[0] = (struct view){ .digest = mn_arena_strdup(arena, manifest->digest),
                                       .kind = INDEX_IMAGE };
        fill_image(images, record, arena, &ret->items[0]);
}

static mn_status view(image_store *images, const char *name, mn_arena *arena, struct views *ret,
                      mn_err *err) {
        struct image_record *record;
        image_lock(images);
        mn_status st = image_find(images, name, &record, err);
        const struct index_record *index = st ? NULL : image_index_named(images, name, record);
        if (index)
                view_index(images, index, arena, ret);
        else if (!st && record->manifests.len)
                view_image(images, record, arena, ret);
        image_unlock(images);
        return st;
}

/* ---- ImageManifestSummary ---- */

static void add_platform(mn_str *out, const image_platform *p) {
        mn_str_add(out, "{\"architecture\":");
        mn_json_add_str(out, p->architecture);
        mn_str_add(out, ",\"os\":");
        mn_json_add_str(out, p->os);
        if (*p->variant) {
                mn_str_add(out, ",\"variant\":");
                mn_json_add_str(out, p->variant);
        }
        mn_str_add_char(out, '}');
}

/* The platform the index names, else the one of the configuration. */
static void settle_platform(image_store *images, struct view *v, mn_arena *arena) {
        image_info info;
        if (*v->platform.os || !v->image_id || image_get(images, v->image_id, arena, &info, NULL))
                return;
        image_platform_set(info.spec.os, info.spec.architecture, info.spec.variant, &v->platform);
}

static void add_image_data(image_store *images, const struct view *v, const mn_json *descriptor,
                           mn_arena *arena, mn_str *out) {
        const mn_json *platform = mn_json_get(descriptor, "platform");
        char **users = v->image_id && images->hooks.list_users
                               ? images->hooks.list_users(images->hooks.arg, v->image_id, arena)
                               : NULL;
        mn_str_add(out, ",\"ImageData\":{\"Platform\":");
        if (platform)
                mn_json_write(platform, out);
        else
                add_platform(out, &v->platform);
        mn_str_add(out, ",\"Containers\":[");
        for (size_t i = 0; users && users[i]; i++) {
                mn_str_add(out, i ? "," : "");
                mn_json_add_str(out, users[i]);
        }
        mn_str_printf(out, "],\"Size\":{\"Unpacked\":%lld}}", (long long) v->unpacked_size);
}

static void add_summary(image_store *images, struct view *v, const mn_json *descriptor,
                        const char *media_type, mn_arena *arena, mn_str *out) {
        static const char *const kinds[] = {
                [INDEX_IMAGE] = "image", [INDEX_ATTESTATION] = "attestation", [INDEX_UNKNOWN] = "unknown"
        };
        int64_t content = v->content_size < 0 ? 0 : v->content_size;
        mn_str_printf(out, "{\"ID\":\"%s\",\"Descriptor\":", v->digest);
        if (descriptor)
                mn_json_write(descriptor, out);
        else
                add_descriptor(out, media_type, v->digest, image_blob_size(images, v->digest));
        mn_str_printf(out, ",\"Available\":%s,\"Size\":{\"Content\":%lld,\"Total\":%lld},\"Kind\":\"%s\"",
                      v->content_size >= 0 ? "true" : "false", (long long) content,
                      (long long) (content + v->unpacked_size), kinds[v->kind]);
        if (v->kind == INDEX_IMAGE) {
                settle_platform(images, v, arena);
                add_image_data(images, v, descriptor, arena, out);
        } else if (v->kind == INDEX_ATTESTATION) {
                mn_str_add(out, ",\"AttestationData\":{\"For\":");
                mn_json_add_str(out, v->subject);
                mn_str_add_char(out, '}');
        }
        mn_str_add_char(out, '}');
}

/* The first descriptor of the index's document; NULL without an index. */
static mn_status read_descriptors(image_store *images, const struct views *views, mn_arena *arena,
                                  const mn_json **ret, mn_err *err) {
        const char *text;
        size_t len;
        const mn_json *root;
        *ret = NULL;
        if (!views->index)
                return MN_OK;
        mn_status st = image_blob_read(images, views->index, arena, &text, &len, err);
        if (!st)
                st = mn_json_parse(arena, text, len, NULL, &root, err);
        const mn_json *list = st ? NULL : mn_json_get(root, "manifests");
        *ret = list ? list->child : NULL;
        return st;
}

mn_status image_manifests(image_store *images, const char *name, mn_arena *arena, const mn_json **ret,
                          mn_err *err) {
        struct views views = { 0 };
        const mn_json *descriptor = NULL;
        cleanup_str mn_str text = { 0 };
        mn_status st = view(images, name, arena, &views, err);
        if (!st)
                st = read_descriptors(images, &views, arena, &descriptor, err);
        if (st || !views.n)
                return st;
        for (size_t i = 0; i < views.n; i++) {
                mn_str_add(&text, i ? "," : "[");
                add_summary(images, &views.items[i], descriptor, views.media_type, arena, &text);
                descriptor = descriptor ? descriptor->next : NULL;
        }
        mn_str_add_char(&text, ']');
        *ret = json_of(&text, arena);
        return MN_OK;
}

/* ---- attestations ---- */

static const char PREDICATE_TYPE[] = "in-toto.io/predicate-type";

/* The statement of the layer as compact JSON; an unreadable or missing blob fails. */
static mn_status add_statement(image_store *images, const char *digest, mn_arena *arena, mn_str *out,
                               mn_err *err) {
        const char *text;
        size_t len;
        const mn_json *json;
        mn_status st = image_blob_read(images, digest, arena, &text, &len, err);
        if (!st)
                st = mn_json_parse(arena, text, len, NULL, &json, err);
        if (st)
                return mn_err_prefix(err, MN_INTERNAL, "statement %s", digest);
        mn_str_add(out, ",\"Statement\":");
        mn_json_write(json, out);
        return MN_OK;
}

/* The layers of one attestation manifest that are statements of a wanted type. */
static mn_status add_statements(image_store *images, const image_attestation_spec *spec, const char *digest,
                                mn_arena *arena, mn_str *out, mn_err *err) {
        const char *text;
        size_t len;
        const mn_json *root;
        mn_status st = image_blob_read(images, digest, arena, &text, &len, err);
        if (!st)
                st = mn_json_parse(arena, text, len, NULL, &root, err);
        const mn_json *layers = st ? NULL : mn_json_get(root, "layers");
        for (const mn_json *layer = layers ? layers->child : NULL; !st && layer; layer = layer->next) {
                const char *type = mn_json_get_str(mn_json_get(layer, "annotations"), PREDICATE_TYPE);
                const char *blob = mn_json_get_str(layer, "digest");
                if (!type || !blob || !mn_digest_text_is_valid(blob) ||
                    (mn_strv_len(spec->types) && !mn_strv_has(spec->types, type)))
                        continue;
                mn_str_add(out, out->len > 1 ? ",{\"Descriptor\":" : "{\"Descriptor\":");
                mn_json_write(layer, out);
                mn_str_add(out, ",\"PredicateType\":");
                mn_json_add_str(out, type);
                if (spec->has_statement)
                        st = add_statement(images, blob, arena, out, err);
                mn_str_add_char(out, '}');
        }
        return st;
}

/* Copies out the digests of the attestations that are about the image. */
static mn_status find_attestations(image_store *images, const image_attestation_spec *spec, mn_arena *arena,
                                   const char ***ret, mn_err *err) {
        struct image_record *record;
        const struct index_entry *own, *e;
        image_lock(images);
        mn_status st = image_find_platform(images, spec->name, spec->platform, &record, err);
        const struct index_record *index = st ? NULL : image_index_named(images, spec->name, record);
        size_t n = 0;
        *ret = mn_arena_array(arena, (index ? index->nentries : 0) + 1, sizeof(**ret));
        if (!image_index_has(index, record, &own))
                index = NULL;
        for (size_t i = 0; index && i < index->nentries; i++) {
                e = &index->entries[i];
                if (e->kind == INDEX_ATTESTATION && mn_str_equal(e->subject, own->digest) &&
                    image_blob_size(images, e->digest) >= 0)
                        (*ret)[n++] = mn_arena_strdup(arena, e->digest);
        }
        image_unlock(images);
        return st;
}

mn_status image_attestations(image_store *images, const image_attestation_spec *spec, mn_str *ret_json,
                             mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        const char **digests;
        mn_status st = find_attestations(images, spec, arena, &digests, err);
        mn_str_add_char(ret_json, '[');
        for (; !st && *digests; digests++)
                st = add_statements(images, spec, *digests, arena, ret_json, err);
        mn_str_add(ret_json, "]\n");
        return st;
}
