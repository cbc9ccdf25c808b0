/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Indexes of several platforms, kept whole. An index belongs to the names that were pulled or loaded with it:
 * each of its images is an image of the store of its own (found by the digest of its manifest), and the name
 * points to the one that suits the host best. Images without a name that such an index lists stay as long as
 * the index does. The documents of attestations are kept beside it.
 */

#include "base/map.h"
#include "image/platform.h"
#include "image/store_private.h"

/* Annotations of the entry of an attestation. */
#define INDEX_REFERENCE_TYPE "vnd.docker.reference.type"
#define INDEX_REFERENCE_DIGEST "vnd.docker.reference.digest"

enum index_kind { INDEX_IMAGE, INDEX_ATTESTATION, INDEX_UNKNOWN };

/* What an index says of one manifest. */
struct index_entry {
        const char *digest;
        enum index_kind kind;
        image_platform platform; /* of an image; os "" when it names none */
        const char *subject;     /* of an attestation: digest of the manifest it is about, else NULL */
};

struct index_record {
        char *digest;
        char *media_type;
        struct index_entry *entries;
        size_t nentries;
        const char **blobs; /* digests of the attestations' documents that are here */
        size_t nblobs;
        size_t nnames;
        mn_arena *arena;
};

/* Entries of an index; MN_INVALID for anything else. */
mn_status image_index_parse(const char *text, size_t len, mn_arena *arena, struct index_entry **ret,
                            size_t *ret_n, mn_err *err) MN_MUST_USE;

/* What an entry of a decoded index is. */
enum index_kind image_index_kind(const oci_descriptor *descriptor);

/* How well the entry serves who wants `platform`: 0 not at all. An entry that names no platform serves a
   little. */
int image_index_fit(const struct index_entry *entry, const image_platform *platform);

/* Digests of an attestation's documents, its own first, in the arena; the manifest's text is `text`. */
mn_status image_attestation_blobs(const char *digest, const char *text, size_t len, mn_arena *arena,
                                  const char ***ret, size_t *ret_n, mn_err *err) MN_MUST_USE;

/* ---- the store's indexes; with `lock` ---- */

/* A map that owns index records. */
mn_map *image_index_map_new(void) __attribute__((returns_nonnull));

/* The record of an index whose blob is on disk, made when there is none; NULL when the blob is no index. */
struct index_record *image_index_register(image_store *images, const char *digest, const char *media_type);

/* The index of a name, NULL when it has none. */
struct index_record *image_index_of(image_store *images, const char *full);

/* The index of what the user named: of the name itself, or of one that `record`, which it means, has. */
struct index_record *image_index_named(image_store *images, const char *name,
                                       const struct image_record *record);

/* Makes the index (NULL: none) that of the name. One no name is left for is dropped with its documents. */
void image_index_attach(image_store *images, const char *full, struct index_record *index);

/* True when an index lists one of the image's manifests. */
bool image_index_lists(image_store *images, const struct image_record *record);

/* True when `index` lists a manifest of the image; its entry in `*ret` (may be NULL). */
bool image_index_has(const struct index_record *index, const struct image_record *record,
                     const struct index_entry **ret);

/* The image of an entry, NULL when it is not here. */
struct image_record *image_index_image(image_store *images, const struct index_entry *entry);

/* The image of the index that is here and serves the platform best, NULL when none does. With `takes_any`
   every image serves, though less well. */
struct image_record *image_index_choose(image_store *images, const struct index_record *index,
                                        const image_platform *platform, bool takes_any);
