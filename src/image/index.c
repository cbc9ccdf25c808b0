/* SPDX-License-Identifier: Apache-2.0 */
#include "image/index.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

enum { ATTESTATION_BLOBS_MAX = 64 };

/* ---- documents ---- */

static const char *annotation(const oci_descriptor *d, const char *key) {
        return mn_str_map_get(&d->annotations, key);
}

enum index_kind image_index_kind(const oci_descriptor *d) {
        bool is_manifest = d->media_type && oci_media_is_manifest(d->media_type);
        if (is_manifest && mn_str_equal(annotation(d, INDEX_REFERENCE_TYPE), "attestation-manifest"))
                return INDEX_ATTESTATION;
        bool is_unknown = d->platform && mn_str_equal(d->platform->os, "unknown");
        return is_manifest && !is_unknown && !d->artifact_type ? INDEX_IMAGE : INDEX_UNKNOWN;
}

mn_status image_index_parse(const char *text, size_t len, mn_arena *arena, struct index_entry **ret,
                            size_t *ret_n, mn_err *err) {
        oci_document document;
        mn_status st = oci_document_decode(text, len, NULL, arena, &document, err);
        if (!st && document.kind != OCI_INDEX)
                st = mn_fail(err, MN_INVALID, "document is no index");
        if (st)
                return st;
        struct index_entry *entries = mn_arena_array(arena, document.manifests.len + 1, sizeof(*entries));
        for (size_t i = 0; i < document.manifests.len; i++) {
                const oci_descriptor *d = &document.manifests.items[i];
                entries[i] = (struct index_entry){ .digest = d->digest, .kind = image_index_kind(d) };
                if (entries[i].kind == INDEX_IMAGE && d->platform)
                        image_platform_set(d->platform->os, d->platform->architecture, d->platform->variant,
                                           &entries[i].platform);
                if (entries[i].kind == INDEX_ATTESTATION)
                        entries[i].subject = annotation(d, INDEX_REFERENCE_DIGEST);
        }
        *ret = entries;
        *ret_n = document.manifests.len;
        return MN_OK;
}

int image_index_fit(const struct index_entry *entry, const image_platform *platform) {
        if (entry->kind != INDEX_IMAGE)
                return 0;
        return *entry->platform.os ? image_platform_fit(platform, &entry->platform) : 1;
}

mn_status image_attestation_blobs(const char *digest, const char *text, size_t len, mn_arena *arena,
                                  const char ***ret, size_t *ret_n, mn_err *err) {
        oci_document document;
        mn_status st = oci_document_decode(text, len, NULL, arena, &document, err);
        if (!st && document.kind != OCI_MANIFEST)
                st = mn_fail(err, MN_INVALID, "attestation is no manifest");
        if (!st && document.layers.len > ATTESTATION_BLOBS_MAX)
                st = mn_fail(err, MN_INVALID, "attestation has %zu statements, more than %d",
                             document.layers.len, ATTESTATION_BLOBS_MAX);
        if (st)
                return st;
        const char **blobs = mn_arena_array(arena, document.layers.len + 3, sizeof(*blobs));
        size_t n = 0;
        blobs[n++] = mn_arena_strdup(arena, digest);
        if (document.config)
                blobs[n++] = document.config->digest;
        for (size_t i = 0; i < document.layers.len; i++)
                blobs[n++] = document.layers.items[i].digest;
        *ret = blobs;
        *ret_n = n;
        return MN_OK;
}

/* ---- records ---- */

static void free_record(void *p) {
        struct index_record *index = p;
        mn_arena_free(index->arena);
        free(index);
}

mn_map *image_index_map_new(void) {
        return mn_map_new(free_record);
}

/* Adds what is here of an attestation: nothing unless its manifest is. */
static void note_attestation(image_store *images, struct index_record *index, const char *digest) {
        cleanup_arena mn_arena *scratch = mn_arena_new();
        const char *text, **blobs;
        size_t len, n;
        if (image_blob_size(images, digest) < 0 ||
            image_blob_read(images, digest, scratch, &text, &len, NULL) ||
            image_attestation_blobs(digest, text, len, scratch, &blobs, &n, NULL))
                return;
        const char **all = mn_arena_array(index->arena, index->nblobs + n + 1, sizeof(*all));
        if (index->nblobs)
                memcpy(all, index->blobs, index->nblobs * sizeof(*all));
        for (size_t i = 0; i < n; i++)
                if (image_blob_size(images, blobs[i]) >= 0)
                        all[index->nblobs++] = mn_arena_strdup(index->arena, blobs[i]);
        index->blobs = all;
}

static void note_attestations(image_store *images, struct index_record *index) {
        for (size_t i = 0; i < index->nentries; i++)
                if (index->entries[i].kind == INDEX_ATTESTATION)
                        note_attestation(images, index, index->entries[i].digest);
}

/* Counts the manifests of all indexes, for image_index_lists. */
static void count_entries(image_store *images, const struct index_record *index, bool is_up) {
        for (size_t i = 0; i < index->nentries; i++)
                (void) image_count_in(images->listed, index->entries[i].digest, is_up);
}

static void count_blobs(image_store *images, const struct index_record *index, bool is_up) {
        for (size_t i = 0; i < index->nblobs; i++)
                (void) image_count_in(images->attached, index->blobs[i], is_up);
}

/* The document itself is on the disk: memory has what is looked at often. */
static void copy_entries(struct index_record *index, const struct index_entry *entries, size_t n) {
        index->nentries = n;
        index->entries = mn_arena_array(index->arena, n + 1, sizeof(*index->entries));
        for (size_t i = 0; i < n; i++) {
                index->entries[i] = entries[i];
                index->entries[i].digest = mn_arena_strdup(index->arena, entries[i].digest);
                index->entries[i].subject = mn_arena_strdup(index->arena, entries[i].subject);
        }
}

struct index_record *image_index_register(image_store *images, const char *digest, const char *media_type) {
        struct index_record *index = mn_map_get(images->indexes, digest);
        if (index) { /* more of it may have come */
                count_blobs(images, index, false);
                index->nblobs = 0;
                note_attestations(images, index);
                count_blobs(images, index, true);
                return index;
        }
        cleanup_err mn_err err = { 0 };
        cleanup_arena mn_arena *scratch = mn_arena_new();
        struct index_entry *entries = NULL;
        const char *text;
        size_t len, n = 0;
        mn_status st = image_blob_read(images, digest, scratch, &text, &len, &err);
        if (!st)
                st = image_index_parse(text, len, scratch, &entries, &n, &err);
        if (st) {
                mn_warn("an index is unusable", " digest=%s error=\"%s\"", digest, mn_err_text(&err));
                return NULL;
        }
        index = mn_alloc(sizeof(*index));
        index->arena = mn_arena_new();
        copy_entries(index, entries, n);
        index->digest = mn_arena_strdup(index->arena, digest);
        index->media_type = mn_arena_strdup(index->arena, media_type);
        note_attestations(images, index);
        count_entries(images, index, true);
        count_blobs(images, index, true);
        mn_map_set(images->indexes, digest, index);
        return index;
}

struct index_record *image_index_of(image_store *images, const char *full) {
        return mn_map_get(images->index_of_name, full);
}

static void drop(image_store *images, struct index_record *index) {
        index = mn_map_take(images->indexes, index->digest);
        count_entries(images, index, false);
        count_blobs(images, index, false);
        image_document_release(images, index->digest);
        for (size_t i = 0; i < index->nblobs; i++)
                image_document_release(images, index->blobs[i]);
        free_record(index);
}

void image_index_attach(image_store *images, const char *full, struct index_record *index) {
        struct index_record *old = image_index_of(images, full);
        if (old == index)
                return;
        if (index) {
                index->nnames++;
                mn_map_set(images->index_of_name, full, index);
        } else {
                mn_map_remove(images->index_of_name, full);
        }
        if (old && !--old->nnames)
                drop(images, old);
}

/* ---- images of an index ---- */

bool image_index_lists(image_store *images, const struct image_record *record) {
        for (size_t i = 0; i < record->manifests.len; i++)
                if (mn_map_has(images->listed, record->manifests.items[i].digest))
                        return true;
        return false;
}

bool image_index_has(const struct index_record *index, const struct image_record *record,
                     const struct index_entry **ret) {
        for (size_t i = 0; index && i < index->nentries; i++)
                for (size_t k = 0; k < record->manifests.len; k++)
                        if (!strcmp(index->entries[i].digest, record->manifests.items[k].digest)) {
                                if (ret)
                                        *ret = &index->entries[i];
                                return true;
                        }
        return false;
}

struct image_record *image_index_image(image_store *images, const struct index_entry *entry) {
        struct image_record *record = mn_map_get(images->by_manifest, entry->digest);
        return record && !record->is_hidden ? record : NULL;
}

struct image_record *image_index_choose(image_store *images, const struct index_record *index,
                                        const image_platform *platform, bool takes_any) {
        struct image_record *best = NULL;
        int best_fit = 0;
        for (size_t i = 0; i < index->nentries; i++) {
                struct image_record *record = image_index_image(images, &index->entries[i]);
                int fit = record ? image_index_fit(&index->entries[i], platform) : 0;
                fit = record && takes_any ? fit + 1 : fit;
                if (fit > best_fit) {
                        best = record;
                        best_fit = fit;
                }
        }
        return best;
}
