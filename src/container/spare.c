/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One shim is started ahead, while nothing else is to do, so that a start does not wait for a program to
 * start. It belongs to no container yet and has no more than its end of a socket: it ends with the daemon.
 */

#include "base/log.h"
#include "container/engine.h"

enum { REFILL_AFTER_MS = 20, END_MS = 1000 };

mn_status container_take_shim(container_engine *e, shim_link **ret, mn_err *err) {
        engine_lock(e);
        cleanup_shim_link shim_link *link = MN_TAKE(e->spare_shim);
        engine_unlock(e);
        if (!link || shim_link_wait_gone(link, 0)) /* somebody may have killed it */
                return shim_link_spawn(e->options.shim_path, ret, err);
        *ret = MN_TAKE(link);
        return MN_OK;
}

static void make_spare(void *arg) {
        container_engine *e = arg;
        cleanup_err mn_err err = { 0 };
        cleanup_shim_link shim_link *link = NULL;
        if (shim_link_spawn(e->options.shim_path, &link, &err)) {
                mn_log(MN_LOG_WARN, "cannot start a shim ahead", " error=\"%s\"", mn_err_text(&err));
                return;
        }
        ENGINE_LOCKED(e);
        if (!e->spare_shim && !e->is_shutting_down)
                e->spare_shim = MN_TAKE(link);
        else
                shim_link_kill(link);
}

static void refill(void *arg) {
        container_engine *e = arg;
        engine_lock(e);
        bool is_wanted = !e->spare_shim && !e->is_shutting_down;
        engine_unlock(e);
        if (is_wanted && loop_workers_run(e->workers, make_spare, e) < 0)
                container_want_spare_shim(e); /* later, then */
}

static void set_timer(void *arg) {
        container_engine *e = arg;
        if (!e->spare_timer)
                e->spare_timer = loop_timer_add(e->options.loop, refill, e);
        if (!loop_timer_is_running(e->spare_timer))
                loop_timer_set(e->spare_timer, REFILL_AFTER_MS);
}

void container_want_spare_shim(container_engine *e) {
        loop_post(e->options.loop, set_timer, e);
}

void container_drop_spare_shim(container_engine *e) {
        engine_lock(e);
        cleanup_shim_link shim_link *link = MN_TAKE(e->spare_shim);
        engine_unlock(e);
        if (!link)
                return;
        shim_link_kill(link);
        (void) shim_link_wait_gone(link, END_MS);
}
