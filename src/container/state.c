/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a container: saving it, telling others about it. */

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/time.h"
#include "container/engine.h"

bool container_is_running(const container *c) {
        return c->state.status == CONTAINER_RUNNING || c->state.status == CONTAINER_PAUSED;
}

void container_set_error(container *c, const char *text) {
        mn_freep(&c->state.error);
        c->state.error = mn_strdup(text);
}

mn_status container_shim(container *c, shim_link **ret, mn_err *err) {
        if (!c->shim)
                return mn_fail(err, MN_CONFLICT, "container %s is not running", c->id);
        if (c->is_shim_silent)
                return mn_fail(err, MN_UNAVAILABLE, "the shim of container %s does not answer", c->id);
        *ret = shim_link_ref(c->shim);
        return MN_OK;
}

void container_notify(container *c) {
        pthread_cond_broadcast(&c->changed);
}

bool container_wait_end(container *c, unsigned run, int64_t timeout_ms) {
        int64_t deadline = mn_monotonic_ns() + (timeout_ms < 0 ? 0 : timeout_ms) * MN_NS_PER_MS;
        struct timespec until = { deadline / MN_NS_PER_SEC, deadline % MN_NS_PER_SEC };
        ENGINE_LOCKED(c->engine);
        while (container_is_running(c) && c->run == run) {
                int r = timeout_ms < 0 ? pthread_cond_wait(&c->changed, &c->engine->lock)
                                       : pthread_cond_timedwait(&c->changed, &c->engine->lock, &until);
                if (r == ETIMEDOUT)
                        return !container_is_running(c) || c->run != run;
        }
        return true;
}

mn_status container_check_running(container *c, mn_err *err) {
        ENGINE_LOCKED(c->engine);
        if (container_is_running(c))
                return MN_OK;
        if (c->state.status == CONTAINER_RESTARTING)
                return mn_fail(err, MN_CONFLICT,
                               "Container %s is restarting, wait until the container is running", c->id);
        return mn_fail(err, MN_CONFLICT, "container %s is not running", c->id);
}

/* ---- the store ---- */

void container_save_state(container *c) {
        cleanup_store_batch store_batch *b = store_batch_new();
        engine_lock(c->engine);
        bool is_removed = c->is_removed;
        container_state state = c->state;
        if (state.status == CONTAINER_PAUSED && c->is_paused_for_a_while)
                state.status = CONTAINER_RUNNING;
        store_batch_put(b, CONTAINER_STATE_KIND, c->id, &container_state_type, &state);
        engine_unlock(c->engine);
        cleanup_err mn_err err = { 0 };
        if (!is_removed && store_commit(c->engine->options.store, b, STORE_RELAXED, &err))
                mn_log(MN_LOG_ERROR, "cannot save the state of a container", " container=%s error=\"%s\"",
                       c->id, mn_err_text(&err));
}

mn_status container_save_record(container *c, store_durability durability, mn_err *err) {
        return store_put(c->engine->options.store, CONTAINER_KIND, c->id, &container_record_type, c->record,
                         durability, err);
}

/* ---- events ---- */

void container_event(container *c, const char *action, ...) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_str_map attributes = { 0 };
        engine_lock(c->engine);
        const container_record *r = c->record;
        for (size_t i = 0; i < r->config.labels.len; i++)
                mn_str_map_set(&attributes, arena, r->config.labels.items[i].key,
                               r->config.labels.items[i].value);
        mn_str_map_set(&attributes, arena, "image", r->config.image ? r->config.image : "");
        mn_str_map_set(&attributes, arena, "name", r->name);
        engine_unlock(c->engine);
        va_list ap;
        va_start(ap, action);
        for (const char *key; (key = va_arg(ap, const char *));) {
                const char *value = va_arg(ap, const char *);
                mn_str_map_set(&attributes, arena, key, value ? value : "");
        }
        va_end(ap);
        events_publish(c->engine->options.events, "container", action, c->id, &attributes);
}
