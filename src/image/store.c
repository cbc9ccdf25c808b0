/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the store, its blobs and layers, and what is swept away at start. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/time.h"
#include "codec/digest.h"
#include "image/index.h"
#include "image/store_private.h"
#include "sys/fd.h"
#include "sys/file.h"

/* ---- counts ---- */

uintptr_t image_count_in(mn_map *counts, const char *key, bool is_up) {
        uintptr_t n = (uintptr_t) mn_map_get(counts, key) + (is_up ? 1 : (uintptr_t) -1);
        if (n)
                mn_map_set(counts, key, (void *) n);
        else
                mn_map_remove(counts, key);
        return n;
}

void image_count_child(image_store *images, const struct image_record *record, bool is_up) {
        if (!mn_str_is_empty(record->parent))
                (void) image_count_in(images->children, record->parent, is_up);
}

/* ---- locks, events ---- */

void image_lock(image_store *images) {
        pthread_mutex_lock(&images->lock);
}

void image_unlock(image_store *images) {
        pthread_mutex_unlock(&images->lock);
}

void image_change_begin(image_store *images) {
        pthread_mutex_lock(&images->change);
}

void image_change_end(image_store *images) {
        pthread_mutex_unlock(&images->change);
}

void image_note_use(image_store *images, const char *id) {
        static const int64_t INTERVAL_NS = 60 * MN_NS_PER_SEC;
        cleanup_err mn_err err = { 0 };
        bool can_write = pthread_mutex_trylock(&images->change) == 0;
        image_lock(images);
        struct image_record *record = mn_map_get(images->images, id);
        if (record)
                record->last_used = mn_now_ns();
        bool is_due = record && record->last_used - record->use_noted > INTERVAL_NS;
        if (is_due && can_write)
                record->use_noted = record->last_used;
        image_unlock(images);
        if (is_due && can_write && /* nobody else replaces the record */
            store_put(images->db, STORE_KIND_IMAGE, id, &image_record_type, record, STORE_RELAXED, &err))
                mn_warn("noting the use of an image failed", " image=%s error=\"%s\"", id, mn_err_text(&err));
        if (can_write)
                pthread_mutex_unlock(&images->change);
}

void image_event(image_store *images, const char *action, const char *id, const char *name) {
        if (images->hooks.event)
                images->hooks.event(images->hooks.arg, action, id, name);
}

/* ---- layers ---- */

struct layer_record *image_layer_record(image_store *images, const char *diff_id, int64_t size) {
        struct layer_record *record = mn_map_get(images->layers, diff_id);
        if (record)
                return record;
        record = mn_alloc(sizeof(*record));
        record->arena = mn_arena_new();
        record->diff_id = mn_arena_strdup(record->arena, diff_id);
        record->size = size;
        mn_map_set(images->layers, diff_id, record);
        return record;
}

/* Waits for a collection that is under way: afterwards the layer is either gone or stays. */
void image_hold_layer(image_store *images, const char *diff_id, int64_t size) {
        image_change_begin(images);
        image_lock(images);
        image_layer_record(images, diff_id, size)->nholds++;
        image_unlock(images);
        image_change_end(images);
}

void image_release_layer(image_store *images, const char *diff_id) {
        image_lock(images);
        struct layer_record *record = mn_map_get(images->layers, diff_id);
        if (record && record->nholds)
                record->nholds--;
        image_unlock(images);
}

/* Ids of the layers nobody lists or holds, as keys. */
static mn_map *find_unused(image_store *images) {
        mn_map *unused = mn_map_new(NULL);
        struct layer_record *record;
        image_lock(images);
        for (size_t pos = 0; mn_map_next(images->layers, &pos, NULL, (void **) &record);)
                if (!record->nrefs && !record->nholds)
                        mn_map_set(unused, record->diff_id, images);
        image_unlock(images);
        return unused;
}

void image_drop_layers(image_store *images, const mn_map *diff_ids) {
        const char *diff_id;
        for (size_t pos = 0; mn_map_next(diff_ids, &pos, &diff_id, NULL);) {
                cleanup_err mn_err err = { 0 };
                image_lock(images);
                mn_map_remove(images->layers, diff_id);
                image_unlock(images);
                if (layer_store_remove(images->layers_on_disk, diff_id, &err))
                        mn_warn("removing a layer failed", " layer=%s error=\"%s\"", diff_id,
                                mn_err_text(&err));
        }
}

void image_collect_layers(image_store *images) {
        cleanup_map mn_map *unused = find_unused(images);
        cleanup_err mn_err err = { 0 };
        const char *diff_id;
        if (!mn_map_len(unused))
                return;
        cleanup_store_batch store_batch *batch = store_batch_new();
        for (size_t pos = 0; mn_map_next(unused, &pos, &diff_id, NULL);)
                store_batch_delete(batch, STORE_KIND_LAYER, diff_id);
        if (store_commit(images->db, batch, STORE_RELAXED, &err))
                mn_warn("removing layers failed", " error=\"%s\"", mn_err_text(&err));
        else
                image_drop_layers(images, unused);
}

/* ---- reading the state ---- */

static void remove_orphan(void *arg, const char *digest) {
        image_blob_remove(arg, digest);
}

static mn_status load_layers(image_store *images, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status st = store_list(images->db, STORE_KIND_LAYER, arena, &list, err);
        for (size_t i = 0; !st && i < list.len; i++) {
                struct layer_record *record = image_layer_record(images, list.items[i].id, 0);
                struct layer_record stored;
                st = mn_json_decode_text(&layer_record_type, list.items[i].text, list.items[i].len, NULL,
                                         record->arena, MN_UNKNOWN_IGNORE, &stored, err);
                record->size = stored.size;
                record->sources = stored.sources;
        }
        return st;
}

static mn_status load_images(image_store *images, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status st = store_list(images->db, STORE_KIND_IMAGE, arena, &list, err);
        for (size_t i = 0; !st && i < list.len; i++) {
                struct image_record *record = mn_alloc(sizeof(*record));
                mn_arena *own = mn_arena_new();
                st = mn_json_decode_text(&image_record_type, list.items[i].text, list.items[i].len, NULL, own,
                                         MN_UNKNOWN_IGNORE, record, err);
                record->arena = own;
                record->use_noted = record->last_used;
                mn_map_set(images->images, list.items[i].id, record);
                image_count_child(images, record, true);
                for (size_t k = record->manifests.len; k > 0; k--)
                        mn_map_set(images->by_manifest, record->manifests.items[k - 1].digest, record);
                for (char **id = record->layers; !st && id && *id; id++)
                        image_layer_record(images, *id, 0)->nrefs++;
        }
        return st;
}

static mn_status load_tags(image_store *images, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status st = store_list(images->db, STORE_KIND_TAG, arena, &list, err);
        for (size_t i = 0; !st && i < list.len; i++) {
                const char *full = list.items[i].id;
                struct tag_record tag = { 0 };
                st = mn_json_decode_text(&tag_record_type, list.items[i].text, list.items[i].len, NULL, arena,
                                         MN_UNKNOWN_IGNORE, &tag, err);
                struct image_record *record = tag.image ? mn_map_get(images->images, tag.image) : NULL;
                if (!record)
                        continue;
                mn_map_set(images->tags, full, record);
                mn_vec_push(&record->names, mn_arena_strdup(record->arena, full));
                if (tag.index && mn_digest_text_is_valid(tag.index))
                        image_index_attach(images, full,
                                           image_index_register(images, tag.index, tag.index_type));
        }
        return st;
}

/* A layer on disk that the database does not know was never finished. */
static void note_orphan(void *arg, const char *diff_id) {
        image_store *images = arg;
        image_layer_record(images, diff_id, 0);
}

static void warn_missing(image_store *images) {
        struct layer_record *record;
        for (size_t pos = 0; mn_map_next(images->layers, &pos, NULL, (void **) &record);)
                if (record->nrefs && !layer_store_has(images->layers_on_disk, record->diff_id, NULL))
                        mn_warn("a layer of an image is missing on disk", " layer=%s", record->diff_id);
}

static mn_status load(image_store *images, mn_err *err) {
        mn_status st = load_layers(images, err);
        if (!st)
                st = load_images(images, err);
        if (!st)
                st = load_tags(images, err);
        if (!st)
                st = layer_store_each(images->layers_on_disk, note_orphan, images, err);
        if (st)
                return mn_err_prefix(err, st, "reading the images");
        image_collect_layers(images);
        image_each_orphan_blob(images, remove_orphan, images); /* left by a crash before the commit */
        warn_missing(images);
        return MN_OK;
}

/* ---- open, close ---- */

mn_status image_store_open(const image_store_config *config, image_store **ret, mn_err *err) {
        image_store *images = mn_alloc(sizeof(*images));
        images->db = config->store;
        images->hooks = config->hooks;
        images->keeps_compressed = config->keeps_compressed;
        pthread_mutex_init(&images->change, NULL);
        pthread_mutex_init(&images->lock, NULL);
        images->images = mn_map_new(image_record_free);
        images->tags = mn_map_new(NULL);
        images->layers = mn_map_new(image_layer_record_free);
        images->init_layers = mn_map_new(free);
        images->by_manifest = mn_map_new(NULL);
        images->indexes = image_index_map_new();
        images->index_of_name = mn_map_new(NULL);
        images->listed = mn_map_new(NULL);
        images->attached = mn_map_new(NULL);
        images->children = mn_map_new(NULL);
        images->released = mn_map_new(NULL);
        cleanup_free char *blobs = mn_asprintf("%s/blobs", config->data_root);
        int r = mn_mkdir_p(blobs, 0700);
        images->blobs_fd = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        mn_status st = MN_OK;
        if (r < 0 || images->blobs_fd < 0)
                st = mn_fail_errno(err, r < 0 ? r : -errno, "opening \"%s\"", blobs);
        if (!st)
                st = layer_store_open(config->data_root,
                                      &(layer_options){ config->driver, config->driver_options,
                                                        config->unpack_path, config->decompress_path },
                                      &images->layers_on_disk, err);
        if (!st)
                st = load(images, err);
        if (st) {
                image_store_close(images);
                return st;
        }
        *ret = images;
        return MN_OK;
}

void image_store_close(image_store *images) {
        if (!images)
                return;
        layer_store_close(images->layers_on_disk);
        mn_map_free(images->tags);
        mn_map_free(images->images);
        mn_map_free(images->layers);
        mn_map_free(images->init_layers);
        mn_map_free(images->by_manifest);
        mn_map_free(images->index_of_name);
        mn_map_free(images->indexes);
        mn_map_free(images->listed);
        mn_map_free(images->attached);
        mn_map_free(images->children);
        mn_map_free(images->released);
        mn_close(images->blobs_fd);
        pthread_mutex_destroy(&images->change);
        pthread_mutex_destroy(&images->lock);
        free(images);
}

void image_store_set_hooks(image_store *images, const image_hooks *hooks) {
        images->hooks = *hooks;
}

void image_store_keep_compressed(image_store *images, bool keeps) {
        images->keeps_compressed = keeps;
}

const char *image_store_driver(const image_store *images) {
        return layer_store_driver(images->layers_on_disk);
}

struct decompress_pool *image_store_decompressors(const image_store *images) {
        return layer_store_decompressors(images->layers_on_disk);
}

const char *image_store_backing(const image_store *images) {
        return layer_store_backing(images->layers_on_disk);
}

const char *image_store_place(const image_store *images) {
        return layer_store_place(images->layers_on_disk);
}
