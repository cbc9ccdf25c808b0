/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of containers: references, look-ups, operation locks. */

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "container/engine.h"
#include "container/exec.h"
#include "sys/fd.h"

void engine_lock(container_engine *e) {
        pthread_mutex_lock(&e->lock);
}

void engine_unlock(container_engine *e) {
        pthread_mutex_unlock(&e->lock);
}

void engine_unlockp(container_engine **e) {
        engine_unlock(*e);
}

/* ---- one container ---- */

container *container_new(container_engine *e, mn_arena *arena, container_record *record) {
        container *c = mn_alloc(sizeof *c);
        c->engine = e;
        c->refs = 1;
        c->pidfd = -1;
        c->arena = arena;
        c->record = record;
        memcpy(c->id, record->id, MN_ID_LEN);
        pthread_mutex_init(&c->op, NULL);
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&c->changed, &monotonic);
        pthread_condattr_destroy(&monotonic);
        return c;
}

container *container_ref(container *c) {
        c->refs++;
        return c;
}

static void free_container(container *c) {
        for (size_t i = 0; i < c->pending.len; i++) {
                mn_close(c->pending.items[i].fd);
                mn_freep(&c->pending.items[i].detach_keys);
        }
        mn_vec_release(&c->pending);
        mn_vec_release(&c->execs);
        shim_link_unref(c->shim);
        mn_close(c->pidfd);
        mn_freep(&c->state.error);
        mn_arena_free(c->health_arena);
        mn_arena_free(c->arena);
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->op);
        mn_freep(&c);
}

void container_unref(container *c) {
        if (!c)
                return;
        engine_lock(c->engine);
        bool is_last = --c->refs == 0;
        container_engine *e = c->engine;
        engine_unlock(e);
        if (is_last)
                free_container(c);
}

void container_unrefp(container **c) {
        container_unref(*c);
}

void container_set_record(container *c, mn_arena *arena, container_record *record) {
        engine_lock(c->engine);
        mn_arena *old = c->arena;
        c->arena = arena;
        c->record = record;
        engine_unlock(c->engine);
        mn_arena_free(old);
}

/* ---- look-ups ---- */

/* The only container whose id begins with `prefix`. */
static mn_status find_prefix(container_engine *e, const char *prefix, container **ret, mn_err *err) {
        container *found = NULL;
        size_t pos = 0, len = strlen(prefix);
        const char *id;
        void *value;
        while (mn_id_is_prefix(prefix) && mn_map_next(e->by_id, &pos, &id, &value)) {
                if (strncmp(id, prefix, len) != 0)
                        continue;
                if (found)
                        return mn_fail(err, MN_INVALID, "multiple IDs found with provided prefix: %s",
                                       prefix);
                found = value;
        }
        if (!found)
                return mn_fail(err, MN_NOT_FOUND, "No such container: %s", prefix);
        *ret = found;
        return MN_OK;
}

mn_status container_find_locked(container_engine *e, const char *name, container **ret, mn_err *err) {
        const char *bare = *name == '/' ? name + 1 : name;
        container *c = mn_map_get(e->by_id, bare);
        if (!c)
                c = mn_map_get(e->by_name, bare);
        if (!c)
                return *bare ? find_prefix(e, bare, ret, err)
                             : mn_fail(err, MN_INVALID, "No container name or ID supplied");
        *ret = c;
        return MN_OK;
}

mn_status container_find(container_engine *e, const char *name, container **ret, mn_err *err) {
        ENGINE_LOCKED(e);
        container *c = NULL;
        mn_status status = container_find_locked(e, name, &c, err);
        if (!status)
                *ret = container_ref(c);
        return status;
}

mn_status container_resolve(container_engine *e, const char *name, char ret_id[MN_ID_SIZE], mn_err *err) {
        ENGINE_LOCKED(e);
        container *c = NULL;
        mn_status status = container_find_locked(e, name, &c, err);
        if (!status)
                memcpy(ret_id, c->id, MN_ID_SIZE);
        return status;
}

/* ---- operations ---- */

void container_operation_end(container_operation *op) {
        if (!op->c)
                return;
        pthread_mutex_unlock(&op->c->op);
        container_unref(op->c);
        op->c = NULL;
}

/* Takes over the reference. */
static mn_status begin(container *c, container_operation *ret, mn_err *err) {
        pthread_mutex_lock(&c->op);
        engine_lock(c->engine);
        bool is_removed = c->is_removed, is_down = c->engine->is_shutting_down;
        engine_unlock(c->engine);
        ret->c = c;
        if (!is_removed && !is_down)
                return MN_OK;
        mn_status status = is_removed ? mn_fail(err, MN_NOT_FOUND, "No such container: %s", c->id)
                                      : mn_fail(err, MN_UNAVAILABLE, "the daemon is shutting down");
        container_operation_end(ret);
        return status;
}

mn_status container_operate(container_engine *e, const char *name, container_operation *ret, mn_err *err) {
        container *c = NULL;
        mn_status status = container_find(e, name, &c, err);
        return status ? status : begin(c, ret, err);
}

mn_status container_operate_on(container *c, container_operation *ret, mn_err *err) {
        engine_lock(c->engine);
        container_ref(c);
        engine_unlock(c->engine);
        return begin(c, ret, err);
}

struct job {
        container *c;
        void (*fn)(container *c);
};

static void run_job(void *arg) {
        struct job job = *(struct job *) arg;
        mn_freep(&arg);
        job.fn(job.c);
        container_unref(job.c);
}

void container_run_job(container *c, void (*fn)(container *c)) {
        struct job *job = mn_alloc(sizeof *job);
        *job = (struct job){ c, fn };
        engine_lock(c->engine);
        container_ref(c);
        engine_unlock(c->engine);
        if (loop_workers_run(c->engine->workers, run_job, job) < 0) {
                mn_log(MN_LOG_ERROR, "too much work at once, container work is lost", " container=%s", c->id);
                mn_freep(&job);
                container_unref(c);
        }
}

/* ---- numbers ---- */

void container_count(container_engine *e, container_counts *ret) {
        *ret = (container_counts){ 0 };
        ENGINE_LOCKED(e);
        size_t pos = 0;
        void *value;
        while (mn_map_next(e->by_id, &pos, NULL, &value)) {
                const container *c = value;
                ret->total++;
                ret->running += c->state.status == CONTAINER_RUNNING;
                ret->paused += c->state.status == CONTAINER_PAUSED;
        }
        ret->stopped = ret->total - ret->running - ret->paused;
}

/* Made of it, or with it mounted. */
static bool uses_image(const container_record *r, const char *image_id) {
        bool is_used = mn_str_equal(r->image_id, image_id);
        for (size_t i = 0; i < r->mounts.len && !is_used; i++)
                is_used = mn_str_equal(r->mounts.items[i].image_id, image_id);
        return is_used;
}

size_t container_count_image_users(void *arg, const char *image_id, char ret_container[MN_ID_SIZE],
                                   bool *ret_is_running) {
        container_engine *e = arg;
        ENGINE_LOCKED(e);
        size_t pos = 0, count = 0;
        void *value;
        *ret_is_running = false;
        while (mn_map_next(e->by_id, &pos, NULL, &value)) {
                const container *c = value;
                if (!uses_image(c->record, image_id))
                        continue;
                bool is_running = container_is_running(c);
                if (!count || (is_running && !*ret_is_running))
                        memcpy(ret_container, c->id, MN_ID_SIZE);
                *ret_is_running = *ret_is_running || is_running;
                count++;
        }
        return count;
}

char **container_list_image_users(void *arg, const char *image_id, mn_arena *arena) {
        container_engine *e = arg;
        ENGINE_LOCKED(e);
        size_t pos = 0, n = 0;
        void *value;
        char **ids = mn_arena_array(arena, mn_map_len(e->by_id) + 1, sizeof(*ids));
        while (mn_map_next(e->by_id, &pos, NULL, &value)) {
                const container *c = value;
                if (uses_image(c->record, image_id))
                        ids[n++] = mn_arena_strdup(arena, c->id);
        }
        return ids;
}
