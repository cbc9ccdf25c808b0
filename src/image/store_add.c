/* SPDX-License-Identifier: Apache-2.0 */
/* Adding an image and its names: blobs first, then one commit of the database, then the memory. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/time.h"
#include "codec/digest.h"
#include "image/store_private.h"

struct tag_document {
        char *image;
};
static const mn_field tag_fields[] = {
        { "Image", &mn_type_str, offsetof(struct tag_document, image) },
        { 0 },
};
static const mn_type tag_type = MN_STRUCT(struct tag_document, tag_fields);

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

/* What `record` would be with the spec's documents; strings in its own new arena. */
static mn_status make_record(image_store *images, const struct image_add_spec *spec, const char *id,
                             const struct image_record *old, struct image_record *ret, mn_err *err) {
        mn_arena *arena = ret->arena;
        oci_image image;
        mn_status st = oci_image_decode(spec->config, spec->config_len, arena, &image, err);
        if (!st)
                st = sum_layers(images, image.rootfs.diff_ids, &ret->size, err);
        if (st)
                return st;
        bool has_manifest = spec->manifest.data != NULL, has_index = spec->index.data != NULL;
        const struct image_record none = { 0 };
        old = old ? old : &none;
        ret->id = mn_arena_strdup(arena, id);
        ret->layers = image.rootfs.diff_ids;
        ret->parent = copy_or_empty(arena, mn_str_is_empty(spec->parent) ? old->parent : spec->parent);
        ret->created = image.created;
        ret->labels = image.config.labels;
        ret->last_tagged = spec->references && *spec->references ? mn_now_ns() : old->last_tagged;
        ret->manifest = copy_or_empty(arena, has_manifest ? spec->manifest.digest : old->manifest);
        ret->manifest_type = copy_or_empty(arena,
                                           has_manifest ? spec->manifest.media_type : old->manifest_type);
        ret->index = copy_or_empty(arena, has_index ? spec->index.digest : old->index);
        ret->index_type = copy_or_empty(arena, has_index ? spec->index.media_type : old->index_type);
        ret->signer = copy_or_empty(arena, spec->signer ? spec->signer : old->signer);
        return MN_OK;
}

static mn_status write_blobs(image_store *images, const struct image_add_spec *spec, const char *id,
                             mn_err *err) {
        mn_status st = image_blob_write(images, id, spec->config, spec->config_len, err);
        const struct image_document *const documents[] = { &spec->manifest, &spec->index };
        for (size_t i = 0; !st && i < MN_ARRAY_LEN(documents); i++)
                if (documents[i]->data)
                        st = image_blob_write(images, documents[i]->digest, documents[i]->data,
                                              documents[i]->len, err);
        return st;
}

static mn_status commit(image_store *images, const struct image_add_spec *spec,
                        const struct image_record *record, mn_err *err) {
        cleanup_store_batch store_batch *batch = store_batch_new();
        store_batch_put(batch, STORE_KIND_IMAGE, record->id, &image_record_type, record);
        for (char *const *full = spec->references; full && *full; full++)
                store_batch_put(batch, STORE_KIND_TAG, *full, &tag_type,
                                &(struct tag_document){ record->id });
        for (char **id = record->layers; id && *id; id++) {
                image_lock(images);
                const struct layer_record *layer = image_layer_record(images, *id, 0);
                store_batch_put(batch, STORE_KIND_LAYER, *id, &layer_record_type, layer);
                image_unlock(images);
        }
        return store_commit(images->db, batch, STORE_DURABLE, err);
}

/* With `lock`. */
static void point(image_store *images, const char *full, struct image_record *to) {
        struct image_record *from = mn_map_get(images->tags, full);
        for (size_t i = 0; from && i < from->names.len; i++)
                if (!strcmp(from->names.items[i], full)) {
                        mn_vec_remove(&from->names, i);
                        break;
                }
        mn_map_set(images->tags, full, to);
        mn_vec_push(&to->names, mn_arena_strdup(to->arena, full));
}

/* With `lock`: puts the new record into the place of the old one, whose names and pins it keeps. */
static void apply(image_store *images, const struct image_add_spec *spec, struct image_record *record) {
        struct image_record *old = mn_map_get(images->images, record->id);
        for (char **id = record->layers; !old && id && *id; id++) {
                struct layer_record *layer = image_layer_record(images, *id, 0);
                layer->nrefs++;
                layer_store_has(images->layers_on_disk, *id, &layer->size);
        }
        if (old) {
                record->npins = old->npins;
                for (size_t i = 0; i < old->names.len; i++) {
                        const char *name = mn_arena_strdup(record->arena, old->names.items[i]);
                        mn_map_set(images->tags, name, record);
                        mn_vec_push(&record->names, name);
                }
        }
        mn_map_set(images->images, record->id, record);
        for (char *const *full = spec->references; full && *full; full++)
                point(images, *full, record);
}

/* True when all of it is there already. With `change`. */
static bool is_known(image_store *images, const struct image_add_spec *spec, const struct image_record *old) {
        if (!old || old->is_hidden)
                return false;
        if (spec->manifest.data && !mn_str_equal(old->manifest, spec->manifest.digest))
                return false;
        for (char *const *full = spec->references; full && *full; full++)
                if (mn_map_get(images->tags, *full) != old)
                        return false;
        return true;
}

static mn_status add(image_store *images, const struct image_add_spec *spec, const char *id, bool *ret_is_new,
                     mn_err *err) {
        image_lock(images);
        struct image_record *old = mn_map_get(images->images, id);
        bool known = is_known(images, spec, old);
        image_unlock(images);
        if (ret_is_new)
                *ret_is_new = !known;
        if (known)
                return MN_OK;
        struct image_record *record = mn_alloc(sizeof(*record));
        record->arena = mn_arena_new();
        mn_status st = make_record(images, spec, id, old, record, err);
        if (!st)
                st = write_blobs(images, spec, id, err);
        int r = st ? 0 : layer_store_sync(images->layers_on_disk);
        if (r < 0)
                st = mn_fail_errno(err, r, "storing the layers");
        if (!st)
                st = commit(images, spec, record, err);
        if (st) {
                mn_arena_free(record->arena);
                free(record);
                return st;
        }
        image_lock(images);
        apply(images, spec, record);
        image_unlock(images);
        return MN_OK;
}

mn_status image_add(image_store *images, const struct image_add_spec *spec, char ret_id[IMAGE_ID_SIZE],
                    bool *ret_is_new, mn_err *err) {
        char id[MN_DIGEST_SIZE];
        mn_digest_of(spec->config, spec->config_len, id);
        memcpy(ret_id, id, IMAGE_ID_SIZE);
        image_change_begin(images);
        mn_status st = add(images, spec, id, ret_is_new, err);
        image_change_end(images);
        return st;
}

mn_status image_tag(image_store *images, const char *name, const char *repository, const char *tag,
                    mn_err *err) {
        char full[MN_REFERENCE_TEXT_SIZE], id[IMAGE_ID_SIZE];
        mn_status st = image_reference(repository, tag, full, err);
        if (!st)
                st = image_pin(images, name, id, err);
        if (st)
                return st;
        cleanup_arena mn_arena *arena = mn_arena_new();
        const char *config;
        size_t len;
        st = image_blob_read(images, id, arena, &config, &len, err);
        if (!st) {
                char *references[] = { full, NULL };
                const struct image_add_spec spec = { .config = config,
                                                     .config_len = len,
                                                     .references = references };
                st = image_add(images, &spec, id, NULL, err);
        }
        image_unpin(images, id);
        if (!st)
                image_event(images, "tag", id, image_familiar(full, arena));
        return st;
}
