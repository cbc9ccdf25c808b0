/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Members of an archive that is being loaded: layers are on disk and held already, documents are in memory.
 */

#include "base/vec.h"
#include "image/store_private.h"

enum {
        LOAD_MEMBERS_MAX = 100000,
        LOAD_DOCUMENTS_MAX = 64 << 20, /* bytes of all documents together */
        LOAD_LINKS_MAX = 8,            /* links from member to member */
};

enum load_kind {
        LOAD_DOCUMENT,
        LOAD_LAYER,
        LOAD_LINK,
        LOAD_OTHER, /* a document that is too large: known by its name only */
};

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

/* One image found in the archive, complete. */
struct load_found {
        struct image_add_spec add;
        char **references; /* full texts; NULL-terminated */
        bool is_quiet;     /* another image of the same index is told of */
};
typedef MN_VEC(struct load_found) load_found_list;

/* Finds the member that is layer `i`, lowest first. */
typedef mn_status (*load_layer_fn)(struct load *l, size_t i, void *arg, const struct load_member **ret);

/* The layers the members give must be those the configuration lists. */
mn_status load_check_layers(struct load *l, const struct load_member *config, load_layer_fn next,
                            void *arg) MN_MUST_USE;

/* Full texts of repository tags, in the arena; invalid ones fail. */
mn_status load_references(struct load *l, char *const *tags, char ***ret) MN_MUST_USE;

/* Refuses an image alone in its place that is of none of the platforms asked for. */
mn_status load_check_platform(struct load *l, const struct image_add_spec *add) MN_MUST_USE;

mn_status load_missing(struct load *l, const char *what, const char *name) MN_MUST_USE;

/* The images of an OCI layout's index.json. */
mn_status load_find_in_layout(struct load *l, const struct load_member *index,
                              load_found_list *found) MN_MUST_USE;

/* Adds the images the members make and reports them. MN_INVALID when the archive is none. */
mn_status load_images_of(struct load *l) MN_MUST_USE;

/* Hands a message on; MN_INTERNAL when nobody listens any more. */
mn_status load_report(const struct load *l, const image_progress *message) MN_MUST_USE;
