/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A removal while it is planned: which names and images go. Its questions answer as if what is planned had
 * happened; nothing has before removal_commit, which does all of it in one commit of the database or none.
 * All with `change`, which the caller holds from removal_begin to removal_end.
 */

#include "base/vec.h"
#include "image/store_private.h"

struct index_record;

/* A row of the answer, and what is told to the engine. */
struct removal_row {
        const char *untagged; /* a familiar name, or NULL */
        const char *id;       /* of the image that lost it, or is deleted */
};

/* The name that gets another image. */
struct removal_repoint {
        const char *full;
        struct image_record *to;
};

typedef struct removal {
        image_store *images;
        mn_arena *arena; /* the caller's: holds what the answer needs */
        bool is_dry_run; /* nobody is kept from anything */
        MN_VEC(struct removal_row) rows;
        mn_map *untagged; /* full names */
        mn_map *gone;     /* ids of images that are deleted */
        mn_map *hidden;   /* ids of images that stay for their containers */
        mn_map *children; /* id -> how many of its children go */
        mn_map *lost;     /* digest of an index -> how many of its names go */
        mn_map *unlisted; /* digest of a manifest -> how many of the indexes that list it go */
        MN_VEC(const struct index_record *) indexes; /* those that lose all names */
        MN_VEC(struct removal_repoint) repointed;
} removal;

void removal_begin(removal *r, image_store *images, mn_arena *arena);
void removal_end(removal *r);

/* ---- asking ---- */

/* Containers that use the image: how many, and one of them, a running one first. */
size_t removal_count_users(const removal *r, const char *id, char container[MN_ID_SIZE],
                           bool *ret_is_running);
bool removal_is_used(const removal *r, const char *id);

/* True when an image that stays was made from it. */
bool removal_has_children(const removal *r, const char *id);

/* Names the image keeps; and those of them that are no digests. */
size_t removal_count_names(const removal *r, const struct image_record *record);
size_t removal_count_tags(const removal *r, const struct image_record *record);

/* True when the name goes. */
bool removal_has_name(const removal *r, const char *full);

/* True when an index that stays lists the image. */
bool removal_is_listed(const removal *r, const struct image_record *record);

bool removal_is_gone(const removal *r, const char *id);

/* Bytes that become free on the disk. */
int64_t removal_space(const removal *r);

/* ---- planning ---- */

/* Keeps the image from being pinned until the end; false when it is pinned already, or a container uses it.
 */
bool removal_claim(removal *r, struct image_record *record);
void removal_let_go(removal *r, struct image_record *record);

/* Takes the name away. */
void removal_untag(removal *r, const struct image_record *record, const char *full);
void removal_untag_all(removal *r, const struct image_record *record);

/* Makes the name, with its index, one of another image that stays. */
void removal_repoint(removal *r, const char *full, struct image_record *to);

/* Deletes an image that keeps no names, and its layers where no other image has them; the row is left out
   for one that was hidden. MN_CONFLICT when it is in use. */
mn_status removal_delete(removal *r, struct image_record *record, mn_err *err) MN_MUST_USE;

/* The image stays for its containers, out of everybody's sight. */
void removal_hide(removal *r, const struct image_record *record);

/* ---- the end ---- */

/* Does all of it: the database first, then the memory, then the disk; and tells the engine. */
mn_status removal_commit(removal *r, mn_err *err) MN_MUST_USE;

/* Appends the rows to those of the answer, which live in the arena. */
void removal_answer(const removal *r, wire_image_delete_list *ret);
