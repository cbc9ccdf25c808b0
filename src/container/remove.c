/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal. The directory goes to the trash by one rename: from then on the removal is decided, and a daemon
 * that finds a record whose directory is in the trash finishes it. Then the record goes; emptying the trash
 * is nobody's wait.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "base/vec.h"
#include "container/engine.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { REMOVALS_MAX = 256 }; /* noted before they are settled */

/* ---- the trash ---- */

static void empty_trash(container_engine *e) {
        int fd = openat(e->trash_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *entry; (entry = readdir(dir));)
                if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
                        int r = mn_remove_tree(e->trash_fd, entry->d_name);
                        if (r < 0)
                                mn_log(MN_LOG_WARN, "cannot empty the trash", " entry=\"%s\" error=\"%s\"",
                                       entry->d_name, mn_strerror(r));
                }
        closedir(dir);
}

/* Notes of removals are for a power cut that comes soon. */
static void settle_removals(container_engine *e) {
        cleanup_err mn_err err = { 0 };
        if (container_removals_settle(e, &err))
                mn_log(MN_LOG_WARN, "removals are noted still", " error=\"%s\"", mn_err_text(&err));
}

static bool has_many_removals(container_engine *e) {
        ENGINE_LOCKED(e);
        bool is_many = e->n_removals >= REMOVALS_MAX;
        e->n_removals = is_many ? 0 : e->n_removals;
        return is_many;
}

static void purge(void *arg) {
        container_engine *e = arg;
        bool goes_on = true;
        while (goes_on) {
                if (has_many_removals(e))
                        settle_removals(e);
                empty_trash(e);
                ENGINE_LOCKED(e);
                goes_on = e->wants_purge;
                e->wants_purge = false;
                e->is_purging = goes_on;
        }
}

void container_purge_trash(container_engine *e) {
        ENGINE_LOCKED(e);
        if (e->is_purging) {
                e->wants_purge = true;
                return;
        }
        e->is_purging = loop_workers_run(e->workers, purge, e) == 0;
}

/* ---- one container ---- */

/* `ret_is_there`: a container that never started has none. */
static mn_status move_to_trash(container *c, bool *ret_is_there, mn_err *err) {
        container_engine *e = c->engine;
        *ret_is_there = renameat(e->containers_fd, c->id, e->trash_fd, c->id) == 0;
        if (*ret_is_there)
                return MN_OK;
        if (errno != ENOENT)
                return mn_fail_errno(err, -errno, "cannot remove the directory of container %s", c->id);
        *ret_is_there = faccessat(e->trash_fd, c->id, F_OK, AT_SYMLINK_NOFOLLOW) ==
                        0; /* by a former daemon */
        return MN_OK;
}

/* Marks in `doomed` the anonymous volumes that go with the container, and enters them into the batch. Those
   that others use by now stay. */
static void doom_volumes(container *c, store_batch *b, bool *doomed) {
        for (size_t i = 0; i < c->record->mounts.len; i++) {
                const container_mount *m = &c->record->mounts.items[i];
                doomed[i] = m->is_anonymous && strcmp(m->type, "volume") == 0 &&
                            !volume_removal_begin(c->engine->options.volumes, m->name, c->id, b, NULL);
        }
}

/* One commit: the container and its anonymous volumes are gone together. */
static mn_status delete_record(container *c, bool has_directory, bool removes_volumes, bool *doomed,
                               mn_err *err) {
        cleanup_store_batch store_batch *b = store_batch_new();
        store_batch_delete(b, CONTAINER_KIND, c->id);
        store_batch_delete(b, CONTAINER_STATE_KIND, c->id);
        if (has_directory)
                container_removal_note(b, c->id);
        if (removes_volumes)
                doom_volumes(c, b, doomed);
        bool is_short_lived = c->record->host_config.is_auto_remove;
        mn_status status = store_commit(c->engine->options.store, b,
                                        is_short_lived ? STORE_RELAXED : STORE_DURABLE, err);
        for (size_t i = 0; status && i < c->record->mounts.len; i++)
                if (doomed[i])
                        volume_removal_cancel(c->engine->options.volumes, c->record->mounts.items[i].name);
        return status;
}

static void release_references(container *c, const bool *doomed) {
        volume_store *volumes = c->engine->options.volumes;
        for (size_t i = 0; i < c->record->mounts.len; i++) {
                const container_mount *m = &c->record->mounts.items[i];
                if (doomed[i])
                        volume_removal_finish(volumes, m->name);
                else if (strcmp(m->type, "volume") == 0)
                        volume_unref(volumes, m->name, c->id);
                else if (strcmp(m->type, "image") == 0)
                        image_collect(c->engine->options.images, m->image_id);
        }
        image_collect(c->engine->options.images, c->record->image_id);
}

/* Out of the tables. Gives back the tables' reference. */
static void forget(container *c) {
        container_engine *e = c->engine;
        engine_lock(e);
        c->is_removed = true;
        e->n_removals++;
        mn_map_remove(e->by_id, c->id);
        mn_map_remove(e->by_name, c->record->name);
        container_execs_free(c);
        container_readers_stop(c);
        container_waits_removed(c);
        container_notify(c);
        engine_unlock(e);
}

static void drop_timers(void *arg) {
        container *c = arg;
        if (c->restart_timer && loop_timer_is_running(c->restart_timer))
                container_unref(c); /* the running timer's */
        if (c->restart_timer)
                loop_timer_remove(c->restart_timer);
        if (c->health_timer)
                loop_timer_remove(c->health_timer);
        c->restart_timer = c->health_timer = NULL;
        container_unref(c);
}

mn_status container_remove_locked(container *c, bool removes_volumes, mn_err *err) {
        container_engine *e = c->engine;
        engine_lock(e);
        container_status before = c->state.status;
        c->state.status = CONTAINER_REMOVING;
        engine_unlock(e);
        container_release_run(c);
        cleanup_free bool *doomed = mn_alloc_array(c->record->mounts.len + 1, sizeof *doomed);
        bool has_directory;
        mn_status status = move_to_trash(c, &has_directory, err);
        if (!status)
                status = delete_record(c, has_directory, removes_volumes, doomed, err);
        if (status) {
                engine_lock(e);
                c->state.status = before == CONTAINER_REMOVING ? CONTAINER_DEAD : before;
                engine_unlock(e);
                return status;
        }
        forget(c);
        container_event(c, "destroy", NULL);
        release_references(c, doomed);
        container_tear_down(c);
        container_purge_trash(e);
        loop_post(e->options.loop, drop_timers, c); /* with the tables' reference */
        return MN_OK;
}

/* ---- requests ---- */

static mn_status refuse_running(container *c, mn_err *err) {
        ENGINE_LOCKED(c->engine);
        const char *what = NULL;
        if (c->state.status == CONTAINER_PAUSED)
                what = "container is paused and must be unpaused first";
        else if (c->state.status == CONTAINER_RUNNING)
                what = "container is running: stop the container before removing or force remove";
        else if (c->state.status == CONTAINER_RESTARTING)
                what = "container is restarting: stop the container before removing or force remove";
        return what ? mn_fail(err, MN_CONFLICT, "cannot remove container \"/%s\": %s", c->record->name, what)
                    : MN_OK;
}

static mn_status end_by_force(container *c, mn_err *err) {
        mn_status status = MN_OK;
        if (container_check_running(c, NULL) == MN_OK)
                status = container_kill_locked(c, err);
        ENGINE_LOCKED(c->engine);
        if (!status && c->state.status == CONTAINER_RESTARTING)
                c->state.status = CONTAINER_EXITED;
        return status;
}

mn_status container_remove(container_engine *e, const char *name, const container_remove_spec *spec,
                           mn_err *err) {
        if (spec->is_link)
                return container_unlink(e, name, err);
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (status)
                return status;
        status = spec->is_forced ? end_by_force(op.c, err) : refuse_running(op.c, err);
        return status ? status : container_remove_locked(op.c, spec->removes_volumes, err);
}
