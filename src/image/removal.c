/* SPDX-License-Identifier: Apache-2.0 */
#include "image/removal.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "image/index.h"

void removal_begin(removal *r, image_store *images, mn_arena *arena) {
        *r = (removal){ .images = images, .arena = arena };
        r->untagged = mn_map_new(NULL);
        r->gone = mn_map_new(NULL);
        r->hidden = mn_map_new(NULL);
        r->children = mn_map_new(NULL);
        r->lost = mn_map_new(NULL);
        r->unlisted = mn_map_new(NULL);
}

void removal_end(removal *r) {
        struct image_record *record;
        image_lock(r->images);
        for (size_t pos = 0; mn_map_next(r->images->images, &pos, NULL, (void **) &record);)
                record->is_leaving = false;
        image_unlock(r->images);
        mn_map_free(r->untagged);
        mn_map_free(r->gone);
        mn_map_free(r->hidden);
        mn_map_free(r->children);
        mn_map_free(r->lost);
        mn_map_free(r->unlisted);
        mn_vec_release(&r->indexes);
        mn_vec_release(&r->repointed);
        mn_vec_release(&r->rows);
}

/* ---- asking ---- */

size_t removal_count_users(const removal *r, const char *id, char container[MN_ID_SIZE],
                           bool *ret_is_running) {
        const image_hooks *hooks = &r->images->hooks;
        *ret_is_running = false;
        container[0] = '\0';
        return hooks->count_users ? hooks->count_users(hooks->arg, id, container, ret_is_running) : 0;
}

bool removal_is_used(const removal *r, const char *id) {
        char container[MN_ID_SIZE];
        bool is_running;
        return removal_count_users(r, id, container, &is_running) > 0;
}

static uintptr_t number(const mn_map *counts, const char *key) {
        return (uintptr_t) mn_map_get(counts, key);
}

bool removal_has_children(const removal *r, const char *id) {
        return number(r->images->children, id) > number(r->children, id);
}

bool removal_has_name(const removal *r, const char *full) {
        return mn_map_has(r->untagged, full);
}

size_t removal_count_names(const removal *r, const struct image_record *record) {
        size_t n = 0;
        for (size_t i = 0; i < record->names.len; i++)
                n += !removal_has_name(r, record->names.items[i]);
        return n;
}

size_t removal_count_tags(const removal *r, const struct image_record *record) {
        size_t n = 0;
        for (size_t i = 0; i < record->names.len; i++)
                n += !image_is_digest_reference(record->names.items[i]) &&
                     !removal_has_name(r, record->names.items[i]);
        return n;
}

bool removal_is_listed(const removal *r, const struct image_record *record) {
        for (size_t i = 0; i < record->manifests.len; i++) {
                const char *digest = record->manifests.items[i].digest;
                if (number(r->images->listed, digest) > number(r->unlisted, digest))
                        return true;
        }
        return false;
}

bool removal_is_gone(const removal *r, const char *id) {
        return mn_map_has(r->gone, id);
}

/* ---- space ---- */

/* Layers only images that go have, as keys. With `lock`. */
static mn_map *find_layers(const removal *r) {
        cleanup_map mn_map *counts = mn_map_new(NULL);
        const struct image_record *record;
        mn_map *layers = mn_map_new(NULL);
        const char *id;
        void *n;
        for (size_t pos = 0; mn_map_next(r->gone, &pos, NULL, (void **) &record);)
                for (char **layer = record->layers; layer && *layer; layer++)
                        (void) image_count_in(counts, *layer, true);
        for (size_t pos = 0; mn_map_next(counts, &pos, &id, &n);) {
                const struct layer_record *layer = mn_map_get(r->images->layers, id);
                if (layer && layer->nrefs == (uintptr_t) n && !layer->nholds)
                        mn_map_set(layers, id, layers);
        }
        return layers;
}

/* The documents of the images, and of the indexes no name is left for. With `lock`. */
static mn_map *find_documents(const removal *r) {
        mn_map *documents = mn_map_new(NULL);
        cleanup_map mn_map *detached = mn_map_new(NULL);
        const struct image_record *record;
        for (size_t pos = 0; mn_map_next(r->gone, &pos, NULL, (void **) &record);) {
                mn_map_set(documents, record->id, documents);
                for (size_t i = 0; i < record->manifests.len; i++)
                        mn_map_set(documents, record->manifests.items[i].digest, documents);
        }
        for (size_t i = 0; i < r->indexes.len; i++) {
                const struct index_record *index = r->indexes.items[i];
                mn_map_set(documents, index->digest, documents);
                for (size_t k = 0; k < index->nblobs; k++)
                        if (image_count_in(detached, index->blobs[k], true) ==
                            number(r->images->attached, index->blobs[k]))
                                mn_map_set(documents, index->blobs[k], documents);
        }
        return documents;
}

int64_t removal_space(const removal *r) {
        const char *digest;
        int64_t space = 0;
        image_lock(r->images);
        cleanup_map mn_map *layers = find_layers(r);
        cleanup_map mn_map *documents = find_documents(r);
        image_unlock(r->images);
        for (size_t pos = 0; mn_map_next(layers, &pos, &digest, NULL);)
                space += layer_store_disk_size(r->images->layers_on_disk, digest);
        for (size_t pos = 0; mn_map_next(documents, &pos, &digest, NULL);)
                space += image_blob_disk_size(r->images, digest);
        return space;
}

/* ---- planning ---- */

/* Marked first and looked at again: a container that came before the mark is seen, none comes after it. */
bool removal_claim(removal *r, struct image_record *record) {
        bool is_free = true;
        image_lock(r->images);
        if (!record->is_leaving) {
                is_free = !record->npins;
                record->is_leaving = is_free && !r->is_dry_run;
        }
        image_unlock(r->images);
        if (is_free && !removal_is_used(r, record->id))
                return true;
        removal_let_go(r, record);
        return false;
}

void removal_let_go(removal *r, struct image_record *record) {
        image_lock(r->images);
        record->is_leaving = false;
        image_unlock(r->images);
}

static void add_row(removal *r, const char *untagged, const char *id) {
        mn_vec_push(&r->rows, ((struct removal_row){ untagged, mn_arena_strdup(r->arena, id) }));
}

/* An index goes with the last of its names. */
static void lose_name(removal *r, const struct index_record *index) {
        if (!index || image_count_in(r->lost, index->digest, true) < index->nnames)
                return;
        mn_vec_push(&r->indexes, index);
        for (size_t i = 0; i < index->nentries; i++)
                (void) image_count_in(r->unlisted, index->entries[i].digest, true);
}

void removal_untag(removal *r, const struct image_record *record, const char *full) {
        if (removal_has_name(r, full))
                return;
        mn_map_set(r->untagged, full, r);
        lose_name(r, image_index_of(r->images, full));
        add_row(r, image_familiar(full, r->arena), record->id);
}

void removal_untag_all(removal *r, const struct image_record *record) {
        for (size_t i = 0; i < record->names.len; i++)
                removal_untag(r, record, record->names.items[i]);
}

void removal_repoint(removal *r, const char *full, struct image_record *to) {
        mn_vec_push(&r->repointed, ((struct removal_repoint){ full, to }));
}

mn_status removal_delete(removal *r, struct image_record *record, mn_err *err) {
        if (!removal_claim(r, record))
                return mn_fail(err, MN_CONFLICT,
                               "conflict: unable to delete %.12s (cannot be forced) - image is in use",
                               strchr(record->id, ':') + 1);
        mn_map_set(r->gone, record->id, record);
        if (!mn_str_is_empty(record->parent))
                (void) image_count_in(r->children, record->parent, true);
        if (!record->is_hidden)
                add_row(r, NULL, record->id);
        return MN_OK;
}

void removal_hide(removal *r, const struct image_record *record) {
        mn_map_set(r->hidden, record->id, (void *) (uintptr_t) record);
        add_row(r, NULL, record->id);
}

/* ---- the end ---- */

static void put_repointed(const removal *r, const struct removal_repoint *p, store_batch *batch) {
        const struct index_record *index = image_index_of(r->images, p->full);
        const struct tag_record tag = { .image = p->to->id,
                                        .index = index ? index->digest : NULL,
                                        .index_type = index ? index->media_type : NULL };
        store_batch_put(batch, STORE_KIND_TAG, p->full, &tag_record_type, &tag);
}

static mn_status commit(const removal *r, const mn_map *layers, mn_err *err) {
        cleanup_store_batch store_batch *batch = store_batch_new();
        const struct image_record *record;
        const char *key;
        for (size_t pos = 0; mn_map_next(r->untagged, &pos, &key, NULL);)
                store_batch_delete(batch, STORE_KIND_TAG, key);
        for (size_t i = 0; i < r->repointed.len; i++)
                put_repointed(r, &r->repointed.items[i], batch);
        for (size_t pos = 0; mn_map_next(r->hidden, &pos, &key, (void **) &record);) {
                struct image_record hidden = *record;
                hidden.is_hidden = true;
                store_batch_put(batch, STORE_KIND_IMAGE, key, &image_record_type, &hidden);
        }
        for (size_t pos = 0; mn_map_next(r->gone, &pos, &key, NULL);)
                store_batch_delete(batch, STORE_KIND_IMAGE, key);
        for (size_t pos = 0; mn_map_next(layers, &pos, &key, NULL);)
                store_batch_delete(batch, STORE_KIND_LAYER, key);
        return store_commit(r->images->db, batch, STORE_DURABLE, err);
}

/* With `lock`. */
static void forget_name(image_store *images, const char *full) {
        struct image_record *record = mn_map_get(images->tags, full);
        mn_map_remove(images->tags, full);
        image_index_attach(images, full, NULL);
        for (size_t i = 0; record && i < record->names.len; i++)
                if (!strcmp(record->names.items[i], full)) {
                        mn_vec_remove(&record->names, i);
                        break;
                }
}

/* With `lock`. */
static void forget_image(image_store *images, struct image_record *record) {
        for (char **id = record->layers; id && *id; id++) {
                struct layer_record *layer = mn_map_get(images->layers, *id);
                if (layer && layer->nrefs)
                        layer->nrefs--;
        }
        image_document_release(images, record->id);
        for (size_t i = 0; i < record->manifests.len; i++) {
                mn_map_remove(images->by_manifest, record->manifests.items[i].digest);
                image_document_release(images, record->manifests.items[i].digest);
        }
        image_count_child(images, record, false);
        cleanup_free char *id = mn_strdup(record->id);
        mn_map_remove(images->images, id);
}

static void apply(const removal *r) {
        struct image_record *record;
        const char *full;
        image_lock(r->images);
        for (size_t i = 0; i < r->repointed.len; i++)
                image_point(r->images, r->repointed.items[i].full, r->repointed.items[i].to);
        for (size_t pos = 0; mn_map_next(r->untagged, &pos, &full, NULL);)
                forget_name(r->images, full);
        for (size_t pos = 0; mn_map_next(r->hidden, &pos, NULL, (void **) &record);)
                record->is_hidden = true;
        for (size_t pos = 0; mn_map_next(r->gone, &pos, NULL, (void **) &record);)
                forget_image(r->images, record);
        image_unlock(r->images);
}

mn_status removal_commit(removal *r, mn_err *err) {
        if (!r->rows.len && !r->repointed.len && !mn_map_len(r->gone))
                return MN_OK;
        image_lock(r->images);
        cleanup_map mn_map *layers = find_layers(r);
        image_unlock(r->images);
        mn_status st = commit(r, layers, err);
        if (st)
                return st;
        apply(r);
        image_collect_documents(r->images);
        image_drop_layers(r->images, layers);
        for (size_t i = 0; i < r->rows.len; i++) {
                const struct removal_row *row = &r->rows.items[i];
                image_event(r->images, row->untagged ? "untag" : "delete", row->id,
                            row->untagged ? row->untagged : row->id);
        }
        return MN_OK;
}

void removal_answer(const removal *r, wire_image_delete_list *ret) {
        wire_image_delete *items = mn_arena_array(r->arena, ret->len + r->rows.len + 1, sizeof(*items));
        if (ret->len)
                memcpy(items, ret->items, ret->len * sizeof(*items));
        for (size_t i = 0; i < r->rows.len; i++) {
                const struct removal_row *row = &r->rows.items[i];
                items[ret->len++] = (wire_image_delete){ .untagged = (char *) (uintptr_t) row->untagged,
                                                         .deleted = row->untagged
                                                                            ? NULL
                                                                            : (char *) (uintptr_t) row->id };
        }
        ret->items = items;
}
