/* SPDX-License-Identifier: Apache-2.0 */
/* Attach and resize: the container's streams, which are the shim's. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/time.h"
#include "codec/keys.h"
#include "container/engine.h"
#include "container/launch.h"
#include "sys/fd.h"

enum { RESIZE_TIMEOUT_MS = 5000, ATTACHED_MS = 1000 };

/* ---- attach ---- */

mn_status container_attach_begin(container_engine *e, const char *name, const char *detach_keys,
                                 container **ret, bool *ret_is_tty, mn_err *err) {
        mn_keys keys;
        if (mn_keys_parse(detach_keys, &keys, NULL, NULL) < 0)
                return mn_fail(err, MN_INVALID, "Invalid detach keys (%s) provided", detach_keys);
        ENGINE_LOCKED(e);
        container *c = NULL;
        mn_status status = container_find_locked(e, name, &c, err);
        if (status)
                return status;
        if (c->state.status == CONTAINER_PAUSED)
                return mn_fail(err, MN_CONFLICT,
                               "container %s is paused, unpause the container before attach", name);
        if (c->state.status == CONTAINER_RESTARTING)
                return mn_fail(err, MN_CONFLICT,
                               "container %s is restarting, wait until the container is running", name);
        *ret_is_tty = c->record->config.is_tty;
        c->nattaching++;
        *ret = container_ref(c);
        return MN_OK;
}

void container_attach_cancel(container *c) {
        engine_lock(c->engine);
        c->nattaching--;
        container_notify(c);
        engine_unlock(c->engine);
        container_unref(c);
}

void container_wait_attached(container *c) {
        int64_t deadline = mn_monotonic_ns() + ATTACHED_MS * MN_NS_PER_MS;
        struct timespec until = { deadline / MN_NS_PER_SEC, deadline % MN_NS_PER_SEC };
        ENGINE_LOCKED(c->engine);
        while (c->nattaching && pthread_cond_timedwait(&c->changed, &c->engine->lock, &until) != ETIMEDOUT)
                ;
}

/* Keeps the client for the start. State lock held; takes the descriptor on success. */
static mn_status keep_for_start(container *c, const container_attach_spec *spec, int client_fd, mn_err *err) {
        if (c->pending.len >= CONTAINER_MAX_PENDING_ATTACH)
                return mn_fail(err, MN_CONFLICT, "too many clients wait for the start of container %s",
                               c->id);
        pending_attach p = { .fd = client_fd, .spec = *spec, .detach_keys = mn_strdup(spec->detach_keys) };
        p.spec.detach_keys = p.detach_keys;
        mn_vec_push(&c->pending, p);
        return MN_OK;
}

static mn_status attach(container *c, const container_attach_spec *spec, int client_fd, mn_err *err) {
        container_engine *e = c->engine;
        cleanup_close int client = client_fd;
        mn_status status = MN_OK;
        container_attach_spec own = *spec;
        cleanup_shim_link shim_link *link = NULL;
        engine_lock(e);
        own.is_framed = own.is_framed && !c->record->config.is_tty;
        own.has_stdin = own.has_stdin && c->record->config.has_open_stdin;
        if (container_is_running(c) && c->shim) {
                status = container_shim(c, &link, err);
        } else if (c->state.status == CONTAINER_CREATED || c->state.status == CONTAINER_EXITED) {
                status = keep_for_start(c, &own, client, err);
                client = status ? client : -1;
        }
        engine_unlock(e);
        if (!status && link)
                status = launch_send_attach(link, &own, client, err);
        if (!status)
                container_event(c, "attach", NULL);
        return status;
}

mn_status container_attach(container *c, const container_attach_spec *spec, int client_fd, mn_err *err) {
        mn_status status = attach(c, spec, client_fd, err);
        container_attach_cancel(c);
        return status;
}

mn_status container_resize(container_engine *e, const char *name, int height, int width, mn_err *err) {
        cleanup_container container *c = NULL;
        mn_status status = container_find(e, name, &c, err);
        if (!status)
                status = container_check_running(c, err);
        if (status)
                return status;
        cleanup_shim_link shim_link *link = NULL;
        engine_lock(e);
        status = container_shim(c, &link, err);
        engine_unlock(e);
        if (status)
                return status;
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_shim_resize resize = { .exec_id = (char *) "", .height = height, .width = width };
        wire_shim_request request = { .op = (char *) WIRE_SHIM_RESIZE, .resize = &resize };
        wire_shim_message reply;
        return shim_link_call(link, &request, NULL, 0, RESIZE_TIMEOUT_MS, arena, &reply, NULL, err);
}
