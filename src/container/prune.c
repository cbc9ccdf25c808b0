/* SPDX-License-Identifier: Apache-2.0 */
/* POST /containers/prune: removes the containers that do not run. */

#include "base/time.h"
#include "base/vec.h"
#include "container/engine.h"
#include "sys/fd.h"

const char *const container_prune_filters[] = { "until", "label", "label!", NULL };

static bool is_prunable(const container *c, const wire_filters *filters, int64_t until_ns) {
        bool has_ended = c->state.status == CONTAINER_CREATED || c->state.status == CONTAINER_EXITED ||
                         c->state.status == CONTAINER_DEAD;
        return has_ended && (!until_ns || c->record->created_ns <= until_ns) &&
               wire_filters_match_labels(filters, &c->record->config.labels);
}

/* Removes one that still does not run; the bytes of its writable layer are added. */
static bool prune_one(container *c, uint64_t *reclaimed) {
        cleanup_operation container_operation op = { 0 };
        cleanup_err mn_err ignored = { 0 }; /* started or removed by somebody else meanwhile: not ours */
        if (container_operate_on(c, &op, &ignored))
                return false;
        engine_lock(c->engine);
        bool runs = container_is_running(c) || c->state.status == CONTAINER_RESTARTING;
        engine_unlock(c->engine);
        int64_t size = 0, all = 0;
        cleanup_close int dir = container_open_directory(c);
        if (runs || dir < 0)
                return false;
        if (image_container_size(c->engine->options.images, c->record->image_id, dir, &size, &all, &ignored))
                size = 0;
        if (container_remove_locked(c, false, &ignored))
                return false;
        *reclaimed += size > 0 ? (uint64_t) size : 0;
        return true;
}

mn_status container_prune(container_engine *e, const wire_filters *filters, mn_arena *arena,
                          wire_container_prune_report *ret, mn_err *err) {
        int64_t until_ns;
        mn_status st = wire_filters_time(filters, "until", mn_now_ns(), &until_ns, err);
        if (st)
                return st;
        MN_VEC(container *) found = { 0 };
        engine_lock(e);
        size_t pos = 0;
        void *value;
        while (mn_map_next(e->by_id, &pos, NULL, &value))
                if (is_prunable(value, filters, until_ns))
                        mn_vec_push(&found, container_ref(value));
        engine_unlock(e);
        *ret = (wire_container_prune_report){ .containers_deleted = mn_arena_array(arena, found.len + 1,
                                                                                   sizeof(char *)) };
        size_t deleted = 0;
        for (size_t i = 0; i < found.len; i++) {
                container *c = found.items[i];
                char *id = mn_arena_strdup(arena, c->id);
                if (prune_one(c, &ret->space_reclaimed))
                        ret->containers_deleted[deleted++] = id;
                container_unref(c);
        }
        mn_vec_release(&found);
        return MN_OK;
}
