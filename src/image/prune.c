/* SPDX-License-Identifier: Apache-2.0 */
/* Removing what nobody uses. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/time.h"
#include "codec/duration.h"
#include "codec/reference.h"
#include "image/index.h"
#include "image/remove.h"

const char *const image_prune_filters[] = {
        "dangling", "label", "label!", "until", "unused-for", "keep", NULL
};

/* The filters, read once. */
struct selection {
        const wire_filters *filters;
        bool is_dangling_only;
        int64_t until_ns;  /* created before; 0: any */
        int64_t unused_ns; /* last used before; 0: any */
        int64_t keep;      /* the images of a repository used last that stay */
};

/* A prune, or what one would do. */
struct prune {
        image_store *images;
        struct selection selection;
        mn_arena *arena;
        remove_rows rows;
        mn_map *kept; /* ids the filter `keep` protects */
        mn_map *gone; /* of a dry run: ids that would be deleted */
        int64_t space;
};

/* ---- filters ---- */

/* "30d", "2w", or a Go duration. */
static int parse_length(const char *text, int64_t *ret_ns) {
        size_t len = strlen(text);
        int64_t days = len && text[len - 1] == 'd' ? 1 : len && text[len - 1] == 'w' ? 7 : 0, count;
        if (!days)
                return mn_duration_parse(text, ret_ns);
        cleanup_free char *number = mn_strndup(text, len - 1);
        int r = mn_parse_i64(number, 0, 36500, &count);
        if (r == 0)
                *ret_ns = count * days * 24 * 3600 * MN_NS_PER_SEC;
        return r;
}

static mn_status read_filters(const wire_filters *filters, struct selection *ret, mn_err *err) {
        int64_t now = mn_now_ns(), length;
        *ret = (struct selection){ .filters = filters };
        mn_status st = wire_filters_bool(filters, "dangling", true, &ret->is_dangling_only, err);
        if (!st)
                st = wire_filters_time(filters, "until", now, &ret->until_ns, err);
        char *const *unused = st ? NULL : wire_filters_get(filters, "unused-for");
        for (; unused && *unused; unused++) {
                if (parse_length(*unused, &length) < 0 || length < 0)
                        return mn_fail(err, MN_INVALID, "invalid filter 'unused-for=[%s]'", *unused);
                ret->unused_ns = now - length;
        }
        char *const *keep = st ? NULL : wire_filters_get(filters, "keep");
        for (; keep && *keep; keep++)
                if (mn_parse_i64(*keep, 0, INT32_MAX, &ret->keep) < 0)
                        return mn_fail(err, MN_INVALID, "invalid filter 'keep=[%s]'", *keep);
        return st;
}

/* ---- keep ---- */

struct ranked {
        const char *repository;
        int64_t last_used, created;
        const char *id;
};
typedef MN_VEC(struct ranked) ranking;

/* By repository, the one used last first. */
static int compare_ranked(const void *a, const void *b) {
        const struct ranked *x = a, *y = b;
        int order = strcmp(x->repository, y->repository);
        if (order == 0)
                order = (x->last_used < y->last_used) - (x->last_used > y->last_used);
        if (order == 0)
                order = (x->created < y->created) - (x->created > y->created);
        return order ? order : strcmp(x->id, y->id);
}

/* One row for each repository the image has a name in, or one without a repository. */
static void rank(const struct image_record *record, mn_arena *arena, ranking *rows) {
        struct ranked row = { "", record->last_used, record->created, mn_arena_strdup(arena, record->id) };
        size_t before = rows->len;
        for (size_t i = 0; i < record->names.len; i++) {
                mn_reference ref;
                char name[MN_REFERENCE_TEXT_SIZE];
                if (mn_reference_parse(record->names.items[i], &ref, NULL))
                        continue;
                row.repository = mn_arena_strdup(arena, mn_reference_name(&ref, name));
                bool is_known = false;
                for (size_t k = before; k < rows->len; k++)
                        is_known = is_known || !strcmp(rows->items[k].repository, row.repository);
                if (!is_known)
                        mn_vec_push(rows, row);
        }
        if (rows->len == before)
                mn_vec_push(rows, row);
}

static void find_kept(struct prune *p) {
        struct image_record *record;
        ranking rows = { 0 };
        if (!p->selection.keep)
                return;
        image_lock(p->images);
        for (size_t pos = 0; mn_map_next(p->images->images, &pos, NULL, (void **) &record);)
                if (!record->is_hidden && (record->names.len || !image_index_lists(p->images, record)))
                        rank(record, p->arena, &rows);
        image_unlock(p->images);
        if (rows.len)
                qsort(rows.items, rows.len, sizeof(*rows.items), compare_ranked);
        int64_t n = 0;
        for (size_t i = 0; i < rows.len; i++) {
                bool is_next = i && !strcmp(rows.items[i].repository, rows.items[i - 1].repository);
                n = is_next ? n + 1 : 1;
                if (n <= p->selection.keep)
                        mn_map_set(p->kept, rows.items[i].id, p);
        }
        mn_vec_release(&rows);
}

/* ---- candidates ---- */

/* With `lock`. */
static bool is_candidate(const struct prune *p, const struct image_record *record) {
        const struct selection *s = &p->selection;
        return !record->is_hidden && !record->npins &&
               (record->names.len || !image_index_lists(p->images, record)) &&
               (!s->is_dangling_only || !remove_count_tags(record)) &&
               (!s->until_ns || record->created < s->until_ns) &&
               (!s->unused_ns || record->last_used < s->unused_ns) && !mn_map_has(p->kept, record->id) &&
               wire_filters_match_labels(s->filters, &record->labels);
}

/* Copies of the candidates' ids. */
static void find_candidates(struct prune *p, remove_ids *ret) {
        struct image_record *record;
        image_lock(p->images);
        for (size_t pos = 0; mn_map_next(p->images->images, &pos, NULL, (void **) &record);)
                if (is_candidate(p, record))
                        mn_vec_push(ret, mn_arena_strdup(p->arena, record->id));
        image_unlock(p->images);
}

static bool is_used(image_store *images, const char *id, const remove_ids *group) {
        char container[MN_ID_SIZE];
        bool is_running;
        return remove_count_users(images, id, container, &is_running) || remove_used_of_group(images, group);
}

/* ---- the removal ---- */

static void prune_one(struct prune *p, const char *id) {
        image_store *images = p->images;
        cleanup_err mn_err err = { 0 };
        remove_ids group = { 0 };
        struct image_record *record = mn_map_get(images->images, id);
        mn_status st = MN_OK;
        if (record)
                remove_find_group(images, record, NULL, p->arena, &group);
        if (record && !remove_has_children(images, id) && !is_used(images, id, &group))
                st = remove_with_group(images, record, &group, p->arena, &p->rows, &err);
        mn_vec_release(&group);
        if (st)
                mn_warn("pruning an image failed", " image=%s error=\"%s\"", id, mn_err_text(&err));
}

/* ---- a dry run ---- */

static void add_row(struct prune *p, const char *untagged, const char *deleted) {
        mn_vec_push(&p->rows, ((wire_image_delete){ .untagged = mn_arena_strdup(p->arena, untagged),
                                                    .deleted = mn_arena_strdup(p->arena, deleted) }));
}

/* True when an image that would stay was made from it. With `lock`. */
static bool has_child_that_stays(const struct prune *p, const char *id) {
        struct image_record *other;
        for (size_t pos = 0; mn_map_next(p->images->images, &pos, NULL, (void **) &other);)
                if (mn_str_equal(other->parent, id) && !mn_map_has(p->gone, other->id))
                        return true;
        return false;
}

static void note_gone(struct prune *p, const struct image_record *record) {
        image_lock(p->images);
        for (size_t i = 0; i < record->names.len; i++)
                add_row(p, image_familiar(record->names.items[i], p->arena), NULL);
        add_row(p, NULL, record->id);
        mn_map_set(p->gone, record->id, p);
        image_unlock(p->images);
}

/* Parents without a name go with their last child. */
static void note_parents(struct prune *p, const char *id) {
        const remove_ids none = { 0 };
        struct image_record *record;
        while ((record = mn_map_get(p->images->images, id)) && (id = record->parent) && *id) {
                struct image_record *parent = mn_map_get(p->images->images, id);
                image_lock(p->images);
                bool stays = !parent || parent->names.len || has_child_that_stays(p, id);
                image_unlock(p->images);
                if (stays || mn_map_has(p->gone, id) || is_used(p->images, id, &none))
                        return;
                note_gone(p, parent);
        }
}

static void try_one(struct prune *p, const char *id) {
        remove_ids group = { 0 };
        const struct image_record *record = mn_map_get(p->images->images, id);
        if (!record || mn_map_has(p->gone, id))
                return;
        remove_find_group(p->images, record, NULL, p->arena, &group);
        image_lock(p->images);
        bool has_child = has_child_that_stays(p, id);
        image_unlock(p->images);
        if (!has_child && !is_used(p->images, id, &group)) {
                note_gone(p, record);
                for (size_t i = 0; i < group.len; i++)
                        note_gone(p, mn_map_get(p->images->images, group.items[i]));
                note_parents(p, id);
        }
        mn_vec_release(&group);
}

/* Counts up in a map of numbers. */
static uintptr_t count(mn_map *counts, const char *key) {
        uintptr_t n = (uintptr_t) mn_map_get(counts, key) + 1;
        mn_map_set(counts, key, (void *) n);
        return n;
}

static void note_document(const struct prune *p, mn_map *seen, const char *digest, int64_t *space) {
        if (count(seen, digest) == 1)
                *space += image_blob_disk_size(p->images, digest);
}

/* The documents of the images, and of the indexes none of whose names would stay. With `lock`. */
static int64_t space_of_documents(const struct prune *p) {
        cleanup_map mn_map *seen = mn_map_new(NULL), *names = mn_map_new(NULL);
        const char *id;
        int64_t space = 0;
        for (size_t pos = 0; mn_map_next(p->gone, &pos, &id, NULL);) {
                const struct image_record *record = mn_map_get(p->images->images, id);
                note_document(p, seen, id, &space);
                for (size_t i = 0; i < record->manifests.len; i++)
                        note_document(p, seen, record->manifests.items[i].digest, &space);
                for (size_t i = 0; i < record->names.len; i++) {
                        const struct index_record *index = image_index_of(p->images, record->names.items[i]);
                        if (!index || count(names, index->digest) < index->nnames)
                                continue;
                        note_document(p, seen, index->digest, &space);
                        for (size_t k = 0; k < index->nblobs; k++)
                                note_document(p, seen, index->blobs[k], &space);
                }
        }
        return space;
}

/* Bytes of the layers only images that would go have, and of documents. */
static int64_t space_of_gone(struct prune *p) {
        cleanup_map mn_map *counts = mn_map_new(NULL);
        const char *id;
        image_lock(p->images);
        int64_t space = space_of_documents(p);
        for (size_t pos = 0; mn_map_next(p->gone, &pos, &id, NULL);) {
                const struct image_record *record = mn_map_get(p->images->images, id);
                for (char **layer = record->layers; layer && *layer; layer++)
                        (void) count(counts, *layer);
        }
        void *n;
        for (size_t pos = 0; mn_map_next(counts, &pos, &id, &n);) {
                const struct layer_record *layer = mn_map_get(p->images->layers, id);
                if (layer && layer->nrefs == (uintptr_t) n && !layer->nholds)
                        space += layer_store_disk_size(p->images->layers_on_disk, id);
        }
        image_unlock(p->images);
        return space;
}

/* ---- prune ---- */

static void run(struct prune *p, bool is_dry_run) {
        remove_ids candidates = { 0 };
        image_usage before, after;
        image_disk_usage(p->images, &before);
        image_change_begin(p->images);
        if (!is_dry_run)
                remove_collect_hidden(p->images, p->arena);
        find_kept(p);
        find_candidates(p, &candidates);
        for (size_t i = 0; i < candidates.len; i++) {
                if (is_dry_run)
                        try_one(p, candidates.items[i]);
                else
                        prune_one(p, candidates.items[i]);
        }
        p->space = is_dry_run ? space_of_gone(p) : 0;
        image_change_end(p->images);
        mn_vec_release(&candidates);
        if (is_dry_run)
                return;
        image_disk_usage(p->images, &after);
        p->space = MN_MAX(before.layers_size - after.layers_size, (int64_t) 0);
}

mn_status image_prune(image_store *images, const image_prune_spec *spec, mn_arena *arena,
                      wire_image_prune *ret, mn_err *err) {
        struct prune p = { .images = images, .arena = arena };
        mn_status st = read_filters(spec->filters, &p.selection, err);
        if (st)
                return st;
        p.kept = mn_map_new(NULL);
        p.gone = mn_map_new(NULL);
        run(&p, spec->is_dry_run);
        remove_hand_over(&p.rows, arena, &ret->deleted);
        ret->space_reclaimed = p.space;
        mn_map_free(p.kept);
        mn_map_free(p.gone);
        return MN_OK;
}
