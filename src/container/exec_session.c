/* SPDX-License-Identifier: Apache-2.0 */
/* Exec sessions as objects: made, found, let go. */

#include <string.h>

#include "base/alloc.h"
#include "container/exec.h"

/* ---- tables ---- */

static void free_session(exec_session *s) {
        container_unref(s->c);
        mn_arena_free(s->arena);
        mn_freep(&s);
}

void exec_session_unref(exec_session *s) {
        if (!s)
                return;
        container_engine *e = s->c->engine;
        engine_lock(e);
        bool is_last = --s->refs == 0;
        engine_unlock(e);
        if (is_last)
                free_session(s);
}

void exec_session_unrefp(exec_session **s) {
        exec_session_unref(*s);
}

/* State lock held. True when the tables held the last reference: free it once the lock is gone. */
static bool take_out(exec_session *s) {
        container *c = s->c;
        for (size_t i = 0; i < c->execs.len; i++)
                if (c->execs.items[i] == s) {
                        mn_vec_remove(&c->execs, i);
                        mn_map_take(c->engine->execs, s->id);
                        return --s->refs == 0;
                }
        return false;
}

void exec_session_forget(exec_session *s) {
        container_engine *e = s->c->engine;
        exec_keep_forget(s);
        engine_lock(e);
        bool is_last = take_out(s);
        engine_unlock(e);
        if (is_last)
                free_session(s);
}

mn_status exec_find(container_engine *e, const char *exec_id, exec_session **ret, mn_err *err) {
        ENGINE_LOCKED(e);
        exec_session *s = mn_map_get(e->execs, exec_id);
        if (!s || s->c->is_removed)
                return mn_fail(err, MN_NOT_FOUND, "No such exec instance: %s", exec_id);
        s->refs++;
        *ret = s;
        return MN_OK;
}

/* The oldest session that has ended, when more of them are kept than need be. State lock held. */
static exec_session *surplus(container *c) {
        exec_session *oldest = NULL;
        size_t ended = 0;
        for (size_t i = 0; i < c->execs.len; i++) {
                if (c->execs.items[i]->state != EXEC_ENDED)
                        continue;
                oldest = oldest ? oldest : c->execs.items[i];
                ended++;
        }
        return ended > EXEC_KEPT ? oldest : NULL;
}

static void forget_surplus(container *c) {
        engine_lock(c->engine);
        exec_session *s = surplus(c);
        if (s)
                s->refs++;
        engine_unlock(c->engine);
        if (!s)
                return;
        exec_session_forget(s);
        exec_session_unref(s);
}

/* ---- new ones ---- */

mn_status exec_check_container(const container *c, mn_err *err) {
        if (c->state.status == CONTAINER_PAUSED)
                return mn_fail(err, MN_CONFLICT, "container %s is paused, unpause the container before exec",
                               c->record->name);
        if (c->state.status == CONTAINER_RESTARTING)
                return mn_fail(err, MN_CONFLICT,
                               "container %s is restarting, wait until the container is running", c->id);
        if (c->state.status != CONTAINER_RUNNING || c->is_removed)
                return mn_fail(err, MN_CONFLICT, "container %s is not running", c->id);
        size_t open = 0;
        for (size_t i = 0; i < c->execs.len; i++)
                open += c->execs.items[i]->state != EXEC_ENDED;
        if (open >= CONTAINER_MAX_EXECS)
                return mn_fail(err, MN_CONFLICT, "container %s has too many exec instances (%d)", c->id,
                               CONTAINER_MAX_EXECS);
        return MN_OK;
}

exec_session *exec_session_alloc(container *c, const char *id) {
        exec_session *s = mn_alloc(sizeof *s);
        memcpy(s->id, id, MN_ID_LEN);
        s->arena = mn_arena_new();
        s->c = c;
        s->refs = 1;
        return s;
}

void exec_session_discard(exec_session *s) {
        mn_arena_free(s->arena);
        mn_freep(&s);
}

/* State lock held. */
static void enter(exec_session *s) {
        container_ref(s->c);
        mn_vec_push(&s->c->execs, s);
        mn_map_set(s->c->engine->execs, s->id, s);
}

void exec_session_enter(exec_session *s) {
        ENGINE_LOCKED(s->c->engine);
        enter(s);
}

mn_status exec_session_new(container *c, const wire_exec_create *request, exec_session **ret, mn_err *err) {
        char id[MN_ID_SIZE];
        mn_id_generate(id);
        exec_session *s = exec_session_alloc(c, id);
        s->refs = 2; /* the tables' and the caller's */
        mn_json_copy(&wire_exec_create_type, request, s->arena, &s->request);
        engine_lock(c->engine);
        mn_status st = exec_check_container(c, err);
        if (!st)
                enter(s);
        engine_unlock(c->engine);
        if (st) {
                exec_session_discard(s);
                return st;
        }
        forget_surplus(c);
        *ret = s;
        return MN_OK;
}

/* ---- all of a container ---- */

char **container_exec_ids(const container *c, mn_arena *arena) {
        char **ids = mn_arena_array(arena, c->execs.len + 1, sizeof *ids);
        size_t n = 0;
        for (size_t i = 0; i < c->execs.len; i++)
                if (c->execs.items[i]->state != EXEC_ENDED)
                        ids[n++] = mn_arena_strdup(arena, c->execs.items[i]->id);
        return n ? ids : NULL;
}

void container_execs_end(container *c) {
        for (size_t i = 0; i < c->execs.len; i++) {
                exec_session *s = c->execs.items[i];
                if (s->state == EXEC_ENDED)
                        continue;
                s->state = EXEC_ENDED;
                s->exit_code = 137; /* it died with the container */
        }
        container_notify(c);
}

void container_execs_free(container *c) {
        while (c->execs.len) {
                exec_session *s = c->execs.items[c->execs.len - 1];
                /* The caller has a reference to the container, so this is never its last. */
                if (take_out(s)) {
                        c->refs--;
                        mn_arena_free(s->arena);
                        mn_freep(&s);
                }
        }
}
