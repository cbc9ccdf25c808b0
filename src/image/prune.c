/* SPDX-License-Identifier: Apache-2.0 */
/* Removing what nobody uses. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
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
        removal removal;
        struct selection selection;
        mn_map *kept; /* ids the filter `keep` protects */
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
        image_store *images = p->removal.images;
        struct image_record *record;
        ranking rows = { 0 };
        if (!p->selection.keep)
                return;
        image_lock(images);
        for (size_t pos = 0; mn_map_next(images->images, &pos, NULL, (void **) &record);)
                if (!record->is_hidden && (record->names.len || !image_index_lists(images, record)))
                        rank(record, p->removal.arena, &rows);
        image_unlock(images);
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
               (record->names.len || !image_index_lists(p->removal.images, record)) &&
               (!s->is_dangling_only || !removal_count_tags(&p->removal, record)) &&
               (!s->until_ns || record->created < s->until_ns) &&
               (!s->unused_ns || record->last_used < s->unused_ns) && !mn_map_has(p->kept, record->id) &&
               wire_filters_match_labels(s->filters, &record->labels);
}

static void find_candidates(const struct prune *p, remove_group *ret) {
        image_store *images = p->removal.images;
        struct image_record *record;
        image_lock(images);
        for (size_t pos = 0; mn_map_next(images->images, &pos, NULL, (void **) &record);)
                if (is_candidate(p, record))
                        mn_vec_push(ret, record);
        image_unlock(images);
}

/* ---- prune ---- */

static mn_status plan_one(removal *r, struct image_record *record, mn_err *err) {
        remove_group group = { 0 };
        mn_status st = MN_OK;
        if (removal_is_gone(r, record->id) || removal_has_children(r, record->id) ||
            !removal_claim(r, record))
                return MN_OK;
        remove_find_group(r, record, NULL, &group);
        if (remove_used_of_group(r, &group))
                removal_let_go(r, record);
        else
                st = remove_with_group(r, record, &group, err);
        mn_vec_release(&group);
        return st;
}

static mn_status plan(struct prune *p, mn_err *err) {
        remove_group candidates = { 0 };
        mn_status st = MN_OK;
        remove_plan_hidden(&p->removal);
        find_kept(p);
        find_candidates(p, &candidates);
        for (size_t i = 0; !st && i < candidates.len; i++)
                st = plan_one(&p->removal, candidates.items[i], err);
        mn_vec_release(&candidates);
        return st;
}

mn_status image_prune(image_store *images, const image_prune_spec *spec, mn_arena *arena,
                      wire_image_prune *ret, mn_err *err) {
        struct prune p = { 0 };
        mn_status st = read_filters(spec->filters, &p.selection, err);
        if (st)
                return st;
        p.kept = mn_map_new(NULL);
        image_change_begin(images);
        removal_begin(&p.removal, images, arena);
        p.removal.is_dry_run = spec->is_dry_run;
        st = plan(&p, err);
        int64_t space = st ? 0 : removal_space(&p.removal);
        if (!st && !spec->is_dry_run)
                st = removal_commit(&p.removal, err);
        if (!st) {
                removal_answer(&p.removal, &ret->deleted);
                ret->space_reclaimed = space;
        }
        removal_end(&p.removal);
        image_change_end(images);
        mn_map_free(p.kept);
        return st;
}
