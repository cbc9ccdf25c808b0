/* SPDX-License-Identifier: Apache-2.0 */
/* The store as pull, push and save see it (image/ingest.h). */

#include "image/ingest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"
#include "image/index.h"
#include "image/layer_blob.h"
#include "image/platform.h"
#include "image/store_export.h"
#include "image/store_private.h"
#include "sys/fd.h"

enum { READ_SIZE = 256 << 10 };

/* Layers a session holds. Several threads add to one. */
struct session {
        pthread_mutex_t lock;
        char **held; /* diff ids */
};

struct layer_store *image_store_layers(struct image_store *images) {
        return images->layers_on_disk;
}

void image_store_event(struct image_store *images, const char *action, const char *id, const char *name) {
        image_event(images, action, id, name);
}

/* ---- sessions ---- */

static mn_status begin(void *object, void **ret, mn_err *err) {
        (void) object;
        (void) err;
        struct session *s = mn_alloc(sizeof(*s));
        pthread_mutex_init(&s->lock, NULL);
        *ret = s;
        return MN_OK;
}

static void end(void *object, void *session) {
        struct session *s = session;
        for (char **id = s->held; id && *id; id++)
                image_release_layer(object, *id);
        image_change_begin(object);
        image_collect_layers(object);
        image_change_end(object);
        mn_strv_free(s->held);
        pthread_mutex_destroy(&s->lock);
        free(s);
}

/* The hold is taken before looking, so that nobody removes the layer in between. */
static void hold(image_store *images, struct session *s, const char *diff_id, int64_t size) {
        image_hold_layer(images, diff_id, size);
        pthread_mutex_lock(&s->lock);
        mn_strv_add(&s->held, diff_id);
        pthread_mutex_unlock(&s->lock);
}

/* A blob that is the tar itself needs no copy. */
static bool wants_copy(const image_store *images, const char *diff_id, const char *digest) {
        return images->keeps_compressed && digest && strcmp(digest, diff_id) != 0;
}

static bool is_here(image_store *images, const char *diff_id, const char *digest) {
        return layer_store_has(images->layers_on_disk, diff_id, NULL) &&
               (!wants_copy(images, diff_id, digest) ||
                layer_blob_has(images->layers_on_disk, diff_id, digest));
}

static bool has_layer(void *object, void *session, const char *diff_id, const char *digest) {
        image_store *images = object;
        if (!is_here(images, diff_id, digest))
                return false;
        hold(images, session, diff_id, 0);
        return is_here(images, diff_id, digest);
}

static mn_status feed_file(layer_writer *w, const image_ingest_layer *layer, mn_err *err) {
        cleanup_free char *buffer = mn_alloc(READ_SIZE);
        int64_t done = 0;
        mn_status st = MN_OK;
        while (!st) {
                int64_t n = layer->wait(layer->arg, done);
                if (n > 0)
                        n = mn_read_full(layer->fd, buffer, (size_t) MN_MIN(n, (int64_t) READ_SIZE));
                if (n < 0)
                        return mn_fail_errno(err, (int) n, "reading layer %s", layer->digest);
                if (n == 0)
                        break;
                st = layer_writer_feed(w, buffer, (size_t) n, err);
                done += n;
                if (layer->report)
                        layer->report(layer->arg, done);
        }
        return st ? st : layer_writer_finish(w, err);
}

static mn_status add_layer(void *object, void *session, const image_ingest_layer *layer, mn_err *err) {
        image_store *images = object;
        layer_writer *w;
        mn_status st = layer_writer_new(images->layers_on_disk, layer->diff_id, &w, err);
        if (st)
                return st;
        st = feed_file(w, layer, err);
        if (!st) {
                hold(images, session, layer->diff_id, layer_writer_size(w));
                st = layer_writer_commit(w, err);
        }
        if (!st && wants_copy(images, layer->diff_id, layer->digest)) {
                int r = layer_blob_keep(images->layers_on_disk, layer->diff_id, layer->digest, layer->fd);
                if (r < 0)
                        st = mn_fail_errno(err, r, "keeping the compressed layer %s", layer->digest);
        }
        layer_writer_free(w);
        return st;
}

/* ---- images ---- */

/* "repo:tag" and "repo@digest" of what was asked for; either may be missing. */
static char **references_of(const image_ingest_image *image, mn_arena *arena) {
        char **list = mn_arena_array(arena, 3, sizeof(*list));
        char text[MN_REFERENCE_TEXT_SIZE];
        size_t n = 0;
        if (!image->reference)
                return list;
        mn_reference ref = *image->reference;
        if (*ref.tag) {
                ref.digest[0] = '\0';
                list[n++] = mn_arena_strdup(arena, mn_reference_text(&ref, text));
        }
        if (!mn_str_is_empty(image->repo_digest)) {
                ref.tag[0] = '\0';
                memcpy(ref.digest, image->repo_digest, strlen(image->repo_digest) + 1);
                list[n++] = mn_arena_strdup(arena, mn_reference_text(&ref, text));
        }
        return list;
}

static struct image_document document_of(const image_ingest_document *d) {
        return d->data ? (struct image_document){ d->media_type, d->digest, d->data, d->len }
                       : (struct image_document){ 0 };
}

static const struct image_document *documents_of(const image_ingest_document *list, size_t n,
                                                 mn_arena *arena) {
        struct image_document *documents = mn_arena_array(arena, n + 1, sizeof(*documents));
        for (size_t i = 0; i < n; i++)
                documents[i] = document_of(&list[i]);
        return documents;
}

/* What a check has taken away is pulled again. */
static bool is_whole(image_store *images, const struct image_record *record,
                     const image_ingest_image *image) {
        bool is = image_has_documents(images, record) &&
                  (!image->index.data || image_blob_size(images, image->index.digest) >= 0);
        for (char **id = record->layers; is && id && *id; id++)
                is = layer_store_has(images->layers_on_disk, *id, NULL);
        return is;
}

static bool is_current(void *object, const image_ingest_image *image) {
        image_store *images = object;
        cleanup_arena mn_arena *arena = mn_arena_new();
        bool is = true;
        image_lock(images);
        const struct image_record *record = mn_map_get(images->images, image->config.digest);
        is = record && !record->is_hidden && is_whole(images, record, image) &&
             (!image->signers || !image->signers->len || record->signers.len);
        for (char **full = references_of(image, arena); is && *full; full++) {
                const struct index_record *index = image_index_of(images, *full);
                is = image->index.data ? index && !strcmp(index->digest, image->index.digest) &&
                                                 image_index_has(index, record, NULL)
                                       : !index && mn_map_get(images->tags, *full) == record;
        }
        image_unlock(images);
        return is;
}

static mn_status commit(void *object, void *session, const image_ingest_image *image, bool *ret_is_new,
                        mn_err *err) {
        (void) session;
        cleanup_arena mn_arena *arena = mn_arena_new();
        char id[IMAGE_ID_SIZE];
        const struct image_add_spec spec = {
                .config = image->config.data,
                .config_len = image->config.len,
                .manifest = document_of(&image->manifest),
                .index = document_of(&image->index),
                .attachments = documents_of(image->attachments, image->nattachments, arena),
                .nattachments = image->nattachments,
                .parent = image->parent,
                .signers = image->signers,
                .references = references_of(image, arena),
        };
        return image_add(object, &spec, id, ret_is_new, err);
}

static const char *find(void *object, const mn_reference *reference, const char *platform, mn_arena *arena) {
        image_store *images = object;
        char text[MN_REFERENCE_TEXT_SIZE];
        mn_reference ref = *reference;
        image_platform wanted;
        if (*ref.digest)
                ref.tag[0] = '\0';
        mn_reference_text(&ref, text);
        image_lock(images);
        const struct image_record *record = mn_map_get(images->tags, text), *other = NULL;
        const struct index_record *index = image_index_of(images, text);
        if (index && !mn_str_is_empty(platform) && !image_platform_parse(platform, &wanted, NULL))
                other = image_index_choose(images, index, &wanted, false);
        record = other ? other : record;
        const char *id = mn_arena_strdup(arena, record && !record->is_hidden ? record->id : "");
        image_unlock(images);
        return id;
}

static int compare_text(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static char **list_tags(void *object, const mn_reference *repository, mn_arena *arena) {
        image_store *images = object;
        const char *full;
        size_t n = 0;
        image_lock(images);
        char **tags = mn_arena_array(arena, mn_map_len(images->tags) + 1, sizeof(*tags));
        for (size_t pos = 0; mn_map_next(images->tags, &pos, &full, NULL);) {
                mn_reference ref;
                if (!mn_reference_parse(full, &ref, NULL) && *ref.tag &&
                    mn_reference_same_repository(&ref, repository))
                        tags[n++] = mn_arena_strdup(arena, ref.tag);
        }
        image_unlock(images);
        qsort(tags, n, sizeof(*tags), compare_text);
        return tags;
}

/* ---- where compressed layers are ---- */

static mn_status save_layer(image_store *images, const struct layer_record *layer, mn_err *err) {
        return store_put(images->db, STORE_KIND_LAYER, layer->diff_id, &layer_record_type, layer,
                         STORE_RELAXED, err);
}

static void note_source(void *object, const char *diff_id, const image_blob_source *source) {
        image_store *images = object;
        cleanup_err mn_err err = { 0 };
        mn_status st = MN_OK;
        image_change_begin(images);
        image_lock(images);
        struct layer_record *layer = mn_map_get(images->layers, diff_id);
        size_t i = 0;
        while (layer && i < layer->sources.len &&
               (strcmp(layer->sources.items[i].repository, source->repository) != 0 ||
                strcmp(layer->sources.items[i].digest, source->digest) != 0))
                i++;
        bool is_new = layer && i == layer->sources.len;
        if (is_new) {
                struct layer_source *items = mn_arena_array(layer->arena, i + 1, sizeof(*items));
                if (i)
                        memcpy(items, layer->sources.items, i * sizeof(*items));
                items[i] = (struct layer_source){ mn_arena_strdup(layer->arena, source->repository),
                                                  mn_arena_strdup(layer->arena, source->digest),
                                                  mn_arena_strdup(layer->arena, source->media_type),
                                                  source->size_bytes };
                layer->sources.items = items;
                layer->sources.len = i + 1;
        }
        image_unlock(images);
        if (is_new)
                st = save_layer(images, layer, &err);
        image_change_end(images);
        if (st)
                mn_warn("remembering where a layer is failed", " layer=%s error=\"%s\"", diff_id,
                        mn_err_text(&err));
}

static size_t list_sources(void *object, const char *diff_id, mn_arena *arena, image_blob_source **ret) {
        image_store *images = object;
        image_lock(images);
        const struct layer_record *layer = mn_map_get(images->layers, diff_id);
        size_t n = layer ? layer->sources.len : 0;
        image_blob_source *list = mn_arena_array(arena, n + 1, sizeof(*list));
        for (size_t i = 0; i < n; i++) {
                const struct layer_source *s = &layer->sources.items[i];
                list[i] = (image_blob_source){ mn_arena_strdup(arena, s->repository),
                                               mn_arena_strdup(arena, s->digest),
                                               mn_arena_strdup(arena, s->media_type), s->size };
        }
        image_unlock(images);
        *ret = list;
        return n;
}

/* A pushed image has the digest of its manifest in that repository as a name. */
static void note_push(void *object, const mn_reference *reference, const char *digest) {
        image_store *images = object;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        char text[MN_REFERENCE_TEXT_SIZE], id[IMAGE_ID_SIZE];
        const char *found = find(object, reference, NULL, arena);
        if (!*found || strlen(digest) > MN_DIGEST_TEXT_MAX)
                return;
        mn_reference ref = *reference;
        ref.tag[0] = '\0';
        memcpy(ref.digest, digest, strlen(digest) + 1);
        char *references[] = { mn_arena_strdup(arena, mn_reference_text(&ref, text)), NULL };
        struct image_add_spec spec = { .references = references };
        image_lock(images);
        const struct index_record *index = mn_map_get(images->indexes, digest);
        if (index)
                spec.index = (struct image_document){
                        .digest = digest, .media_type = mn_arena_strdup(arena, index->media_type)
                };
        image_unlock(images);
        mn_status st = image_blob_read(images, found, arena, &spec.config, &spec.config_len, &err);
        if (!st)
                st = image_add(images, &spec, id, NULL, &err);
        if (st)
                mn_warn("remembering a pushed digest failed", " error=\"%s\"", mn_err_text(&err));
}

const image_ingest_ops image_store_ingest_ops = {
        .begin = begin,
        .has_layer = has_layer,
        .add_layer = add_layer,
        .commit = commit,
        .end = end,
        .note_source = note_source,
        .list_sources = list_sources,
        .note_push = note_push,
        .is_current = is_current,
        .find = find,
        .list_tags = list_tags,
        .export = store_export_image,
        .export_index = store_export_index,
        .open_layer = store_export_open_layer,
        .open_blob = store_export_open_blob,
};
