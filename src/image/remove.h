/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Steps of removing images that remove.c and prune.c share. All with `change`. */

#include "base/vec.h"
#include "image/store_private.h"

/* Rows of the answer. */
typedef MN_VEC(wire_image_delete) remove_rows;
/* Ids of images, in an arena. */
typedef MN_VEC(const char *) remove_ids;

/* Moves the rows into the arena. */
void remove_hand_over(remove_rows *rows, mn_arena *arena, wire_image_delete_list *ret);

/* Containers that use the image: how many, and one of them, a running one first. */
size_t remove_count_users(image_store *images, const char *id, char container[MN_ID_SIZE],
                          bool *ret_is_running);

size_t remove_count_tags(const struct image_record *record);
bool remove_has_children(image_store *images, const char *id);

/* Images without a name that the index of the name `full` (NULL: of any of the image's names) lists. */
void remove_find_group(image_store *images, const struct image_record *record, const char *full,
                       mn_arena *arena, remove_ids *ids);

/* The first of them that a container uses, NULL when none is. */
const struct image_record *remove_used_of_group(image_store *images, const remove_ids *ids);

/* Takes away all names, then deletes the image, or hides it when containers use it, then those of the group
   that no index lists any more. */
mn_status remove_with_group(image_store *images, struct image_record *record, const remove_ids *group,
                            mn_arena *arena, remove_rows *rows, mn_err *err) MN_MUST_USE;

/* Deletes hidden images whose last container went while the daemon was dying. */
void remove_collect_hidden(image_store *images, mn_arena *arena);
