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

/* ---- records ---- */

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

static void free_image(void *p) {
        struct image_record *record = p;
        mn_vec_release(&record->names);
        mn_arena_free(record->arena);
        free(record);
}

static void free_layer(void *p) {
        struct layer_record *record = p;
        mn_arena_free(record->arena);
        free(record);
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

/* ---- blobs ---- */

/* Path below blobs/: "sha256/<hex>". The digest was checked, so the name is ours. */
static void blob_name(const char *digest, char name[MN_DIGEST_SIZE]) {
        memcpy(name, digest, strlen(digest) + 1);
        name[strcspn(name, ":")] = '/';
}

mn_status image_blob_read(image_store *images, const char *digest, mn_arena *arena, const char **ret,
                          size_t *ret_len, mn_err *err) {
        char name[MN_DIGEST_SIZE], found[MN_DIGEST_SIZE];
        cleanup_free char *text = NULL;
        size_t len = 0;
        blob_name(digest, name);
        int r = mn_file_read(images->blobs_fd, name, OCI_DOCUMENT_MAX, &text, &len);
        if (r < 0)
                return mn_err_prefix(err, MN_INTERNAL, "blob %s (%s)", digest, mn_strerror(r));
        cleanup_digest mn_digest *d = mn_digest_new(mn_digest_algorithm_of(digest));
        mn_digest_update(d, text, len);
        if (strcmp(mn_digest_finish(d, found), digest) != 0)
                return mn_fail(err, MN_INTERNAL, "blob %s is damaged", digest);
        *ret = mn_arena_strndup(arena, text, len);
        *ret_len = len;
        return MN_OK;
}

mn_status image_blob_write(image_store *images, const char *digest, const void *data, size_t len,
                           mn_err *err) {
        char name[MN_DIGEST_SIZE];
        blob_name(digest, name);
        char folder[8] = { 0 };
        memcpy(folder, name, strcspn(name, "/"));
        if (mkdirat(images->blobs_fd, folder, 0700) < 0 && errno != EEXIST)
                return mn_fail_errno(err, -errno, "storing blob %s", digest);
        cleanup_close int dir = openat(images->blobs_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const char *hex = strchr(name, '/') + 1;
        if (dir >= 0 && faccessat(dir, hex, F_OK, 0) == 0)
                return MN_OK;
        int r = dir < 0 ? -errno : mn_file_write_atomic(dir, hex, data, len, 0600);
        return r < 0 ? mn_fail_errno(err, r, "storing blob %s", digest) : MN_OK;
}

void image_blob_remove(image_store *images, const char *digest) {
        char name[MN_DIGEST_SIZE];
        if (mn_str_is_empty(digest))
                return;
        blob_name(digest, name);
        unlinkat(images->blobs_fd, name, 0);
}

int64_t image_blob_disk_size(image_store *images, const char *digest) {
        char name[MN_DIGEST_SIZE];
        struct stat st;
        blob_name(digest, name);
        return fstatat(images->blobs_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t) st.st_blocks * 512
                                                                              : 0;
}

int64_t image_blob_size(image_store *images, const char *digest) {
        char name[MN_DIGEST_SIZE];
        struct stat st;
        blob_name(digest, name);
        return fstatat(images->blobs_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

static void remove_orphan(void *arg, const char *digest) {
        image_blob_remove(arg, digest);
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

/* Takes one unused layer out of the memory: its id (heap), NULL when there is none. */
static char *take_unused(image_store *images) {
        char *diff_id = NULL;
        struct layer_record *record;
        image_lock(images);
        for (size_t pos = 0; !diff_id && mn_map_next(images->layers, &pos, NULL, (void **) &record);)
                if (!record->nrefs && !record->nholds)
                        diff_id = mn_strdup(record->diff_id);
        if (diff_id)
                mn_map_remove(images->layers, diff_id);
        image_unlock(images);
        return diff_id;
}

void image_collect_layers(image_store *images) {
        for (char *diff_id; (diff_id = take_unused(images)); free(diff_id)) {
                cleanup_err mn_err err = { 0 };
                mn_status st = store_delete(images->db, STORE_KIND_LAYER, diff_id, STORE_RELAXED, &err);
                if (!st)
                        st = layer_store_remove(images->layers_on_disk, diff_id, &err);
                if (st)
                        mn_warn("removing a layer failed", " layer=%s error=\"%s\"", diff_id,
                                mn_err_text(&err));
        }
}

/* ---- reading the state ---- */

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
        pthread_mutex_init(&images->change, NULL);
        pthread_mutex_init(&images->lock, NULL);
        images->images = mn_map_new(free_image);
        images->tags = mn_map_new(NULL);
        images->layers = mn_map_new(free_layer);
        images->init_layers = mn_map_new(free);
        images->by_manifest = mn_map_new(NULL);
        images->indexes = image_index_map_new();
        images->index_of_name = mn_map_new(NULL);
        images->listed = mn_map_new(NULL);
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
        mn_close(images->blobs_fd);
        pthread_mutex_destroy(&images->change);
        pthread_mutex_destroy(&images->lock);
        free(images);
}

void image_store_set_hooks(image_store *images, const image_hooks *hooks) {
        images->hooks = *hooks;
}

const char *image_store_driver(const image_store *images) {
        return layer_store_driver(images->layers_on_disk);
}

const char *image_store_decompressor(const image_store *images) {
        return layer_store_decompressor(images->layers_on_disk);
}

const char *image_store_backing(const image_store *images) {
        return layer_store_backing(images->layers_on_disk);
}

const char *image_store_place(const image_store *images) {
        return layer_store_place(images->layers_on_disk);
}
