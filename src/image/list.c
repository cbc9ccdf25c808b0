/* SPDX-License-Identifier: Apache-2.0 */
/* What the store has: lists, one image in full, its history, sums. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/time.h"
#include "image/index.h"
#include "image/manifests.h"
#include "image/store_private.h"
#include "sys/tree.h"

const char *const image_list_filters[] = { "dangling", "label", "label!",    "before",
                                           "since",    "until", "reference", NULL };

/* The list's filters, resolved once. */
struct selection {
        image_store *images;
        bool is_all;
        const wire_filters *filters;
        bool has_dangling;
        bool is_dangling;
        int64_t before_ns; /* created before; 0: any */
        int64_t since_ns;
        int64_t until_ns;
};

/* Moment the image that a before or since filter names was created. With `lock`. */
static mn_status created_of(image_store *images, const wire_filters *filters, const char *key, int64_t *ret,
                            mn_err *err) {
        char *const *names = wire_filters_get(filters, key);
        struct image_record *record;
        mn_status st = MN_OK;
        for (; !st && names && *names; names++) {
                st = image_find(images, *names, &record, err);
                if (!st)
                        *ret = record->created;
        }
        return st;
}

static mn_status select_images(image_store *images, const wire_filters *filters, struct selection *ret,
                               mn_err *err) {
        static const wire_filters none = { 0 };
        *ret = (struct selection){ .filters = filters ? filters : &none };
        if (!filters)
                return MN_OK;
        ret->has_dangling = wire_filters_has(filters, "dangling");
        mn_status st = wire_filters_bool(filters, "dangling", false, &ret->is_dangling, err);
        if (!st)
                st = wire_filters_time(filters, "until", mn_now_ns(), &ret->until_ns, err);
        if (!st)
                st = created_of(images, filters, "before", &ret->before_ns, err);
        if (!st)
                st = created_of(images, filters, "since", &ret->since_ns, err);
        return st;
}

static size_t count_tags(const struct image_record *record) {
        size_t n = 0;
        for (size_t i = 0; i < record->names.len; i++)
                n += !image_is_digest_reference(record->names.items[i]);
        return n;
}

/* True when a pattern of the filter `reference` matches this name. */
static bool name_matches(const struct selection *s, const char *full) {
        char *const *patterns = wire_filters_get(s->filters, "reference");
        mn_reference ref;
        if (!patterns || !*patterns)
                return true;
        if (mn_reference_parse(full, &ref, NULL))
                return false;
        for (; *patterns; patterns++)
                if (mn_reference_matches(&ref, *patterns))
                        return true;
        return false;
}

static bool any_name_matches(const struct selection *s, const struct image_record *record) {
        if (!wire_filters_has(s->filters, "reference"))
                return true;
        for (size_t i = 0; i < record->names.len; i++)
                if (name_matches(s, record->names.items[i]))
                        return true;
        return false;
}

static bool is_selected(const struct selection *s, const struct image_record *record) {
        bool is_dangling = count_tags(record) == 0;
        if (!record->names.len && !s->is_all && image_index_lists(s->images, record))
                return false; /* its index's name stands for it */
        return !record->is_hidden && (!s->has_dangling || s->is_dangling == is_dangling) &&
               (!s->before_ns || record->created < s->before_ns) &&
               (!s->since_ns || record->created > s->since_ns) &&
               (!s->until_ns || record->created < s->until_ns) && any_name_matches(s, record) &&
               wire_filters_match_labels(s->filters, &record->labels);
}

/* ---- list ---- */

static int64_t shared_size(image_store *images, const struct image_record *record) {
        int64_t sum = 0;
        for (char **id = record->layers; id && *id; id++) {
                const struct layer_record *layer = mn_map_get(images->layers, *id);
                if (layer && layer->nrefs > 1)
                        sum += layer->size;
        }
        return sum;
}

static int compare_text(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static void fill_names(const struct selection *s, const struct image_record *record, mn_arena *arena,
                       char ***ret_tags, char ***ret_digests) {
        size_t tags = 0, digests = 0;
        *ret_tags = mn_arena_array(arena, record->names.len + 1, sizeof(char *));
        *ret_digests = mn_arena_array(arena, record->names.len + 1, sizeof(char *));
        for (size_t i = 0; i < record->names.len; i++) {
                const char *full = record->names.items[i];
                if (image_is_digest_reference(full))
                        (*ret_digests)[digests++] = image_familiar(full, arena);
                else if (!s || name_matches(s, full))
                        (*ret_tags)[tags++] = image_familiar(full, arena);
        }
        qsort(*ret_tags, tags, sizeof(char *), compare_text);
        qsort(*ret_digests, digests, sizeof(char *), compare_text);
}

static void fill_summary(image_store *images, const struct selection *s, const image_list_spec *spec,
                         const struct image_record *record, mn_arena *arena, wire_image_summary *ret) {
        *ret = (wire_image_summary){
                .id = mn_arena_strdup(arena, record->id),
                .parent_id = mn_arena_strdup(arena, record->parent ? record->parent : ""),
                .created = record->created / MN_NS_PER_SEC,
                .size = record->size,
                .virtual_size = record->size,
                .shared_size = spec->has_shared_size ? shared_size(images, record) : -1,
                .containers = -1,
                .last_used = record->last_used / MN_NS_PER_SEC,
        };
        mn_json_copy(&mn_type_str_map, &record->labels, arena, &ret->labels);
        fill_names(s, record, arena, &ret->repo_tags, &ret->repo_digests);
        ret->descriptor = image_descriptor(images, record, NULL, arena);
}

/* An image others were made from is shown with `all` only, unless it has a name. */
static bool is_intermediate(image_store *images, const struct image_record *record) {
        return !record->names.len && mn_map_has(images->children, record->id);
}

static int compare_created(const void *a, const void *b) {
        const wire_image_summary *x = a, *y = b;
        return x->created != y->created ? (x->created < y->created) - (x->created > y->created)
                                        : strcmp(x->id, y->id);
}

static void count_containers(image_store *images, wire_image_summary_list *list) {
        char container[MN_ID_SIZE];
        bool is_running;
        for (size_t i = 0; images->hooks.count_users && i < list->len; i++)
                list->items[i].containers = (int64_t) images->hooks.count_users(
                        images->hooks.arg, list->items[i].id, container, &is_running);
}

mn_status image_list(image_store *images, const image_list_spec *spec, mn_arena *arena,
                     wire_image_summary_list *ret, mn_err *err) {
        struct selection selection;
        struct image_record *record;
        wire_image_summary_list list = { 0 };
        image_lock(images);
        mn_status st = select_images(images, spec->filters, &selection, err);
        selection.images = images;
        selection.is_all = spec->is_all;
        if (!st)
                list.items = mn_arena_array(arena, mn_map_len(images->images) + 1, sizeof(*list.items));
        for (size_t pos = 0; !st && mn_map_next(images->images, &pos, NULL, (void **) &record);)
                if (is_selected(&selection, record) && (spec->is_all || !is_intermediate(images, record)))
                        fill_summary(images, &selection, spec, record, arena, &list.items[list.len++]);
        image_unlock(images);
        if (st)
                return st;
        if (spec->has_containers)
                count_containers(images, &list);
        qsort(list.items, list.len, sizeof(*list.items), compare_created);
        for (size_t i = 0; !st && spec->has_manifests && i < list.len; i++)
                st = image_manifests(images, list.items[i].id, arena, &list.items[i].manifests, err);
        if (!st)
                *ret = list;
        return st;
}

size_t image_count(image_store *images) {
        size_t n = 0;
        struct image_record *record;
        image_lock(images);
        for (size_t pos = 0; mn_map_next(images->images, &pos, NULL, (void **) &record);)
                n += !record->is_hidden;
        image_unlock(images);
        return n;
}

/* ---- sums ---- */

void image_disk_usage(image_store *images, image_usage *ret) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_map mn_map *active = mn_map_new(NULL);
        wire_image_summary_list list;
        image_usage usage = { 0 };
        const image_list_spec spec = { .is_all = true, .has_containers = true };
        if (image_list(images, &spec, arena, &list, NULL))
                list.len = 0;
        image_lock(images);
        for (size_t i = 0; i < list.len; i++) {
                usage.total_count++;
                const struct image_record *record = mn_map_get(images->images, list.items[i].id);
                if (!record || list.items[i].containers <= 0)
                        continue;
                usage.active_count++;
                for (char **id = record->layers; id && *id; id++)
                        mn_map_set(active, *id, images);
        }
        struct layer_record *layer;
        for (size_t pos = 0; mn_map_next(images->layers, &pos, NULL, (void **) &layer);) {
                int64_t size = layer_store_disk_size(images->layers_on_disk, layer->diff_id);
                usage.layers_size += size;
                if (!mn_map_has(active, layer->diff_id))
                        usage.reclaimable += size;
        }
        image_unlock(images);
        uint64_t documents = 0;
        if (mn_tree_usage(images->blobs_fd, &documents) == 0)
                usage.layers_size += (int64_t) documents;
        *ret = usage;
}
