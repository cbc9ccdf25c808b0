/* SPDX-License-Identifier: Apache-2.0 */
/* Removing what nobody uses. */

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/time.h"
#include "image/index.h"
#include "image/remove.h"

const char *const image_prune_filters[] = { "dangling", "label", "label!", "until", NULL };

/* One image that the filters let go, in the arena; NULL when there is none. `done` holds those that refused.
 */
static char *next_unused(image_store *images, const wire_filters *filters, bool is_dangling_only,
                         int64_t until, const mn_map *done, mn_arena *arena) {
        struct image_record *record;
        char *id = NULL;
        image_lock(images);
        for (size_t pos = 0; !id && mn_map_next(images->images, &pos, NULL, (void **) &record);) {
                bool is_candidate = !record->is_hidden && !record->npins &&
                                    (record->names.len || !image_index_lists(images, record)) &&
                                    !mn_map_has(done, record->id) &&
                                    (!is_dangling_only || !remove_count_tags(record)) &&
                                    (!until || record->created < until) &&
                                    wire_filters_match_labels(filters, &record->labels);
                if (is_candidate)
                        id = mn_arena_strdup(arena, record->id);
        }
        image_unlock(images);
        return id;
}

static void prune_one(image_store *images, const char *id, mn_arena *arena, remove_rows *rows) {
        char container[MN_ID_SIZE];
        bool is_running;
        struct image_record *record = mn_map_get(images->images, id);
        if (!record || remove_has_children(images, id) ||
            remove_count_users(images, id, container, &is_running))
                return;
        cleanup_err mn_err err = { 0 };
        remove_ids group = { 0 };
        remove_find_group(images, record, NULL, arena, &group);
        mn_status st = MN_OK;
        if (!remove_used_of_group(images, &group))
                st = remove_with_group(images, record, &group, arena, rows, &err);
        mn_vec_release(&group);
        if (st)
                mn_warn("pruning an image failed", " image=%s error=\"%s\"", id, mn_err_text(&err));
}

mn_status image_prune(image_store *images, const wire_filters *filters, mn_arena *arena,
                      wire_image_prune *ret, mn_err *err) {
        bool is_dangling_only;
        int64_t until;
        mn_status st = wire_filters_bool(filters, "dangling", true, &is_dangling_only, err);
        if (!st)
                st = wire_filters_time(filters, "until", mn_now_ns(), &until, err);
        if (st)
                return st;
        image_usage before, after;
        image_disk_usage(images, &before);
        cleanup_map mn_map *done = mn_map_new(NULL);
        remove_rows rows = { 0 };
        image_change_begin(images);
        remove_collect_hidden(images, arena);
        for (char *id; (id = next_unused(images, filters, is_dangling_only, until, done, arena));) {
                mn_map_set(done, id, images);
                prune_one(images, id, arena, &rows);
        }
        image_change_end(images);
        image_disk_usage(images, &after);
        remove_hand_over(&rows, arena, &ret->deleted);
        ret->space_reclaimed = MN_MAX(before.layers_size - after.layers_size, (int64_t) 0);
        return MN_OK;
}
