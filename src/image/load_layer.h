/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The end of an archive's layer (its last bytes hashed and written, synced, named) takes as long as the disk
   needs; meanwhile the next layer is read. */

#include "image/layer_blob.h"
#include "image/load.h"

typedef struct layer_ending layer_ending;

/* What ends: `writer` and `digest` (of the bytes as they stand in the archive; NULL when those are the tar)
   are taken; the others must last until layer_ending_wait. */
typedef struct layer_ending_spec {
        image_store *images;
        layer_writer *writer;
        mn_digest *digest;
        layer_copy *copy;           /* those bytes, to be kept; NULL: they are not; taken, too */
        struct load_member *member; /* gets its digests; is LOAD_OTHER after a failure */
        const char *name;           /* of the member, for messages */
} layer_ending_spec;

/* Ends the layer on a thread of its own: it is stored and held for this load afterwards. */
layer_ending *layer_ending_begin(const layer_ending_spec *spec) __attribute__((returns_nonnull));

/* Waits for it and frees it; NULL has ended well. */
mn_status layer_ending_wait(layer_ending *e, mn_err *err) MN_MUST_USE;
