/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a run: what the shim says is noted at once (in the loop's thread, memory only), the rest
 * (freeing what the run held, removal, restart) is a worker's.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "container/engine.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { DELETE_TRIES = 10 };

enum { RESTART_MIN_MS = 100, RESTART_MAX_MS = 60 * 1000, RESTART_RESET_S = 10, KILLED_BY_FORCE = 137 };

/* ---- restart policy ---- */

/* State lock held. */
static bool wants_restart(const container *c, int32_t code) {
        const wire_restart_policy *p = &c->record->host_config.restart_policy;
        if (c->is_stop_wanted || c->engine->is_shutting_down || mn_str_is_empty(p->name))
                return false;
        if (strcmp(p->name, "always") == 0 || strcmp(p->name, "unless-stopped") == 0)
                return true;
        return strcmp(p->name, "on-failure") == 0 && code != 0 &&
               (!p->maximum_retry_count || c->state.restart_count < p->maximum_retry_count);
}

/* 100 ms, doubled every time up to a minute; from the beginning after ten seconds of life. */
static void set_restart_delay(container *c, int64_t lived_ns) {
        if (lived_ns >= RESTART_RESET_S * MN_NS_PER_SEC || !c->restart_delay_ms)
                c->restart_delay_ms = RESTART_MIN_MS;
        else
                c->restart_delay_ms = MN_MIN(2 * c->restart_delay_ms, (int64_t) RESTART_MAX_MS);
}

static void restart_job(container *c) {
        cleanup_operation container_operation op = { 0 };
        if (container_operate_on(c, &op, NULL))
                return;
        engine_lock(c->engine);
        bool is_due = c->state.status == CONTAINER_RESTARTING;
        c->state.restart_count += is_due;
        engine_unlock(c->engine);
        cleanup_err mn_err err = { 0 };
        if (is_due && container_launch(c, &err))
                mn_log(MN_LOG_ERROR, "cannot restart a container", " container=%s error=\"%s\"", c->id,
                       mn_err_text(&err));
}

static void restart_due(void *arg) {
        container *c = arg;
        container_run_job(c, restart_job);
        container_unref(c); /* the timer's */
}

/* Loop thread; `arg` holds a reference, which the running timer keeps. */
static void arm_restart(void *arg) {
        container *c = arg;
        if (c->restart_timer)
                loop_timer_remove(c->restart_timer);
        c->restart_timer = loop_timer_add(c->engine->options.loop, restart_due, c);
        engine_lock(c->engine);
        int64_t delay = c->restart_delay_ms;
        engine_unlock(c->engine);
        loop_timer_set(c->restart_timer, delay);
}

static void schedule_restart(container *c) {
        engine_lock(c->engine);
        container_ref(c);
        engine_unlock(c->engine);
        loop_post(c->engine->options.loop, arm_restart, c);
}

/* ---- the end is noted ---- */

/* Operation and state of the container after its end, in a worker. */
static void after_exit(container *c) {
        engine_lock(c->engine);
        bool is_down = c->engine->is_shutting_down;
        engine_unlock(c->engine);
        if (is_down || !c->record->host_config.is_auto_remove)
                container_save_state(c);
        cleanup_operation container_operation op = { 0 };
        if (container_operate_on(c, &op, NULL))
                return;
        engine_lock(c->engine);
        container_status now = c->state.status;
        engine_unlock(c->engine);
        if (now != CONTAINER_EXITED && now != CONTAINER_RESTARTING)
                return; /* started again, or removed, meanwhile: that has cleaned up */
        cleanup_err mn_err err = { 0 };
        if (now == CONTAINER_RESTARTING) {
                container_tear_down(c);
                schedule_restart(c);
        } else if (!c->record->host_config.is_auto_remove) {
                container_tear_down(c);
        } else if (container_remove_locked(c, true, &err)) {
                mn_log(MN_LOG_ERROR, "cannot remove a container", " container=%s error=\"%s\"", c->id,
                       mn_err_text(&err));
        }
}

void container_note_exit(container *c, unsigned run, int32_t code, int64_t exited_at, bool is_oom_killed) {
        engine_lock(c->engine);
        if (c->run != run || !container_is_running(c)) {
                engine_unlock(c->engine);
                return;
        }
        bool is_oom_told = c->oom_run == run;
        int64_t lived_ns = exited_at - c->state.started_at;
        bool is_restarted = wants_restart(c, code);
        c->state.status = is_restarted ? CONTAINER_RESTARTING : CONTAINER_EXITED;
        c->state.pid = 0;
        c->state.exit_code = code;
        c->state.finished_at = exited_at;
        c->state.is_oom_killed = is_oom_killed;
        c->state.is_manually_stopped = c->is_stop_wanted;
        if (is_restarted)
                set_restart_delay(c, lived_ns);
        c->pidfd = mn_close(c->pidfd);
        container_health_end(c);
        container_execs_end(c);
        container_readers_stop(c);
        container_waits_exited(c);
        container_notify(c);
        engine_unlock(c->engine);

        char code_text[16], seconds[32];
        snprintf(code_text, sizeof code_text, "%d", code);
        snprintf(seconds, sizeof seconds, "%lld", (long long) (lived_ns / MN_NS_PER_SEC));
        if (is_oom_killed && !is_oom_told)
                container_event(c, "oom", NULL);
        container_event(c, "die", "exitCode", code_text, "execDuration", seconds, NULL);
        container_run_job(c, after_exit);
}

/* ---- the shim's messages ---- */

/* The shim died before its container: nobody holds the streams any more, so the container is ended, too. */
static void shim_lost(container *c, unsigned run) {
        engine_lock(c->engine);
        bool is_running = c->run == run && container_is_running(c);
        if (is_running && c->pidfd >= 0)
                (void) mn_pidfd_kill(c->pidfd, SIGKILL);
        if (is_running)
                container_set_error(c, "the container's shim ended unexpectedly");
        engine_unlock(c->engine);
        if (!is_running)
                return;
        mn_log(MN_LOG_ERROR, "a shim ended before its container", " container=%s", c->id);
        container_note_exit(c, run, KILLED_BY_FORCE, mn_now_ns(), false);
}

void container_shim_event(void *arg, const wire_shim_message *message, int fd) {
        struct container_link_arg *link = arg;
        container *c = link->c;
        mn_close(fd);
        if (!message) {
                shim_lost(c, link->run);
                mn_freep(&link);
                container_unref(c);
        } else if (strcmp(message->event, WIRE_SHIM_EXITED) == 0) {
                container_note_exit(c, link->run, message->code, message->exited_at, message->is_oom_killed);
        } else if (strcmp(message->event, WIRE_SHIM_EXEC_EXITED) == 0) {
                container_exec_exited(c, message->exec_id, message->code);
        } else if (strcmp(message->event, WIRE_SHIM_DETACHED) == 0) {
                container_event(c, mn_str_is_empty(message->exec_id) ? "detach" : "exec_detach", "execID",
                                message->exec_id, NULL);
        } else if (strcmp(message->event, WIRE_SHIM_OOM) == 0) {
                engine_lock(c->engine);
                c->oom_run = link->run;
                engine_unlock(c->engine);
                container_event(c, "oom", NULL);
        }
}

void container_watch_shim(container *c, shim_link *link) {
        struct container_link_arg *arg = mn_alloc(sizeof *arg);
        engine_lock(c->engine);
        *arg = (struct container_link_arg){ container_ref(c), c->run };
        engine_unlock(c->engine);
        shim_link_watch(link, c->engine->options.loop, container_shim_event, arg);
}

/* ---- tear-down ---- */

static void release_volumes(container *c) {
        for (; c->nvolumes_used; c->nvolumes_used--) {
                const container_mount *m = &c->record->mounts.items[c->nvolumes_used - 1];
                if (strcmp(m->type, "volume") == 0)
                        volume_unuse(c->engine->options.volumes, m->name, c->id);
        }
}

void container_release_run(container *c) {
        if (c->has_sandbox)
                network_sandbox_release(c->engine->options.networks, c->id);
        c->has_sandbox = false;
        release_volumes(c);
}

/* The shim undoes what the runtime made; when it could not, this does. */
static void finish_shim(container *c) {
        engine_lock(c->engine);
        shim_link *link = c->shim;
        c->shim = NULL;
        c->is_shim_silent = false;
        engine_unlock(c->engine);
        bool is_gone = link && shim_link_wait_gone(link, CONTAINER_SHIM_GONE_MS);
        if (link && !is_gone) {
                mn_log(MN_LOG_WARN, "a shim does not end and is killed", " container=%s", c->id);
                shim_link_kill(link);
                (void) shim_link_wait_gone(link, CONTAINER_SHIM_GONE_MS);
        }
        shim_link_unref(link);
        /* A killed shim leaves its runtime behind: it is through in a moment. */
        (void) container_bundle_wait_free(c->engine, c->id, CONTAINER_SHIM_GONE_MS);
        cleanup_free char *runtime_state = mn_asprintf("%s/runtime/%s", c->id, c->id);
        if (faccessat(c->engine->bundles_fd, runtime_state, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        char *args[] = { (char *) "delete", (char *) "--force", NULL };
        for (int tries = 0; tries < DELETE_TRIES; tries++) { /* somebody may kill it, too */
                cleanup_err mn_err err = { 0 };
                if (!container_runtime_command(c, args, NULL, &err))
                        return;
                mn_log(MN_LOG_WARN, "the runtime cannot delete a container", " container=%s error=\"%s\"",
                       c->id, mn_err_text(&err));
        }
}

void container_tear_down(container *c) {
        container_release_run(c);
        if (!c->has_bundle)
                return;
        finish_shim(c);
        cleanup_arena mn_arena *arena = mn_arena_new();
        umount2(container_bundle_path(c, arena, "rootfs"), MNT_DETACH | UMOUNT_NOFOLLOW);
        container_image_mounts_detach(c);
        container_shared_memory_detach(c);
        int r = mn_remove_tree(c->engine->bundles_fd, c->id);
        if (r == -ENOENT) /* the look for unknown bundles after a daemon's start was faster */
                r = 0;
        if (r < 0)
                mn_log(MN_LOG_WARN, "cannot remove a bundle", " container=%s error=\"%s\"", c->id,
                       mn_strerror(r));
        c->has_bundle = r < 0;
}
