/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What pull and push need of a place that keeps images. The image store is one (store_ingest.c); the tests of
 * the registry client have a plain directory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/reference.h"
#include "image/layer_reader.h"
#include "image/policy_signer.h"

struct image_store;
struct layer_store;

/* A layer as it comes: the compressed blob in a file that may still be growing. */
typedef struct image_ingest_layer {
        int fd; /* a regular file at its beginning; borrowed */
        /* Bytes of the file that are ready behind `from`: blocks until there are some; 0 at the end, which
           comes only when the blob's digest is verified; -errno when it never will. The layer may not be kept
           before. */
        int64_t (*wait)(void *arg, int64_t from);
        int64_t size_bytes;
        const char *digest;     /* of the blob */
        const char *media_type; /* says the compression */
        const char *diff_id;    /* digest the uncompressed tar must have, "sha256:<hex>" */
        void (*report)(void *arg, int64_t done_bytes); /* of the blob; any thread; may be NULL */
        void *arg;
} image_ingest_layer;

/* A document as it came, to be kept byte for byte. */
typedef struct image_ingest_document {
        const char *media_type;
        const char *digest;
        const char *data;
        size_t len;
} image_ingest_document;

typedef struct image_ingest_image {
        image_ingest_document config;             /* its sha256 digest is the image's id */
        image_ingest_document manifest;           /* data NULL: the image was made here and has none */
        image_ingest_document index;              /* data NULL: the reference named the manifest itself */
        const image_ingest_document *attachments; /* documents of the index's attestations for the image */
        size_t nattachments;
        const mn_reference *reference; /* tag or digest to record; NULL: the image has no name yet */
        const char *repo_digest; /* digest for RepoDigests: of the index or else the manifest; NULL: none */
        const char *parent;      /* id of the image it was made from here; NULL: none */
        const policy_signer_list *signers; /* who signed it, as verified; NULL or empty when nobody looked */
} image_ingest_image;

/* An image to push. Strings live in the arena given. */
typedef struct image_export {
        const char *id;
        const char *config;
        size_t config_len;
        const char *os, *architecture, *variant;
        const char **diff_ids; /* bottom layer first */
        size_t nlayers;
        image_ingest_document manifest; /* the newest it came with; data NULL: none */
} image_export;

/* One manifest of an index, with what is here of it. */
typedef struct image_export_entry {
        const char *digest;
        const char *image_id; /* NULL: its image is not here */
        const image_ingest_document
                *documents; /* the manifest, then an attestation's others; none: not here */
        size_t ndocuments;
} image_export_entry;

/* An index with its entries in its order. Strings live in the arena given. */
typedef struct image_export_index {
        image_ingest_document document; /* data NULL: none */
        image_export_entry *entries;
        size_t nentries;
} image_export_index;

/* Where a layer's compressed form is known to be: one line of memory per layer and repository. */
typedef struct image_blob_source {
        const char *repository; /* "localhost:5000/app" */
        const char *digest;
        const char *media_type;
        int64_t size_bytes;
} image_blob_source;

/* All functions may block and may be called from several threads. `store` is the table's own object. */
typedef struct image_ingest_ops {
        /* Opens a session: what is added stays until `end`, whatever is pruned meanwhile. */
        mn_status (*begin)(void *store, void **ret_session, mn_err *err);

        /* True when the layer is there, with a copy of its blob `digest` (NULL: any) if the store keeps such;
           it is then held by the session. */
        bool (*has_layer)(void *store, void *session, const char *diff_id, const char *digest);

        /* Stores a layer. MN_INVALID when it is no tar or its uncompressed digest is another. */
        mn_status (*add_layer)(void *store, void *session, const image_ingest_layer *layer, mn_err *err);

        /* Stores the image, all of whose layers are there, and makes the reference point to it: at once or
           not at all.
           `*ret_is_new` is false when the reference pointed to it already. */
        mn_status (*commit)(void *store, void *session, const image_ingest_image *image, bool *ret_is_new,
                            mn_err *err);

        /* Ends the session; layers no image came to use are dropped. */
        void (*end)(void *store, void *session);

        /* Remembers or tells where a layer's blob is; `list` gives how many it put into an array of the
         * arena. */
        void (*note_source)(void *store, const char *diff_id, const image_blob_source *source);
        size_t (*list_sources)(void *store, const char *diff_id, mn_arena *arena, image_blob_source **ret);

        /* The reference's image was pushed: "<repository>@<digest>" is one of its digests now. */
        void (*note_push)(void *store, const mn_reference *reference, const char *digest);

        /* True when all of the image is there and the reference names it, with this index if there is one. */
        bool (*is_current)(void *store, const image_ingest_image *image);

        /* Id of the image the reference points to ("" when none), without touching anything; of its index
           the one for the platform (NULL or "": any), when that is there. */
        const char *(*find)(void *store, const mn_reference *reference, const char *platform,
                            mn_arena *arena);

        /* The index of the reference, if it has one. */
        mn_status (*export_index)(void *store, const mn_reference *reference, mn_arena *arena,
                                  image_export_index *ret, mn_err *err);

        /* For push and save: tags of a repository (NULL-terminated, sorted), an image by id, and the
         * uncompressed tar of a layer. */
        char **(*list_tags)(void *store, const mn_reference *repository, mn_arena *arena);
        mn_status (*export)(void *store, const char *id, mn_arena *arena, image_export *ret, mn_err *err);
        mn_status (*open_layer)(void *store, const char *diff_id, layer_reader **ret, int64_t *ret_size,
                                mn_err *err);

        /* Opens the copy the store has of a layer's blob, to be verified by who reads it: a descriptor, or
           -errno when there is none. NULL: the store keeps none. */
        int (*open_blob)(void *store, const char *diff_id, const char *digest, int64_t *ret_size);
} image_ingest_ops;

/* The image store's table; its object is the image_store. */
extern const image_ingest_ops image_store_ingest_ops;

/* The store's layers, for what writes new ones (image/layer.h). */
struct layer_store *image_store_layers(struct image_store *store);

/* Tells the engine that something happened to an image (image_hooks.event). */
void image_store_event(struct image_store *store, const char *action, const char *image_id, const char *name);
