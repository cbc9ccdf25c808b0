/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a restart of the daemon: the state database is compared with what the shims say and with what they
 * have written. Every case ends in the same steps as in ordinary life: note_exit, tear-down, removal.
 *
 * - Its shim answers: it runs, and is taken over with pid, sandbox, volumes.
 * - There is an exit file: it ended meanwhile, with that code.
 * - There is a bundle nobody holds: the start was not finished, or the shim was killed; what it made is
 * undone.
 * - There is no bundle, and the record says running: the machine was restarted; exited (255 like Docker).
 * - Its directory is in the trash: its removal was under way, and is finished.
 * - There is a shim or an exit file without a record: a removal was under way; the remains are removed.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "container/engine.h"
#include "container/take_over.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { ORPHAN_ANSWERS_MS = 1000, LOST = 255 };

/* ---- one container ---- */

/* Ended while no daemon looked. */
static void note_missed_end(container *c, const wire_shim_exit *end) {
        engine_lock(c->engine);
        bool was_up = container_is_running(c);
        container_status old = c->state.status;
        /* Started by the former daemon, which was killed before it could say so in the database. */
        bool is_news = end && old != CONTAINER_RESTARTING && end->exited_at > c->state.finished_at;
        if (was_up || is_news) {
                c->run++;
                c->state.status = CONTAINER_RUNNING;
                c->state.was_started = true;
        }
        unsigned run = c->run;
        engine_unlock(c->engine);
        if (was_up || is_news)
                container_note_exit(c, run, end ? end->exit_code : LOST, end ? end->exited_at : mn_now_ns(),
                                    end && end->is_oom_killed);
}

static void remove_half_done(container *c) {
        cleanup_err mn_err err = { 0 };
        cleanup_operation container_operation op = { 0 };
        if (container_operate_on(c, &op, NULL))
                return; /* its end was noted just now, and that removed it */
        if (container_remove_locked(c, true, &err))
                mn_log(MN_LOG_ERROR, "cannot finish a removal", " container=%s error=\"%s\"", c->id,
                       mn_err_text(&err));
}

/* A pause or an update was under way and not acknowledged: what was acknowledged last holds. */
static void settle_command(container *c) {
        engine_lock(c->engine);
        bool is_paused = c->state.status == CONTAINER_PAUSED;
        engine_unlock(c->engine);
        char *args[] = { (char *) (is_paused ? "pause" : "resume"), NULL };
        (void) !container_runtime_command(c, args, NULL, NULL); /* fails where it is so already */
        (void) !container_apply_resources(c, &c->record->host_config.resources, NULL);
        container_bundle_end_command(c);
}

static void restore_one(container *c, shim_link *link, bool is_silent) {
        container_engine *e = c->engine;
        cleanup_close int bundle = container_bundle_open(e, c->id);
        c->has_bundle = bundle >= 0;
        if (faccessat(e->trash_fd, c->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                if (is_silent)
                        shim_link_kill(link);
                remove_half_done(c);
                return;
        }
        bool is_taken = is_silent ? container_take_over_silent(c, bundle, link)
                                  : bundle >= 0 && container_find_shim(c, bundle, link);
        if (!is_taken && is_silent) /* its shim was killed */
                is_taken = container_find_shim(c, bundle, link);
        if (is_taken) {
                if (container_bundle_had_command(bundle))
                        settle_command(c);
                return;
        }
        wire_shim_exit end;
        bool has_exit = bundle >= 0 && container_read_exit(bundle, &end);
        note_missed_end(c, has_exit ? &end : NULL);
        engine_lock(e);
        /* Who is started again or removed is torn down then. */
        bool is_removed = c->state.status == CONTAINER_EXITED && c->record->host_config.is_auto_remove;
        bool is_left = c->state.status != CONTAINER_RESTARTING && !is_removed;
        engine_unlock(e);
        if (is_left)
                container_tear_down(c);
}

/* ---- remains without a record ---- */

/* The bundle of a container whose record is gone: the removal had got that far. The same tear-down undoes it.
 */
static void remove_orphan_bundle(container_engine *e, const char *id) {
        mn_log(MN_LOG_INFO, "finishing the removal of a container", " container=%s", id);
        cleanup_close int bundle = container_bundle_open(e, id);
        mn_arena *arena = mn_arena_new();
        container_record *record = mn_arena_alloc(arena, sizeof *record);
        record->id = record->name = mn_arena_strdup(arena, id);
        record->host_config.runtime = mn_arena_strdup(arena, e->options.runtimes[0].name);
        cleanup_container container *c = container_new(e, arena, record);
        c->has_bundle = true;
        shim_link *link = NULL;
        if (bundle >= 0 && shim_link_connect(bundle, &link, NULL) == MN_OK) {
                cleanup_arena mn_arena *scratch = mn_arena_new();
                wire_shim_request request = { .op = (char *) WIRE_SHIM_STATUS };
                wire_shim_message status = { 0 };
                int pidfd = -1;
                mn_status st = shim_link_call(link, &request, NULL, 0, ORPHAN_ANSWERS_MS, scratch, &status,
                                              &pidfd, NULL);
                if (st)
                        shim_link_kill(link);
                if (!st && pidfd < 0 && status.pid > 0)
                        pidfd = mn_pidfd_open(status.pid);
                if (pidfd >= 0)
                        (void) mn_pidfd_kill(pidfd, SIGKILL);
                mn_close(pidfd);
                c->shim = link;
        }
        container_tear_down(c);
}

static void remove_orphans(container_engine *e) {
        int fd = openat(e->bundles_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *entry; (entry = readdir(dir));) {
                bool is_id = strlen(entry->d_name) == MN_ID_LEN && mn_id_is_prefix(entry->d_name);
                engine_lock(e);
                bool is_known = mn_map_has(e->by_id, entry->d_name);
                engine_unlock(e);
                if (is_id && !is_known)
                        remove_orphan_bundle(e, entry->d_name);
        }
        closedir(dir);
}

/* Directories nobody knows are kept: they may belong to a database that was put aside. */
/* Its record need not have reached the disk before the power cut that ended it. */
static bool was_short_lived(container_engine *e, const char *name) {
        struct stat st;
        return fstatat(e->containers_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
               (st.st_mode & CONTAINER_SHORT_LIVED) &&
               renameat(e->containers_fd, name, e->trash_fd, name) == 0;
}

static void report_unknown_directories(container_engine *e) {
        int fd = openat(e->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *entry; (entry = readdir(dir));)
                if (entry->d_name[0] != '.' && !mn_map_has(e->by_id, entry->d_name) &&
                    !was_short_lived(e, entry->d_name))
                        mn_log(MN_LOG_WARN, "a container's directory without a container is kept",
                               " name=\"%s\"", entry->d_name);
        closedir(dir);
}

/* ---- all ---- */

static container **all_containers(container_engine *e, size_t *ret_len) {
        MN_VEC(container *) all = { 0 };
        ENGINE_LOCKED(e);
        size_t pos = 0;
        void *value;
        while (mn_map_next(e->by_id, &pos, NULL, &value))
                mn_vec_push(&all, container_ref(value));
        *ret_len = all.len;
        return all.items;
}

mn_status container_engine_restore(container_engine *e, mn_err *err) {
        mn_status status = container_removals_settle(e, err);
        if (status)
                return status;
        size_t len;
        container **all = all_containers(e, &len);
        roll_call call;
        roll_call_begin(&call, all, len);
        remove_orphans(e);
        size_t i;
        bool is_silent;
        while (roll_call_next(&call, &i, &is_silent)) {
                restore_one(all[i], call.links[i], is_silent);
                container_unref(all[i]);
        }
        roll_call_end(&call);
        mn_freep(&all);
        report_unknown_directories(e);
        container_purge_trash(e);
        container_want_spare_shim(e);
        return MN_OK;
}

/* ---- restart policies after a restart of the machine ---- */

static void start_job(container *c) {
        cleanup_operation container_operation op = { 0 };
        if (container_operate_on(c, &op, NULL))
                return;
        engine_lock(c->engine);
        bool is_down = c->state.status == CONTAINER_EXITED || c->state.status == CONTAINER_RESTARTING;
        engine_unlock(c->engine);
        cleanup_err mn_err err = { 0 };
        if (is_down && container_launch(c, &err))
                mn_log(MN_LOG_ERROR, "cannot start a container by its restart policy",
                       " container=%s error=\"%s\"", c->id, mn_err_text(&err));
}

/* State lock held. */
static bool wants_start(const container *c) {
        const char *policy = c->record->host_config.restart_policy.name;
        if (c->state.status == CONTAINER_RESTARTING)
                return true;
        if (c->state.status != CONTAINER_EXITED || !c->state.was_started || mn_str_is_empty(policy))
                return false;
        if (strcmp(policy, "always") == 0)
                return true;
        return strcmp(policy, "unless-stopped") == 0 && !c->state.is_manually_stopped;
}

void container_engine_start(container_engine *e) {
        size_t len;
        container **all = all_containers(e, &len);
        for (size_t i = 0; i < len; i++) {
                container *c = all[i];
                engine_lock(e);
                bool is_wanted = wants_start(c);
                bool is_over = c->state.status == CONTAINER_EXITED && c->record->host_config.is_auto_remove;
                engine_unlock(e);
                if (is_wanted)
                        container_run_job(c, start_job);
                else if (is_over)
                        container_run_job(c, remove_half_done);
                container_unref(c);
        }
        mn_freep(&all);
}
