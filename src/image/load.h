/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Members of an archive that is being loaded: layers are on disk and held already, documents are in memory.
 */

#include "image/store_private.h"

enum {
        LOAD_MEMBERS_MAX = 100000,
        LOAD_DOCUMENTS_MAX = 64 << 20, /* bytes of all documents together */
        LOAD_LINKS_MAX = 8,            /* links from member to member */
};

enum load_kind { LOAD_DOCUMENT, LOAD_LAYER, LOAD_LINK };

struct load_member {
        enum load_kind kind;
        const char *text; /* of a document */
        size_t len;
        char digest[MN_DIGEST_SIZE];  /* of a layer's bytes as they stand in the archive; "" when it was not
                                         read */
        char diff_id[MN_DIGEST_SIZE]; /* of a layer */
        const char *target;           /* of a link: another member's name */
};

struct load {
        image_store *images;
        const image_load_spec *spec;
        mn_arena *arena;
        mn_map *members; /* clean name -> struct load_member *, in the arena */
        size_t documents_len;
        mn_err *err;
};

/* The member of that name, links followed; NULL when there is none. */
const struct load_member *load_find(const struct load *l, const char *name);

/* The blob of an OCI layout; NULL when it is not in the archive. */
const struct load_member *load_find_blob(const struct load *l, const char *digest);

/* Adds the images the members make and reports them. MN_INVALID when the archive is none. */
mn_status load_images_of(struct load *l) MN_MUST_USE;

/* Hands a message on; MN_INTERNAL when nobody listens any more. */
mn_status load_report(const struct load *l, const image_progress *message) MN_MUST_USE;
