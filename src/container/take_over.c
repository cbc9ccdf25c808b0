/* SPDX-License-Identifier: Apache-2.0 */
#include "container/take_over.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "base/time.h"
#include "base/vec.h"
#include "container/exec.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum {
        ASK_MS = 2000,           /* for all shims together */
        START_MS = 30 * 1000,    /* for a start that is under way */
        LOOK_AGAIN_MS = 2,       /* at a start, at a bundle */
        LOOK_AT_SILENT_MS = 200, /* so long a daemon that goes down waits for nothing */
        SMALL_FILE_MAX = 4096,
        KILLED = 137,
};

bool container_read_exit(int bundle_fd, wire_shim_exit *ret) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(bundle_fd, WIRE_SHIM_EXIT_FILE, SMALL_FILE_MAX, &text, &len) < 0 ||
            mn_json_decode_text(&wire_shim_exit_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, ret, NULL))
                return false;
        ret->error = NULL;
        return true;
}

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
static void take_run(container *c, shim_link *link, pid_t pid, int pidfd, bool is_silent) {
        bool is_joined = mn_str_has_prefix(c->record->host_config.network_mode, "container:");
        cleanup_err mn_err err = { 0 };
        mn_status lost = is_joined ? MN_OK
                                   : network_sandbox_restore(c->engine->options.networks, c->id, pid, &err);
        if (lost)
                mn_log(MN_LOG_ERROR, "a running container lost its network", " container=%s error=\"%s\"",
                       c->id, mn_err_text(&err));
        c->has_sandbox = !is_joined && !lost;
        if (c->has_sandbox)
                container_settle_networks(c);
        use_volumes_again(c);
        container_image_mounts_detach(c);
        ENGINE_LOCKED(c->engine);
        bool was_paused = c->state.status == CONTAINER_PAUSED;
        c->run++;
        c->state.status = was_paused ? CONTAINER_PAUSED : CONTAINER_RUNNING;
        c->state.pid = pid;
        c->state.was_started = true;
        c->pidfd = pidfd;
        c->shim = shim_link_ref(link);
        c->is_shim_silent = is_silent;
}

/* From now on its shim's news are heard. */
static void listen_to(container *c, shim_link *link, const wire_shim_message *status) {
        engine_lock(c->engine);
        if (status->started_at)
                c->state.started_at = status->started_at;
        c->is_shim_silent = false;
        container_health_begin(c);
        engine_unlock(c->engine);
        exec_restore(c, status);
        container_watch_shim(c, link);
        container_save_state(c);
}

/* Its answer to `status`, once it is past starting: a start that was under way goes on without a daemon. */
static mn_status ask_status(shim_link *link, mn_arena *arena, wire_shim_message *ret, int *ret_pidfd) {
        int64_t deadline = mn_monotonic_ns() + START_MS * MN_NS_PER_MS;
        for (;;) {
                wire_shim_request request = { .op = (char *) WIRE_SHIM_STATUS };
                int pidfd = -1;
                mn_status st = shim_link_call(link, &request, NULL, 0, ASK_MS, arena, ret, &pidfd, NULL);
                bool is_starting = !st && mn_str_equal(ret->state, WIRE_SHIM_STATE_STARTING);
                if (!is_starting || mn_monotonic_ns() > deadline) {
                        *ret_pidfd = pidfd;
                        return st;
                }
                mn_close(pidfd);
                (void) poll(NULL, 0, LOOK_AGAIN_MS);
        }
}

/* Its process ends, or has closed the connection at least. */
static bool is_hung_up(const shim_link *link) {
        struct pollfd p = { .fd = shim_link_fd(link), .events = POLLIN };
        return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

/* True when it runs, and was taken over. Else the shim is gone afterwards. */
static bool ask_shim(container *c, int bundle_fd, shim_link *link) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_shim_message status = { 0 };
        int pidfd = -1;
        mn_status st = ask_status(link, arena, &status, &pidfd);
        bool is_running = !st && mn_str_equal(status.state, WIRE_SHIM_STATE_RUNNING);
        if (is_running && pidfd < 0)
                pidfd = mn_pidfd_open(status.pid);
        if (is_running && pidfd >= 0) {
                take_run(c, link, status.pid, pidfd, false);
                listen_to(c, link, &status);
                return true;
        }
        mn_close(pidfd);
        bool is_ending = is_running || (!st && mn_str_equal(status.state, WIRE_SHIM_STATE_EXITED));
        if (!is_ending && !is_hung_up(link) && container_take_over_silent(c, bundle_fd, link))
                return true;
        (void) shim_link_wait_gone(link, CONTAINER_SHIM_GONE_MS);
        return false;
}

bool container_find_shim(container *c, int bundle_fd, shim_link *known) {
        int64_t deadline = mn_monotonic_ns() + CONTAINER_SHIM_GONE_MS * MN_NS_PER_MS;
        cleanup_shim_link shim_link *link = known ? shim_link_ref(known) : NULL;
        do {
                bool listens = link || shim_link_connect(bundle_fd, &link, NULL) == MN_OK;
                if (listens && ask_shim(c, bundle_fd, link))
                        return true;
                shim_link_unref(link);
                link = NULL;
                /* A shim that was given its start just before the daemon died has not come to listen yet, but
                   it holds the bundle. */
                if (!listens && container_bundle_is_free(bundle_fd))
                        return false;
                (void) poll(NULL, 0, LOOK_AGAIN_MS);
        } while (mn_monotonic_ns() < deadline);
        return false;
}

/* ---- silent shims ---- */

/* One whose answer is still awaited; in the engine's list. */
struct silent_shim {
        container *c; /* a reference */
        shim_link *link;
        unsigned run;
        struct silent_shim *next;
};

static void free_silent(struct silent_shim *s) {
        shim_link_unref(s->link);
        container_unref(s->c);
        free(s);
}

/* What a silent shim has to say by now; the operation lock is held. False when it is as silent as before. */
static bool hear(struct silent_shim *s) {
        container *c = s->c;
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_shim_message status = { 0 };
        int pidfd = -1;
        mn_status st = ask_status(s->link, arena, &status, &pidfd);
        mn_close(pidfd); /* there is one already */
        if (st && !is_hung_up(s->link))
                return false;
        mn_log(MN_LOG_INFO, "a silent shim is heard of", " container=%s", c->id);
        if (!st && mn_str_equal(status.state, WIRE_SHIM_STATE_RUNNING)) {
                listen_to(c, s->link, &status);
                return true;
        }
        (void) shim_link_wait_gone(s->link, CONTAINER_SHIM_GONE_MS);
        cleanup_close int bundle = container_bundle_open(c->engine, c->id);
        wire_shim_exit end = { .exit_code = KILLED, .exited_at = mn_now_ns() };
        if (bundle < 0 || !container_read_exit(bundle, &end)) { /* nobody holds the streams any more */
                engine_lock(c->engine);
                if (c->pidfd >= 0)
                        (void) mn_pidfd_kill(c->pidfd, SIGKILL);
                engine_unlock(c->engine);
        }
        container_note_exit(c, s->run, end.exit_code, end.exited_at, end.is_oom_killed);
        return true;
}

/* True when nothing is awaited of it any more. */
static bool is_settled(struct silent_shim *s) {
        cleanup_operation container_operation op = { 0 };
        if (container_operate_on(s->c, &op, NULL))
                return true;
        engine_lock(s->c->engine);
        bool is_same_run = s->c->run == s->run && container_is_running(s->c);
        engine_unlock(s->c->engine);
        return !is_same_run || hear(s);
}

/* The first of the list that has something to say, or of which nothing is to be heard any more; NULL after a
   while. State lock held on entry and on return, as only we take out of the list. */
static struct silent_shim **wait_for_one(container_engine *e) {
        MN_VEC(struct pollfd) fds = { 0 };
        for (const struct silent_shim *s = e->silent; s; s = s->next) {
                struct pollfd p = { .fd = shim_link_fd(s->link), .events = POLLIN };
                mn_vec_push(&fds, p);
        }
        const struct silent_shim *first = e->silent;
        engine_unlock(e);
        int n = poll(fds.items, fds.len, LOOK_AT_SILENT_MS);
        engine_lock(e);
        struct silent_shim **found = NULL, **at = &e->silent;
        while (*at != first) /* others came meanwhile, at the front */
                at = &(*at)->next;
        for (size_t i = 0; i < fds.len && n > 0 && !found; i++, at = &(*at)->next)
                if (fds.items[i].revents)
                        found = at;
        mn_vec_release(&fds);
        return found;
}

/* One worker waits for all. */
static void watch_silent(void *arg) {
        container_engine *e = arg;
        engine_lock(e);
        while (e->silent && !e->is_shutting_down) {
                struct silent_shim **at = wait_for_one(e), *one = at ? *at : NULL;
                if (!one)
                        continue;
                *at = one->next;
                engine_unlock(e);
                bool is_over = is_settled(one);
                if (is_over)
                        free_silent(one);
                engine_lock(e);
                if (!is_over) {
                        one->next = e->silent;
                        e->silent = one;
                }
        }
        struct silent_shim *rest = e->silent;
        e->silent = NULL;
        e->is_watching_silent = false;
        engine_unlock(e);
        while (rest) {
                struct silent_shim *next = rest->next;
                free_silent(rest);
                rest = next;
        }
}

static void await(container *c, shim_link *link) {
        container_engine *e = c->engine;
        struct silent_shim *s = mn_alloc(sizeof(*s));
        ENGINE_LOCKED(e);
        *s = (struct silent_shim){ container_ref(c), shim_link_ref(link), c->run, e->silent };
        e->silent = s;
        if (!e->is_watching_silent)
                e->is_watching_silent = loop_workers_run(e->workers, watch_silent, e) == 0;
}

/* The container's first process, when it is there (or its remains, which only its shim can take away). */
static pid_t find_first_process(int bundle_fd, const shim_link *link, int *ret_pidfd) {
        cleanup_free char *text = NULL;
        int64_t pid;
        if (mn_file_read(bundle_fd, WIRE_SHIM_PID_FILE, SMALL_FILE_MAX, &text, NULL) < 0)
                return -ENOENT;
        text[strcspn(text, "\n")] = '\0';
        if (mn_parse_i64(text, 1, INT32_MAX, &pid) < 0)
                return -EINVAL;
        cleanup_close int pidfd = mn_pidfd_open((pid_t) pid);
        if (pidfd < 0 || mn_parent_of((pid_t) pid) != shim_link_pid(link))
                return -ESRCH;
        *ret_pidfd = MN_TAKE_FD(pidfd);
        return (pid_t) pid;
}

bool container_take_over_silent(container *c, int bundle_fd, shim_link *link) {
        int pidfd = -1;
        pid_t pid = find_first_process(bundle_fd, link, &pidfd);
        if (pid < 0) { /* a start that was not acknowledged */
                mn_log(MN_LOG_ERROR, "a shim does not answer and is killed", " container=%s", c->id);
                shim_link_kill(link);
                return false;
        }
        mn_log(MN_LOG_ERROR, "a shim does not answer, its container is taken for running",
               " container=%s pid=%d", c->id, (int) pid);
        take_run(c, link, pid, pidfd, true);
        await(c, link);
        return true;
}

/* ---- all at once ---- */

void roll_call_begin(roll_call *r, container **all, size_t len) {
        *r = (roll_call){
                .all = all,
                .len = len,
                .links = mn_alloc_array(len + 1, sizeof(*r->links)),
                .is_ready = mn_alloc_array(len + 1, sizeof(bool)),
                .is_done = mn_alloc_array(len + 1, sizeof(bool)),
                .deadline_ns = mn_monotonic_ns() + ASK_MS * MN_NS_PER_MS,
        };
        for (size_t i = 0; i < len; i++) {
                wire_shim_request request = { .op = (char *) WIRE_SHIM_STATUS };
                cleanup_close int bundle = container_bundle_open(all[i]->engine, all[i]->id);
                bool listens = bundle >= 0 && shim_link_connect(bundle, &r->links[i], NULL) == MN_OK;
                r->is_ready[i] = !listens || shim_link_post(r->links[i], &request, NULL, 0, NULL) != MN_OK;
        }
}

static bool find_ready(const roll_call *r, size_t *ret) {
        for (size_t i = 0; i < r->len; i++) {
                *ret = i;
                if (r->is_ready[i] && !r->is_done[i])
                        return true;
        }
        return false;
}

/* Waits for some; marks those that are. */
static void wait_for_some(roll_call *r) {
        MN_VEC(struct pollfd) fds = { 0 };
        MN_VEC(size_t) whose = { 0 };
        for (size_t i = 0; i < r->len; i++) {
                struct pollfd p = { .fd = r->links[i] ? shim_link_fd(r->links[i]) : -1, .events = POLLIN };
                if (r->is_done[i])
                        continue;
                mn_vec_push(&fds, p);
                mn_vec_push(&whose, i);
        }
        int64_t left_ms = (r->deadline_ns - mn_monotonic_ns()) / MN_NS_PER_MS;
        if (fds.len && poll(fds.items, fds.len, (int) MN_MAX(left_ms, INT64_C(0))) > 0)
                for (size_t i = 0; i < fds.len; i++)
                        r->is_ready[whose.items[i]] = fds.items[i].revents != 0;
        mn_vec_release(&fds);
        mn_vec_release(&whose);
}

bool roll_call_next(roll_call *r, size_t *ret_index, bool *ret_is_silent) {
        bool is_found = find_ready(r, ret_index);
        if (!is_found) {
                wait_for_some(r);
                is_found = find_ready(r, ret_index);
        }
        *ret_is_silent = !is_found;
        for (size_t i = 0; i < r->len && !is_found; i++) {
                *ret_index = i;
                is_found = !r->is_done[i];
        }
        if (is_found)
                r->is_done[*ret_index] = true;
        return is_found;
}

void roll_call_end(roll_call *r) {
        for (size_t i = 0; i < r->len; i++)
                shim_link_unref(r->links[i]);
        mn_freep(&r->links);
        mn_freep(&r->is_ready);
        mn_freep(&r->is_done);
}
