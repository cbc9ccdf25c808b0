/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the container:
 *
 *   first process gone -> output drained -> exit file -> event `exited`      (somebody waits for this)
 *   -> runtime `delete --force` -> mount namespace let go -> last clients served -> socket removed, we end
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "shim/shim.h"
#include "sys/fd.h"
#include "sys/file.h"

/* Written whole and renamed, not synced: it has to outlive the daemon, not the machine, with which the
   container ends anyhow. */
static void write_exit_file(struct shim *shim, const char *error) {
        wire_shim_exit document = {
                .exit_code = shim->code,
                .exited_at = shim->exited_at,
                .is_oom_killed = shim->is_oom_killed,
                .error = (char *) error,
        };
        cleanup_str mn_str text = MN_STR_INIT(WIRE_SHIM_MAX_MESSAGE);
        mn_json_encode(&wire_shim_exit_type, &document, 0, &text);
        int r = mn_str_error(&text);
        if (r == 0)
                r = mn_file_replace(shim->bundle_fd, WIRE_SHIM_EXIT_FILE, text.data, text.len, 0600);
        if (r < 0)
                mn_error("cannot write exit file", " container=%s error=\"%s\"", shim->config.container_id,
                         mn_strerror(r));
}

/* Who waits for our end (to start the container again, to remove it) shall not wait for clients that are slow
   to take the last of their output: a child of ours goes on serving them. One thread and no more state to
   write, so a plain fork will do. */
static void leave_clients_to_a_child(struct shim *shim) {
        shim_peers_close(shim);
        pid_t pid = fork();
        if (pid > 0)
                _exit(0); /* without cleaning up: the set of epoll is the child's, too */
        shim->hold_fd = mn_close(shim->hold_fd); /* nothing is written to the bundle any more */
        shim->is_only_serving = true;            /* the child, or we ourselves where there can be none */
}

void shim_leave_when_done(struct shim *shim) {
        if (shim->state != SHIM_EXITED || !shim->is_deleted || shim_execs_are_running(shim))
                return;
        if (shim->leaving_clients == 0)
                loop_quit(shim->loop);
        else if (!shim->is_only_serving)
                leave_clients_to_a_child(shim);
}

static void was_deleted(void *arg, int wait_status, const char *error) {
        struct shim *shim = arg;
        if (mn_exit_code(wait_status) != 0)
                mn_warn("runtime delete failed", " container=%s error=\"%s\"", shim->config.container_id,
                        error);
        /* The last hold on the overlay: this may sync its file system. */
        shim->mnt_ns_fd = mn_close(shim->mnt_ns_fd);
        shim->is_deleted = true;
        shim_leave_when_done(shim);
}

static void delete_container(struct shim *shim, shim_job_fn fn) {
        char *args[] = { (char *) "delete", (char *) "--force", shim->config.container_id, NULL };
        int r = shim_job_start(shim, args, NULL, 0, fn, shim);
        if (r < 0)
                fn(shim, 1 << 8, mn_strerror(r)); /* as if it had exited with 1 */
}

/* ---- a start that failed ---- */

static void was_undone(void *arg, int wait_status, const char *error) {
        (void) wait_status;
        (void) error;
        struct shim *shim = arg;
        wire_shim_message message = { .error = shim->failure, .code = shim->code };
        shim->exited_at = mn_now_ns();
        write_exit_file(shim, shim->failure);
        shim->state = SHIM_EXITED;
        shim->is_deleted = true;
        shim_reply(shim, shim->starter, &message, -1);
        message.id = 0;
        message.event = (char *) WIRE_SHIM_FAILED;
        shim_broadcast(shim, &message, -1, shim->starter.peer);
        shim_session_release(&shim->session);
        shim_leave_when_done(shim);
}

void shim_start_failed(struct shim *shim, const char *error, int code) {
        shim->failure = mn_arena_strdup(shim->arena, error);
        shim->code = code;
        if (shim->bundle_fd < 0) { /* not even a bundle: the runtime was never asked */
                was_undone(shim, 0, "");
                return;
        }
        delete_container(shim, was_undone);
}

/* ---- a container that ended ---- */

void shim_container_drained(struct shim_session *s) {
        struct shim *shim = s->shim;
        logs_writer_close(MN_TAKE(s->log));
        write_exit_file(shim, NULL);
        shim->state = SHIM_EXITED;
        wire_shim_message event = {
                .event = (char *) WIRE_SHIM_EXITED,
                .code = shim->code,
                .exited_at = shim->exited_at,
                .is_oom_killed = shim->is_oom_killed,
        };
        shim_broadcast(shim, &event, -1, 0);
        shim_session_release(s);
        sched_yield(); /* the daemon and its client, who wait for this, before what nobody waits for */
        delete_container(shim, was_deleted);
}

void shim_container_ended(struct shim *shim, int wait_status) {
        shim->has_ended = true;
        shim->wait_status = wait_status;
        if (shim->state != SHIM_RUNNING)
                return; /* a foreign runtime has created it and not yet come back from `start` */
        shim->state = SHIM_ENDED;
        shim->exited_at = mn_now_ns();
        shim->code = mn_exit_code(wait_status);
        shim->is_oom_killed = shim_oom_happened(shim);
        shim_oom_release(shim);
        shim_session_finish(&shim->session);
}
