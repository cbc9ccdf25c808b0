/* SPDX-License-Identifier: Apache-2.0 */
/* Adding images and their names: documents first, then one commit of the database, then the memory. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/time.h"
#include "codec/digest.h"
#include "image/index.h"
#include "image/platform.h"
#include "image/store_private.h"

static mn_status write_documents(image_store *images, const struct image_add_spec *spec, const char *id,
                                 image_blob_batch *batch, mn_err *err) {
        const struct image_document config = { NULL, id, spec->config, spec->config_len };
        mn_status st = image_blob_write(images, &config, batch, err);
        if (!st)
                st = image_blob_write(images, &spec->manifest, batch, err);
        if (!st)
                st = image_blob_write(images, &spec->index, batch, err);
        for (size_t i = 0; !st && i < spec->nattachments; i++)
                st = image_blob_write(images, &spec->attachments[i], batch, err);
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

/* With `lock`. */
void image_point(image_store *images, const char *full, struct image_record *to) {
        struct image_record *from = mn_map_get(images->tags, full);
        for (size_t i = 0; from && i < from->names.len; i++)
                if (!strcmp(from->names.items[i], full)) {
                        mn_vec_remove(&from->names, i);
                        break;
                }
        const char *name = mn_arena_strdup(to->arena, full);
        mn_map_set(images->tags, name, to);
        mn_vec_push(&to->names, name);
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
        image_count_child(images, record, true);
        if (old) {
                image_count_child(images, old, false);
                record->npins = old->npins;
                for (size_t i = 0; i < old->names.len; i++) {
                        const char *name = mn_arena_strdup(record->arena, old->names.items[i]);
                        mn_map_set(images->tags, name, record);
                        mn_vec_push(&record->names, name);
                }
                if (old->manifests.len == IMAGE_MANIFESTS_MAX)
                        dropped = mn_strdup(old->manifests.items[IMAGE_MANIFESTS_MAX - 1].digest);
        }
        mn_map_set(images->images, record->id, record);
        for (char *const *full = spec->references; full && *full; full++) {
                if (target_of(images, spec, *full, record) == record)
                        image_point(images, *full, record);
                image_index_attach(images, *full,
                                   spec->index.digest ? image_index_register(images, spec->index.digest,
                                                                             spec->index.media_type)
                                                      : NULL);
        }
        image_document_release(images, dropped);
        free(dropped);
}

static bool is_known(image_store *images, const struct image_add_spec *spec, const struct image_record *old) {
        if (!old || old->is_hidden || !image_has_documents(images, old))
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

/* ---- several at once ---- */

/* An image that is being added. */
struct addition {
        const struct image_add_spec *spec;
        char id[MN_DIGEST_SIZE];
        size_t round;                /* additions of one round share a commit */
        bool is_known;               /* nothing changes but who signed it */
        struct image_record *record; /* NULL: nothing changes at all */
};

/* The additions of one commit. */
struct round {
        image_store *images;
        struct addition **items;
        size_t n;
        mn_map *pending; /* id -> the record it will have, borrowed */
        image_blob_batch documents;
};

/* Makes the record, unless all of it is there already. */
static mn_status prepare(struct round *r, struct addition *a, mn_err *err) {
        image_store *images = r->images;
        const struct image_record *old = mn_map_get(r->pending, a->id);
        bool is_complete = false;
        if (!old) {
                image_lock(images);
                old = mn_map_get(images->images, a->id);
                a->is_known = is_known(images, a->spec, old);
                is_complete = a->is_known && image_record_has_signers(a->spec, old);
                image_unlock(images);
        }
        if (is_complete)
                return MN_OK;
        struct image_record *record = mn_alloc(sizeof(*record));
        record->arena = mn_arena_new();
        a->record = record;
        mn_status st = image_record_make(images, a->spec, a->id, old, record, err);
        if (!st)
                st = write_documents(images, a->spec, a->id, &r->documents, err);
        mn_map_set(r->pending, a->id, record);
        return st;
}

static void put_names(struct round *r, const struct addition *a, store_batch *batch) {
        const struct image_add_spec *spec = a->spec;
        for (char *const *full = spec->references; full && *full; full++) {
                const struct tag_record tag = { .image = target_of(r->images, spec, *full, a->record)->id,
                                                .index = (char *) (uintptr_t) spec->index.digest,
                                                .index_type = (char *) (uintptr_t) spec->index.media_type };
                store_batch_put(batch, STORE_KIND_TAG, *full, &tag_record_type, &tag);
        }
}

static mn_status commit(struct round *r, mn_err *err) {
        image_store *images = r->images;
        cleanup_store_batch store_batch *batch = store_batch_new();
        cleanup_map mn_map *layers = mn_map_new(NULL);
        const char *diff_id;
        image_lock(images);
        for (size_t i = 0; i < r->n; i++) {
                const struct image_record *record = r->items[i]->record;
                if (!record)
                        continue;
                store_batch_put(batch, STORE_KIND_IMAGE, record->id, &image_record_type, record);
                put_names(r, r->items[i], batch);
                for (char **id = record->layers; id && *id; id++)
                        mn_map_set(layers, *id, r);
        }
        for (size_t pos = 0; mn_map_next(layers, &pos, &diff_id, NULL);)
                store_batch_put(batch, STORE_KIND_LAYER, diff_id, &layer_record_type,
                                image_layer_record(images, diff_id, 0));
        image_unlock(images);
        return store_commit(images->db, batch, STORE_DURABLE, err);
}

/* What the database will name is on the disk before it does. */
static mn_status store_round(struct round *r, mn_err *err) {
        mn_status st = MN_OK;
        for (size_t i = 0; !st && i < r->n; i++)
                st = prepare(r, r->items[i], err);
        if (st || !mn_map_len(r->pending))
                return st;
        st = image_blobs_sync(r->images, &r->documents, err);
        int error = st ? 0 : layer_store_sync(r->images->layers_on_disk);
        if (error < 0)
                st = mn_fail_errno(err, error, "storing the layers");
        return st ? st : commit(r, err);
}

static mn_status add_round(struct round *r, mn_err *err) {
        mn_status st = store_round(r, err);
        image_lock(r->images);
        for (size_t i = 0; i < r->n; i++) {
                struct addition *a = r->items[i];
                if (a->record && !st)
                        apply(r->images, a->spec, a->record);
                else if (a->record)
                        image_record_free(a->record);
        }
        image_unlock(r->images);
        image_blobs_release(r->images, &r->documents, st != MN_OK);
        image_collect_documents(r->images);
        return st;
}

/* An addition waits for an earlier one that sets the same name: what a name becomes depends on what it was.
   The platforms of one index are such. Gives the number of rounds. */
static size_t plan_rounds(struct addition *additions, size_t n) {
        cleanup_map mn_map *of_id = mn_map_new(NULL), *of_name = mn_map_new(NULL);
        size_t nrounds = 0;
        for (size_t i = 0; i < n; i++) {
                struct addition *a = &additions[i];
                a->round = (uintptr_t) mn_map_get(of_id, a->id);
                char *const *references = a->spec->references;
                for (char *const *full = references; full && *full; full++)
                        a->round = MN_MAX(a->round, (uintptr_t) mn_map_get(of_name, *full));
                for (char *const *full = references; full && *full; full++)
                        mn_map_set(of_name, *full, (void *) (uintptr_t) (a->round + 1));
                mn_map_set(of_id, a->id, (void *) (uintptr_t) a->round);
                nrounds = MN_MAX(nrounds, a->round + 1);
        }
        return nrounds;
}

static mn_status add_planned(image_store *images, struct addition *additions, size_t n, size_t nrounds,
                             mn_err *err) {
        cleanup_free struct addition **items = mn_alloc_array(n + 1, sizeof(*items));
        mn_status st = MN_OK;
        for (size_t k = 0; !st && k < nrounds; k++) {
                cleanup_map mn_map *pending = mn_map_new(NULL);
                struct round round = { .images = images, .items = items, .pending = pending };
                for (size_t i = 0; i < n; i++)
                        if (additions[i].round == k)
                                items[round.n++] = &additions[i];
                st = add_round(&round, err);
        }
        return st;
}

mn_status image_add_all(image_store *images, const struct image_add_spec *const *specs, size_t n,
                        mn_err *err) {
        cleanup_free struct addition *additions = mn_alloc_array(n + 1, sizeof(*additions));
        for (size_t i = 0; i < n; i++) {
                additions[i].spec = specs[i];
                mn_digest_of(specs[i]->config, specs[i]->config_len, additions[i].id);
        }
        size_t nrounds = plan_rounds(additions, n);
        image_change_begin(images);
        mn_status st = add_planned(images, additions, n, nrounds, err);
        image_change_end(images);
        return st;
}

mn_status image_add(image_store *images, const struct image_add_spec *spec, char ret_id[IMAGE_ID_SIZE],
                    bool *ret_is_new, mn_err *err) {
        struct addition a = { .spec = spec };
        mn_digest_of(spec->config, spec->config_len, a.id);
        memcpy(ret_id, a.id, IMAGE_ID_SIZE);
        image_change_begin(images);
        mn_status st = add_planned(images, &a, 1, 1, err);
        image_change_end(images);
        if (ret_is_new)
                *ret_is_new = !a.is_known;
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
