/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a restart of the daemon: the state database is compared with what the shims say and with what they
 * have written. Every case ends in the same steps as in ordinary life: note_exit, tear-down, removal.
 *
 *   record says    bundle            then
 *   any            shim answers      it runs: taken over with pid, sandbox, volumes
 *   any            exit file         it ended meanwhile, with that code
 *   any            held by nobody    the start was not finished, or the shim was killed: what it made is
 * undone running        none              the machine was restarted: exited (255 like Docker) any -, in the
 * trash   its removal was under way: finished none           shim or exit      its removal was under way: the
 * remains are removed
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "container/engine.h"
#include "container/exec.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { STATUS_TIMEOUT_MS = 30 * 1000, LOOK_AGAIN_MS = 2, EXIT_FILE_MAX = 4096, LOST = 255 };

/* ---- one container ---- */

static void use_volumes_again(container *c) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        for (size_t i = 0; i < c->record->mounts.len; i++) {
                const container_mount *m = &c->record->mounts.items[i];
                char *path;
                if (strcmp(m->type, "volume") == 0 &&
                    volume_use(c->engine->options.volumes, m->name, c->id, true, arena, &path, NULL))
                        mn_log(MN_LOG_WARN, "a running container's volume is missing",
                               " container=%s volume=%s", c->id, m->name);
        }
        c->nvolumes_used = c->record->mounts.len;
}

/* A container that runs: memory catches up with it. */
static void take_over(container *c, shim_link *link, const wire_shim_message *status, int pidfd) {
        bool is_joined = mn_str_has_prefix(c->record->host_config.network_mode, "container:");
        cleanup_err mn_err err = { 0 };
        mn_status lost = is_joined ? MN_OK
                                   : network_sandbox_restore(c->engine->options.networks, c->id, status->pid,
                                                             &err);
        if (lost)
                mn_log(MN_LOG_ERROR, "a running container lost its network", " container=%s error=\"%s\"",
                       c->id, mn_err_text(&err));
        c->has_sandbox = !is_joined && !lost;
        if (c->has_sandbox)
                container_settle_networks(c);
        use_volumes_again(c);
        container_image_mounts_detach(c);
        engine_lock(c->engine);
        bool was_paused = c->state.status == CONTAINER_PAUSED;
        c->run++;
        c->state.status = was_paused ? CONTAINER_PAUSED : CONTAINER_RUNNING;
        c->state.pid = status->pid;
        c->state.was_started = true;
        if (status->started_at)
                c->state.started_at = status->started_at;
        c->pidfd = pidfd;
        c->shim = shim_link_ref(link);
        container_health_begin(c);
        engine_unlock(c->engine);
        exec_restore(c, status);
        container_watch_shim(c, link);
        container_save_state(c);
}

/* Its answer to `status`, once it is past starting: a start that was under way goes on without a daemon. */
static mn_status ask_status(shim_link *link, mn_arena *arena, wire_shim_message *ret, int *ret_pidfd) {
        int64_t deadline = mn_monotonic_ns() + STATUS_TIMEOUT_MS * MN_NS_PER_MS;
        for (;;) {
                wire_shim_request request = { .op = (char *) WIRE_SHIM_STATUS };
                int pidfd = -1;
                mn_status st = shim_link_call(link, &request, NULL, 0, STATUS_TIMEOUT_MS, arena, ret, &pidfd,
                                              NULL);
                bool is_starting = !st && mn_str_equal(ret->state, WIRE_SHIM_STATE_STARTING);
                if (!is_starting || mn_monotonic_ns() > deadline) {
                        *ret_pidfd = pidfd;
                        return st;
                }
                mn_close(pidfd);
                (void) poll(NULL, 0, LOOK_AGAIN_MS);
        }
}

/* True when it runs, and was taken over. Else the shim is gone afterwards. */
static bool ask_shim(container *c, shim_link *link) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_shim_message status = { 0 };
        int pidfd = -1;
        mn_status st = ask_status(link, arena, &status, &pidfd);
        bool is_running = !st && mn_str_equal(status.state, WIRE_SHIM_STATE_RUNNING);
        if (is_running && pidfd < 0)
                pidfd = mn_pidfd_open(status.pid);
        if (is_running && pidfd >= 0) {
                take_over(c, link, &status, pidfd);
                return true;
        }
        mn_close(pidfd);
        bool is_ending = is_running || (!st && mn_str_equal(status.state, WIRE_SHIM_STATE_EXITED));
        if (!is_ending && !shim_link_wait_gone(link, 0)) {
                mn_log(MN_LOG_ERROR, "a shim does not answer and is killed", " container=%s", c->id);
                shim_link_kill(link);
        }
        (void) shim_link_wait_gone(link, CONTAINER_SHIM_GONE_MS);
        return false;
}

/* Looks for who works in the bundle, until somebody was taken over (true) or nobody is there. A shim that was
   given its `start` just before the daemon died has not come to listen yet, but it holds the bundle. */
static bool find_shim(container *c, int bundle_fd) {
        int64_t deadline = mn_monotonic_ns() + CONTAINER_SHIM_GONE_MS * MN_NS_PER_MS;
        do {
                cleanup_shim_link shim_link *link = NULL;
                bool listens = shim_link_connect(bundle_fd, &link, NULL) == MN_OK;
                if (listens && ask_shim(c, link))
                        return true;
                if (!listens && container_bundle_is_free(bundle_fd))
                        return false;
                (void) poll(NULL, 0, LOOK_AGAIN_MS);
        } while (mn_monotonic_ns() < deadline);
        return false;
}

/* The exit file, when the shim has written one. */
static bool read_exit(int bundle_fd, wire_shim_exit *ret) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(bundle_fd, WIRE_SHIM_EXIT_FILE, EXIT_FILE_MAX, &text, &len) < 0 ||
            mn_json_decode_text(&wire_shim_exit_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, ret, NULL))
                return false;
        ret->error = NULL;
        return true;
}

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

static void restore_one(container *c) {
        container_engine *e = c->engine;
        cleanup_close int bundle = container_bundle_open(e, c->id);
        c->has_bundle = bundle >= 0;
        if (faccessat(e->trash_fd, c->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                remove_half_done(c);
                return;
        }
        if (bundle >= 0 && find_shim(c, bundle)) {
                if (container_bundle_had_command(bundle))
                        settle_command(c);
                return;
        }
        wire_shim_exit end;
        bool has_exit = bundle >= 0 && read_exit(bundle, &end);
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
                mn_status st = shim_link_call(link, &request, NULL, 0, STATUS_TIMEOUT_MS, scratch, &status,
                                              &pidfd, NULL);
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
static void report_unknown_directories(container_engine *e) {
        int fd = openat(e->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *entry; (entry = readdir(dir));)
                if (entry->d_name[0] != '.' && !mn_map_has(e->by_id, entry->d_name))
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
        (void) err;
        size_t len;
        container **all = all_containers(e, &len);
        remove_orphans(e);
        for (size_t i = 0; i < len; i++) {
                restore_one(all[i]);
                container_unref(all[i]);
        }
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
