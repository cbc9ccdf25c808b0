/* SPDX-License-Identifier: Apache-2.0 */
/* Removing volumes. */

#include <fcntl.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/file.h"
#include "volume/table.h"

/* Names of the containers that refer to it, joined. With the lock held. */
static char *referrers(const struct volume *v) {
        cleanup_str mn_str text = MN_STR_INIT(16384);
        size_t pos = 0;
        const char *id;
        while (mn_map_next(v->refs, &pos, &id, NULL))
                mn_str_printf(&text, "%s%s", text.len ? ", " : "", id);
        return mn_strdup(mn_str_text(&text));
}

mn_status volume_removal_begin(volume_store *vs, const char *name, const char *container_id,
                               store_batch *batch, mn_err *err) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = volume_find(vs, name);
        mn_status st = MN_OK;
        size_t own = v && container_id && mn_map_has(v->refs, container_id);
        if (!v) {
                st = volume_not_found(name, err);
        } else if (mn_map_len(v->refs) > own) {
                cleanup_free char *ids = referrers(v);
                st = mn_fail(err, MN_CONFLICT, "remove %s: volume is in use - [%s]", name, ids);
        } else {
                v->is_being_removed = true; /* nobody refers to it any more */
                store_batch_delete(batch, VOLUME_KIND, name);
                store_batch_put_text(batch, VOLUME_REMOVAL_KIND, name, "{}", 2);
        }
        pthread_mutex_unlock(&vs->lock);
        return st;
}

void volume_removal_cancel(volume_store *vs, const char *name) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = mn_map_get(vs->volumes, name);
        if (v)
                v->is_being_removed = false;
        pthread_mutex_unlock(&vs->lock);
}

bool volume_finish_removal(volume_store *vs, const char *name) {
        cleanup_free char *top = mn_asprintf("%s/%s", vs->dir, name);
        cleanup_err mn_err err = { 0 };
        int r = mn_remove_tree(AT_FDCWD, top);
        if (r < 0) /* tried again at the next start */
                mn_warn("cannot remove a volume's directory", " path=\"%s\" error=\"%s\"", top,
                        mn_strerror(r));
        else if (store_delete(vs->db, VOLUME_REMOVAL_KIND, name, STORE_RELAXED, &err))
                mn_warn("cannot forget a removed volume", " volume=%s error=\"%s\"", name, mn_err_text(&err));
        return r == 0;
}

static void finish(volume_store *vs, const char *name) {
        (void) volume_finish_removal(vs, name);
        pthread_mutex_lock(&vs->lock);
        mn_map_remove(vs->volumes, name);
        pthread_mutex_unlock(&vs->lock);
}

void volume_removal_finish(volume_store *vs, const char *name) {
        finish(vs, name);
        volume_notify(vs, "destroy", name, NULL);
}

static mn_status remove_one(volume_store *vs, const char *name, bool is_forced, mn_err *err) {
        pthread_mutex_lock(&vs->mount_lock); /* creations and removals one at a time */
        cleanup_store_batch store_batch *batch = store_batch_new();
        mn_status st = volume_removal_begin(vs, name, NULL, batch, err);
        bool has_begun = !st;
        if (!st)
                st = store_commit(vs->db, batch, STORE_DURABLE, err);
        if (!st)
                finish(vs, name);
        else if (has_begun)
                volume_removal_cancel(vs, name);
        pthread_mutex_unlock(&vs->mount_lock);
        return st == MN_NOT_FOUND && is_forced ? MN_OK : st;
}

mn_status volume_remove(volume_store *vs, const char *name, bool is_forced, mn_err *err) {
        mn_status st = remove_one(vs, name, is_forced, err);
        if (!st)
                volume_notify(vs, "destroy", name, NULL);
        return st;
}

mn_status volume_prune(volume_store *vs, const wire_filters *filters, mn_arena *arena,
                       wire_volume_prune_report *ret, mn_err *err) {
        bool is_all;
        mn_status st = wire_filters_bool(filters, "all", false, &is_all, err);
        if (st)
                return st;
        wire_volume_list list;
        wire_filters dangling = { 0 };
        wire_filters_add(&dangling, arena, "dangling", "true");
        st = volume_list(vs, &dangling, true, arena, &list, err);
        if (st)
                return st;
        *ret = (wire_volume_prune_report){ .volumes_deleted = mn_arena_array(arena, list.volumes.len + 1,
                                                                             sizeof(char *)) };
        size_t deleted = 0;
        for (size_t i = 0; i < list.volumes.len; i++) {
                const wire_volume *v = &list.volumes.items[i];
                bool is_anonymous = mn_str_map_get(&v->labels, "com.docker.volume.anonymous") != NULL;
                cleanup_err mn_err ignored = { 0 }; /* in use again by now: it stays */
                if ((!is_all && !is_anonymous) || !wire_filters_match_labels(filters, &v->labels) ||
                    remove_one(vs, v->name, false, &ignored))
                        continue;
                ret->volumes_deleted[deleted++] = v->name;
                ret->space_reclaimed += v->usage->size > 0 ? (uint64_t) v->usage->size : 0;
        }
        return MN_OK;
}
