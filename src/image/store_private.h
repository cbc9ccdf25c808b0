/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The image store's state, shared by the files that implement image/image.h.
 *
 * Two locks: `change` is held by whoever changes the store, across the disk and the database; `lock` protects
 * the memory and is held for moments. A change is made durable first and then applied under `lock`, so
 * readers see all of it or nothing.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/vec.h"
#include "image/image.h"
#include "image/layer.h"
#include "image/policy_signer.h"
#include "store/store.h"

#define STORE_KIND_IMAGE "image"
#define STORE_KIND_TAG "tag"
#define STORE_KIND_LAYER "layer"

/* A manifest the image came with, whose blob is kept. */
struct image_manifest {
        char *digest;
        char *media_type;
};

/* One image, as the database has it (upper part). */
struct image_record {
        char *id; /* "sha256:<hex>", also the digest of its configuration's blob */
        char **layers;
        char *parent; /* id of the image it was committed from, "" */
        int64_t created;
        int64_t size;
        int64_t last_tagged;
        int64_t last_used;
        mn_str_map labels;
        MN_LIST(struct image_manifest) manifests; /* the newest first */
        policy_signer_list signers;
        int64_t use_noted; /* the last use the database knows */
        bool is_hidden;    /* removed by force while containers used it */

        mn_arena *arena; /* holds all of the above */
        size_t npins;
        bool is_leaving;            /* is being removed: cannot be pinned */
        MN_VEC(const char *) names; /* keys of the tags that point here */
};

struct layer_source {
        char *repository;
        char *digest;
        char *media_type;
        int64_t size;
};

struct layer_record {
        char *diff_id;
        int64_t size;
        MN_LIST(struct layer_source) sources;

        mn_arena *arena;
        size_t nrefs;  /* images that list it, each occurrence counted */
        size_t nholds; /* sessions and loads that count on it */
};

struct image_store {
        store *db;
        layer_store *layers_on_disk;
        int blobs_fd;
        image_hooks hooks;
        atomic_bool keeps_compressed;
        pthread_mutex_t change;
        pthread_mutex_t lock;
        mn_map *images;        /* id -> struct image_record * */
        mn_map *tags;          /* full reference with tag or digest -> struct image_record *, borrowed */
        mn_map *layers;        /* diff id -> struct layer_record * */
        mn_map *by_manifest;   /* digest of a manifest -> struct image_record *, borrowed */
        mn_map *indexes;       /* digest -> struct index_record * (index.h) */
        mn_map *index_of_name; /* full reference -> struct index_record *, borrowed */
        mn_map *listed;        /* digest of a manifest -> how many indexes list it */
        mn_map *attached;      /* digest of an attestation's document -> how many indexes have it */
        mn_map *children;      /* image id -> how many images have it as parent */
        mn_map *released;      /* digests of documents somebody ceased to name */
        mn_map *init_layers;   /* image id -> diff id of its init layer (heap) */
};

/* What the database has of a name. */
struct tag_record {
        char *image;
        char *index; /* digest of the index the name came with; "" or NULL: none */
        char *index_type;
};

/* JSON tables of the records. */
extern const mn_type image_record_type, layer_record_type, tag_record_type;

/* For maps that own records. */
void image_record_free(void *record);
void image_layer_record_free(void *record);

/* ---- store.c ---- */

void image_lock(image_store *images);
void image_unlock(image_store *images);
void image_change_begin(image_store *images);
void image_change_end(image_store *images);

/* A container began or ended to use the image. The database learns of it once a minute at most, and only when
   nobody else is changing the store. */
void image_note_use(image_store *images, const char *id);

/* Tells the event hook, if there is one. */
void image_event(image_store *images, const char *action, const char *id, const char *name);

/* ---- store_blobs.c ---- */

/* A document that came with an image, kept byte for byte. */
struct image_document {
        const char *media_type;
        const char *digest;
        const char *data; /* NULL: there is none */
        size_t len;
};

/* Documents written, but not permanent yet. */
typedef MN_VEC(char *) image_blob_batch;

/* A blob's text; a missing or wrong one is MN_INTERNAL. */
mn_status image_blob_read(image_store *images, const char *digest, mn_arena *arena, const char **ret,
                          size_t *ret_len, mn_err *err) MN_MUST_USE;

/* Writes a document that is not there yet. With `change`. */
mn_status image_blob_write(image_store *images, const struct image_document *d, image_blob_batch *batch,
                           mn_err *err) MN_MUST_USE;

/* Makes the documents of the batch permanent: before the database names them. */
mn_status image_blobs_sync(image_store *images, const image_blob_batch *batch, mn_err *err) MN_MUST_USE;

/* Ends the batch; its documents are removed when nobody came to name them. */
void image_blobs_release(image_store *images, image_blob_batch *batch, bool drops);

void image_blob_remove(image_store *images, const char *digest);
/* Bytes of the blob, -1 when it is not here. */
int64_t image_blob_size(image_store *images, const char *digest);

/* True when the image's documents are on the disk: what a check has taken away comes back with the next pull
   or load. */
bool image_has_documents(image_store *images, const struct image_record *record);

/* What it takes on the disk; 0 when it is not here. */
int64_t image_blob_disk_size(image_store *images, const char *digest);

/* Somebody ceased to name the document. With `lock`. */
void image_document_release(image_store *images, const char *digest);

/* Removes the documents released that nobody names any more. With `change`. */
void image_collect_documents(image_store *images);

/* Digests of the documents that images and indexes name, as keys. With `lock`. */
mn_map *image_known_blobs(image_store *images);

/* Files among the documents that nobody names. With `change`, or before anybody else is there. */
void image_each_orphan_blob(image_store *images, void (*each)(void *arg, const char *digest), void *arg);

/* ---- store.c ---- */

/* The layer's record, made when missing. With `lock`. */
struct layer_record *image_layer_record(image_store *images, const char *diff_id, int64_t size);

/* Keeps layers from being collected: counts up or down. Missing ones are ignored. Holding takes `change`. */
void image_hold_layer(image_store *images, const char *diff_id, int64_t size);
void image_release_layer(image_store *images, const char *diff_id);

/* Removes layers nobody lists or holds. With `change`. */
void image_collect_layers(image_store *images);

/* Removes layers the database does not name any more (the keys), from the memory and the disk. With `change`.
 */
void image_drop_layers(image_store *images, const mn_map *diff_ids);

/* ---- store_add.c ---- */

struct image_add_spec {
        const char *config; /* text; its digest is the id */
        size_t config_len;
        struct image_document manifest;
        struct image_document index;              /* data NULL and a digest: one that is here already */
        const struct image_document *attachments; /* documents of the index's attestations */
        size_t nattachments;
        const char *parent;
        const policy_signer_list *signers; /* NULL or empty: nobody looked */
        char *const *references; /* full texts with tag or digest, to point to the image; may be NULL */
};

/* An image has so many manifests, the newest. */
enum { IMAGE_MANIFESTS_MAX = 16 };

/* What the image's record is with what comes now; `old` is the one it has, NULL when it is new. Strings go to
   the arena of `ret`. MN_INVALID when a layer is missing. */
mn_status image_record_make(image_store *images, const struct image_add_spec *spec, const char *id,
                            const struct image_record *old, struct image_record *ret,
                            mn_err *err) MN_MUST_USE;

/* True when the record says the same of who signed, or nobody looked now. */
bool image_record_has_signers(const struct image_add_spec *spec, const struct image_record *record);

/* Adds an image whose layers are all on disk, and its references, at once or not at all. `*ret_is_new` (may
   be NULL) is false when nothing changed. Takes `change`. */
mn_status image_add(image_store *images, const struct image_add_spec *spec, char ret_id[IMAGE_ID_SIZE],
                    bool *ret_is_new, mn_err *err) MN_MUST_USE;

/* Adds several in few commits of the database: each has all of them, or those that do not need what an
   earlier one brings. After an error those of the commits before are there. Takes `change`. */
mn_status image_add_all(image_store *images, const struct image_add_spec *const *specs, size_t n,
                        mn_err *err) MN_MUST_USE;

/* Makes the name, which keeps its index, point to the image, in memory. With `lock`. */
void image_point(image_store *images, const char *full, struct image_record *to);

/* Counts the image's parent as one that has a child more, or less. With `lock`. */
void image_count_child(image_store *images, const struct image_record *record, bool is_up);

/* Counts in a map of numbers, up or down; what comes to nothing is removed. The new number. */
uintptr_t image_count_in(mn_map *counts, const char *key, bool is_up);

/* ---- lookup.c ---- */

/* The record a user's name means. With `lock`. MN_NOT_FOUND, MN_INVALID. */
mn_status image_find(image_store *images, const char *name, struct image_record **ret,
                     mn_err *err) MN_MUST_USE;

/* The same for the image of that name for a platform ("os[/arch[/variant]]"; NULL or "": the one the name
   points to). MN_NOT_FOUND in Docker's words when the name has none. */
mn_status image_find_platform(image_store *images, const char *name, const char *platform,
                              struct image_record **ret, mn_err *err) MN_MUST_USE;

/* Full reference of "repo" and "tag" as the API gives them; MN_INVALID. */
mn_status image_reference(const char *repository, const char *tag, char ret[MN_REFERENCE_TEXT_SIZE],
                          mn_err *err) MN_MUST_USE;

/* Familiar form of a full reference ("busybox:latest"); NULL in the arena never. */
char *image_familiar(const char *full, mn_arena *arena);

/* True for "name@sha256:..." without a tag. */
bool image_is_digest_reference(const char *full);
