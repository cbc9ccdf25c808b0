/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health checks: a command run in the container every so often, and what its exit codes make of the
 * container's health.
 *
 *   starting --0--> healthy <--0-- / --N failures in a row--> unhealthy
 *
 * The timer belongs to the loop's thread and holds a reference to the container; a probe runs in a worker,
 * one at a time for each container. Begin and end are asked for from any thread and reach the loop in order.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/time.h"
#include "container/exec.h"
#include "sys/fd.h"
#include "sys/spawn.h"

#define DEFAULT_INTERVAL_NS (30 * MN_NS_PER_SEC)
#define DEFAULT_TIMEOUT_NS (30 * MN_NS_PER_SEC)
#define DEFAULT_START_INTERVAL_NS (5 * MN_NS_PER_SEC)

enum {
        DEFAULT_RETRIES = 3,
        LOG_LENGTH = 5,     /* probes kept */
        OUTPUT_MAX = 4096,  /* bytes of output kept of each */
        AFTER_END_MS = 1000 /* from the end of the output to the exit code */
};

/* ---- the configuration ---- */

static const wire_health_config *config_of(const container *c) {
        const wire_health_config *h = c->record->config.healthcheck;
        bool is_off = !h || mn_strv_len(h->test) == 0 || strcmp(h->test[0], "NONE") == 0;
        return is_off ? NULL : h;
}

static int64_t or_default(int64_t value, int64_t fallback) {
        return value > 0 ? value : fallback;
}

/* Time until the next probe. State lock held. */
static int64_t next_interval_ns(const container *c) {
        const wire_health_config *h = config_of(c);
        bool is_starting = c->state.health && mn_str_equal(c->state.health->status, "starting");
        if (is_starting && mn_now_ns() - c->state.started_at < h->start_period_ns)
                return or_default(h->start_interval_ns, DEFAULT_START_INTERVAL_NS);
        return or_default(h->interval_ns, DEFAULT_INTERVAL_NS);
}

/* argv of the probe; NULL for a test that names nothing to run. */
static char **command_of(const container_record *r, mn_arena *arena) {
        static char *const default_shell[] = { (char *) "/bin/sh", (char *) "-c", NULL };
        char *const *test = r->config.healthcheck->test;
        bool is_shell = strcmp(test[0], "CMD-SHELL") == 0;
        char *const *shell = !is_shell                      ? NULL
                             : mn_strv_len(r->config.shell) ? r->config.shell
                                                            : default_shell;
        size_t nshell = mn_strv_len(shell), nargs = mn_strv_len(test + 1);
        char **argv = mn_arena_array(arena, nshell + nargs + 1, sizeof *argv);
        for (size_t i = 0; i < nshell; i++)
                argv[i] = mn_arena_strdup(arena, shell[i]);
        for (size_t i = 0; i < nargs; i++)
                argv[nshell + i] = mn_arena_strdup(arena, test[1 + i]);
        return nargs ? argv : NULL;
}

/* ---- results ---- */

struct outcome {
        int64_t start_ns, end_ns;
        int32_t exit_code; /* -1: it could not be run, or took too long */
        const char *output;
};

/* The health after a probe, in an arena of its own. State lock held. */
static wire_health *next_health(const container *c, const struct outcome *o, mn_arena *arena) {
        const wire_health *old = c->state.health;
        const wire_health_config *config = config_of(c);
        wire_health *h = mn_arena_alloc(arena, sizeof *h);
        size_t skip = old->log.len >= LOG_LENGTH ? old->log.len - (LOG_LENGTH - 1) : 0;
        h->log.items = mn_arena_array(arena, LOG_LENGTH, sizeof *h->log.items);
        for (size_t i = skip; i < old->log.len; i++) {
                h->log.items[h->log.len] = old->log.items[i];
                h->log.items[h->log.len++].output = mn_arena_strdup(arena, old->log.items[i].output);
        }
        h->log.items[h->log.len++] = (wire_health_result){
                .start_ns = o->start_ns,
                .end_ns = o->end_ns,
                .exit_code = o->exit_code,
                .output = mn_arena_strdup(arena, o->output),
        };
        h->status = mn_arena_strdup(arena, old->status);
        h->failing_streak = old->failing_streak;
        if (o->exit_code == 0) {
                h->failing_streak = 0;
                h->status = mn_arena_strdup(arena, "healthy");
                return h;
        }
        bool is_excused = mn_str_equal(old->status, "starting") &&
                          o->start_ns - c->state.started_at < config->start_period_ns;
        if (!is_excused && ++h->failing_streak >= (int32_t) or_default(config->retries, DEFAULT_RETRIES))
                h->status = mn_arena_strdup(arena, "unhealthy");
        return h;
}

/* State lock held. */
static void set_health(container *c, wire_health *health, mn_arena *arena) {
        mn_arena_free(c->health_arena);
        c->health_arena = arena;
        c->state.health = health;
}

/* Enters the result of a probe of run number `run`, and tells when the status has changed. */
static void note_outcome(container *c, unsigned run, const struct outcome *o) {
        char event[64] = "";
        engine_lock(c->engine);
        if (c->run == run && container_is_running(c) && c->state.health && config_of(c)) {
                mn_arena *arena = mn_arena_new();
                wire_health *h = next_health(c, o, arena);
                if (!mn_str_equal(h->status, c->state.health->status))
                        snprintf(event, sizeof event, "health_status: %s", h->status);
                set_health(c, h, arena);
        }
        engine_unlock(c->engine);
        if (!*event)
                return;
        container_save_state(c);
        container_event(c, event, NULL);
}

/* ---- one probe ---- */

/* Collects the probe's output until its end; false when the time is up first. What is over the limit is
 * dropped. */
static bool read_output(int fd, int64_t deadline_ns, mn_str *out) {
        char buffer[4096];
        for (;;) {
                int64_t left_ms = (deadline_ns - mn_monotonic_ns()) / MN_NS_PER_MS;
                struct pollfd p = { .fd = fd, .events = POLLIN };
                if (left_ms <= 0 || poll(&p, 1, (int) MN_MIN(left_ms, (int64_t) INT32_MAX)) == 0)
                        return false;
                ssize_t n = read(fd, buffer, sizeof buffer);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return true;
                size_t room = OUTPUT_MAX - out->len;
                mn_str_add_len(out, buffer, MN_MIN((size_t) n, room));
                if ((size_t) n > room && !mn_str_has_suffix(mn_str_text(out), "..."))
                        mn_str_add(out, "...");
        }
}

/* Waits for the session's end; false when it did not come in time. */
static bool wait_exit(exec_session *s, int64_t deadline_ns, int32_t *ret_code) {
        struct timespec until = { deadline_ns / MN_NS_PER_SEC, deadline_ns % MN_NS_PER_SEC };
        ENGINE_LOCKED(s->c->engine);
        while (s->state != EXEC_ENDED)
                if (pthread_cond_timedwait(&s->c->changed, &s->c->engine->lock, &until) == ETIMEDOUT)
                        break;
        *ret_code = s->exit_code;
        return s->state == EXEC_ENDED;
}

static void kill_session(exec_session *s) {
        engine_lock(s->c->engine);
        cleanup_close int pidfd = s->state == EXEC_RUNNING && s->pid > 0 ? mn_pidfd_open(s->pid) : -1;
        engine_unlock(s->c->engine);
        if (pidfd >= 0)
                mn_pidfd_kill(pidfd, SIGKILL);
}

/* Runs the command; its output and exit code. */
static void run_probe(exec_session *s, int64_t timeout_ns, mn_str *output, struct outcome *o) {
        int pair[2];
        o->exit_code = -1;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                mn_str_add(output, "cannot make a socket");
                return;
        }
        cleanup_close int ours = pair[0], theirs = pair[1];
        wire_shim_streams streams = { .has_stdout = true, .has_stderr = true };
        cleanup_err mn_err err = { 0 };
        int64_t deadline = mn_monotonic_ns() + timeout_ns;
        if (exec_session_run(s, &streams, theirs, 0, 0, &err)) {
                mn_str_add(output, mn_err_text(&err));
                return;
        }
        theirs = mn_close(theirs);
        bool is_in_time = read_output(ours, deadline, output) &&
                          wait_exit(s, MN_MAX(deadline, mn_monotonic_ns() + AFTER_END_MS * MN_NS_PER_MS),
                                    &o->exit_code);
        if (is_in_time)
                return;
        kill_session(s);
        o->exit_code = -1;
        mn_str_truncate(output, 0);
        char text[64];
        snprintf(text, sizeof text, "Health check exceeded timeout (%gs)", (double) timeout_ns / 1e9);
        mn_str_add(output, text);
}

static void probe(container *c, unsigned run) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        engine_lock(c->engine);
        const wire_health_config *config = config_of(c);
        bool is_due = config && c->run == run && c->state.status == CONTAINER_RUNNING;
        wire_exec_create request = {
                .is_stdout_attached = true,
                .is_stderr_attached = true,
                .cmd = is_due ? command_of(c->record, arena) : NULL,
        };
        int64_t timeout_ns = config ? or_default(config->timeout_ns, DEFAULT_TIMEOUT_NS) : 0;
        engine_unlock(c->engine);
        if (!request.cmd)
                return;
        cleanup_exec exec_session *s = NULL;
        if (exec_session_new(c, &request, &s, NULL))
                return; /* it has just ended */
        cleanup_str mn_str output = MN_STR_INIT(2 * OUTPUT_MAX);
        struct outcome o = { .start_ns = mn_now_ns() };
        run_probe(s, timeout_ns, &output, &o);
        o.end_ns = mn_now_ns();
        o.output = mn_str_text(&output);
        note_outcome(c, run, &o);
        exec_session_forget(s);
}

/* ---- the timer (loop thread) ---- */

/* A container and the run its timer is for. */
struct tick {
        container *c; /* a reference */
        unsigned run;
};

static struct tick *new_tick(container *c, unsigned run) {
        struct tick *t = mn_alloc(sizeof *t);
        *t = (struct tick){ container_ref(c), run };
        return t;
}

static void free_tick(struct tick *t) {
        container_unref(t->c);
        mn_freep(&t);
}

static void probe_due(void *arg);

/* Sets the timer for the next probe of the run, if that still is the one. */
static void schedule(void *arg) {
        struct tick *t = arg;
        container *c = t->c;
        engine_lock(c->engine);
        bool is_current = c->run == t->run && container_is_running(c) && config_of(c) && c->state.health;
        int64_t after_ms = is_current ? next_interval_ns(c) / MN_NS_PER_MS : -1;
        if (is_current && !c->health_timer) {
                container_ref(c);
                c->health_timer = loop_timer_add(c->engine->options.loop, probe_due, c);
        }
        engine_unlock(c->engine);
        if (is_current)
                loop_timer_set(c->health_timer, after_ms);
        free_tick(t);
}

static void probe_in_worker(container *c) {
        engine_lock(c->engine);
        unsigned run = c->run;
        struct tick *next = new_tick(c, run);
        engine_unlock(c->engine);
        probe(c, run);
        loop_post(c->engine->options.loop, schedule, next);
}

static void probe_due(void *arg) {
        container_run_job(arg, probe_in_worker);
}

static void stop_timer(void *arg) {
        struct tick *t = arg;
        loop_timer *timer = MN_TAKE(t->c->health_timer);
        if (timer) {
                loop_timer_remove(timer);
                container_unref(t->c); /* the timer's; ours is still there */
        }
        free_tick(t);
}

/* ---- begin and end ---- */

void container_health_begin(container *c) {
        if (!config_of(c)) {
                set_health(c, NULL, NULL);
                return;
        }
        mn_arena *arena = mn_arena_new();
        wire_health *h = mn_arena_alloc(arena, sizeof *h);
        h->status = mn_arena_strdup(arena, "starting");
        set_health(c, h, arena);
        loop_post(c->engine->options.loop, schedule, new_tick(c, c->run));
}

void container_health_end(container *c) {
        if (c->state.health)
                loop_post(c->engine->options.loop, stop_timer, new_tick(c, c->run));
}
