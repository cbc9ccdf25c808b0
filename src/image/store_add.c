/* SPDX-License-Identifier: Apache-2.0 */
/* Adding an image and its names: blobs first, then one commit of the database, then the memory. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/time.h"
#include "codec/digest.h"
#include "image/index.h"
#include "image/platform.h"
#include "image/store_private.h"

enum { MANIFESTS_MAX = 16 };

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
        ret->manifests.items = mn_arena_array(ret->arena, MANIFESTS_MAX + 1, sizeof(*ret->manifests.items));
        if (spec->manifest.data)
                ret->manifests.items[n++] = (struct image_manifest){
                        mn_arena_strdup(ret->arena, spec->manifest.digest),
                        mn_arena_strdup(ret->arena, spec->manifest.media_type)
                };
        for (size_t i = 0; i < old->manifests.len && n < MANIFESTS_MAX; i++) {
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

/* True when the record says the same of who signed, or nobody looked now. */
static bool has_same_signers(const struct image_add_spec *spec, const struct image_record *record) {
        size_t n = has_signers(spec) ? spec->signers->len : 0;
        for (size_t i = 0; i < n; i++)
                if (i >= record->signers.len ||
                    strcmp(spec->signers->items[i].name, record->signers.items[i].name) != 0)
                        return false;
        return !n || n == record->signers.len;
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

static mn_status write_blob(image_store *images, const struct image_document *d, mn_err *err) {
        return d->data ? image_blob_write(images, d->digest, d->data, d->len, err) : MN_OK;
}

static mn_status write_blobs(image_store *images, const struct image_add_spec *spec, const char *id,
                             mn_err *err) {
        mn_status st = image_blob_write(images, id, spec->config, spec->config_len, err);
        if (!st)
                st = write_blob(images, &spec->manifest, err);
        if (!st)
                st = write_blob(images, &spec->index, err);
        for (size_t i = 0; !st && i < spec->nattachments; i++)
                st = write_blob(images, &spec->attachments[i], err);
        return st;
}

/* The image the name is to point to: of two that one index lists, the one that suits the host better. With
   `lock`. */
static const struct image_record *target_of(image_store *images, const struct image_add_spec *spec,
                                            const char *full, const struct image_record *record) {
        const struct image_record *from = mn_map_get(images->tags, full);
        const struct index_record *index = image_index_of(images, full);
        const struct index_entry *was, *is;
        image_platform host;
        if (!from || from->is_hidden || !index || !spec->index.digest || !strcmp(from->id, record->id) ||
            strcmp(index->digest, spec->index.digest) != 0 || !image_index_has(index, from, &was) ||
            !image_index_has(index, record, &is))
                return record;
        image_platform_host(&host);
        return image_index_fit(is, &host) >= image_index_fit(was, &host) ? record : from;
}

static mn_status commit(image_store *images, const struct image_add_spec *spec,
                        const struct image_record *record, mn_err *err) {
        cleanup_store_batch store_batch *batch = store_batch_new();
        store_batch_put(batch, STORE_KIND_IMAGE, record->id, &image_record_type, record);
        image_lock(images);
        for (char *const *full = spec->references; full && *full; full++) {
                const struct tag_record tag = { .image = target_of(images, spec, *full, record)->id,
                                                .index = (char *) (uintptr_t) spec->index.digest,
                                                .index_type = (char *) (uintptr_t) spec->index.media_type };
                store_batch_put(batch, STORE_KIND_TAG, *full, &tag_record_type, &tag);
        }
        for (char **id = record->layers; id && *id; id++)
                store_batch_put(batch, STORE_KIND_LAYER, *id, &layer_record_type,
                                image_layer_record(images, *id, 0));
        image_unlock(images);
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

mn_status image_repoint(image_store *images, const char *full, struct image_record *to, mn_err *err) {
        image_lock(images);
        const struct index_record *index = image_index_of(images, full);
        const struct tag_record tag = { .image = to->id,
                                        .index = index ? index->digest : NULL,
                                        .index_type = index ? index->media_type : NULL };
        image_unlock(images);
        mn_status st = store_put(images->db, STORE_KIND_TAG, full, &tag_record_type, &tag, STORE_DURABLE,
                                 err);
        if (st)
                return st;
        cleanup_free char *name = mn_strdup(full);
        image_lock(images);
        point(images, name, to);
        image_unlock(images);
        return MN_OK;
}

/* With `lock`: the manifests lead to the record; blobs of those it has no more go. */
static void apply_manifests(image_store *images, const struct image_record *record,
                            const struct image_record *old) {
        for (size_t i = 0; old && i < old->manifests.len; i++)
                mn_map_remove(images->by_manifest, old->manifests.items[i].digest);
        for (size_t i = 0; i < record->manifests.len; i++)
                mn_map_set(images->by_manifest, record->manifests.items[i].digest, (void *) record);
}

/* With `lock`: puts the new record into the place of the old one, whose names and pins it keeps. */
static void apply(image_store *images, const struct image_add_spec *spec, struct image_record *record) {
        struct image_record *old = mn_map_get(images->images, record->id);
        char *dropped = NULL;
        for (char **id = record->layers; !old && id && *id; id++) {
                struct layer_record *layer = image_layer_record(images, *id, 0);
                layer->nrefs++;
                layer_store_has(images->layers_on_disk, *id, &layer->size);
        }
        apply_manifests(images, record, old);
        if (old) {
                record->npins = old->npins;
                for (size_t i = 0; i < old->names.len; i++) {
                        const char *name = mn_arena_strdup(record->arena, old->names.items[i]);
                        mn_map_set(images->tags, name, record);
                        mn_vec_push(&record->names, name);
                }
                if (old->manifests.len == MANIFESTS_MAX)
                        dropped = mn_strdup(old->manifests.items[MANIFESTS_MAX - 1].digest);
        }
        mn_map_set(images->images, record->id, record);
        for (char *const *full = spec->references; full && *full; full++) {
                if (target_of(images, spec, *full, record) == record)
                        point(images, *full, record);
                image_index_attach(images, *full,
                                   spec->index.digest ? image_index_register(images, spec->index.digest,
                                                                             spec->index.media_type)
                                                      : NULL);
        }
        image_document_release(images, dropped);
        free(dropped);
}

/* True when all of it is there already. With `change`. */
/* True when the image's files are there: what a check has taken away comes back with the next pull or load.
 */
static bool is_whole(image_store *images, const struct image_record *record) {
        bool is_whole = image_blob_size(images, record->id) >= 0;
        for (size_t i = 0; is_whole && i < record->manifests.len; i++)
                is_whole = image_blob_size(images, record->manifests.items[i].digest) >= 0;
        return is_whole;
}

static bool is_known(image_store *images, const struct image_add_spec *spec, const struct image_record *old) {
        if (!old || old->is_hidden || !is_whole(images, old))
                return false;
        if (spec->manifest.data && mn_map_get(images->by_manifest, spec->manifest.digest) != old)
                return false;
        for (char *const *full = spec->references; full && *full; full++) {
                const struct index_record *index = image_index_of(images, *full);
                if (!mn_str_equal(index ? index->digest : NULL, spec->index.digest) ||
                    (mn_map_get(images->tags, *full) != old && !image_index_has(index, old, NULL)))
                        return false;
        }
        for (size_t i = 0; i < spec->nattachments; i++)
                if (image_blob_size(images, spec->attachments[i].digest) < 0)
                        return false;
        return true;
}

static mn_status add(image_store *images, const struct image_add_spec *spec, const char *id, bool *ret_is_new,
                     mn_err *err) {
        image_lock(images);
        struct image_record *old = mn_map_get(images->images, id);
        bool known = is_known(images, spec, old);
        bool is_complete = known && has_same_signers(spec, old);
        image_unlock(images);
        if (ret_is_new)
                *ret_is_new = !known;
        if (is_complete)
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

/* What makes `full` another name of the image; strings go to the arena. */
static mn_status spec_to_tag(image_store *images, const char *name, const char *id, mn_arena *arena,
                             struct image_add_spec *ret, mn_err *err) {
        image_lock(images);
        struct image_record *record = mn_map_get(images->images, id);
        const struct index_record *index = record ? image_index_named(images, name, record) : NULL;
        if (index)
                ret->index = (struct image_document){ .digest = mn_arena_strdup(arena, index->digest),
                                                      .media_type = mn_arena_strdup(arena,
                                                                                    index->media_type) };
        image_unlock(images);
        return image_blob_read(images, id, arena, &ret->config, &ret->config_len, err);
}

mn_status image_tag(image_store *images, const char *name, const char *repository, const char *tag,
                    mn_err *err) {
        char full[MN_REFERENCE_TEXT_SIZE], id[IMAGE_ID_SIZE];
        mn_status st = image_reference(repository, tag, full, err);
        if (!st)
                st = image_pin(images, name, NULL, id, err);
        if (st)
                return st;
        cleanup_arena mn_arena *arena = mn_arena_new();
        char *references[] = { full, NULL };
        struct image_add_spec spec = { .references = references };
        st = spec_to_tag(images, name, id, arena, &spec, err);
        if (!st)
                st = image_add(images, &spec, id, NULL, err);
        image_unpin(images, id);
        if (!st)
                image_event(images, "tag", id, image_familiar(full, arena));
        return st;
}
