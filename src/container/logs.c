/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/{id}/logs: a reader of the container's log that ends with the container. */

#include "base/alloc.h"
#include "base/str.h"
#include "container/engine.h"

struct container_logs {
        container *c; /* a reference */
        logs_reader *reader;
        struct container_logs *next; /* state lock */
};

void container_readers_stop(container *c) {
        for (container_logs *l = c->readers; l; l = l->next)
                logs_reader_stop(l->reader);
}

mn_status container_logs_open(container_engine *e, const char *name, const logs_query *query,
                              container_logs **ret, bool *ret_is_tty, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_container container *c = NULL;
        mn_status st = container_find(e, name, &c, err);
        if (st)
                return st;
        engine_lock(e);
        wire_log_config log;
        log.type = mn_arena_strdup(arena, c->record->host_config.log_config.type);
        mn_json_copy(&mn_type_str_map, &c->record->host_config.log_config.config, arena, &log.config);
        *ret_is_tty = c->record->config.is_tty;
        engine_unlock(e);
        logs_config config = { 0 };
        st = logs_config_parse(log.type, &log.config, &config, err);
        if (st)
                return st;
        cleanup_free char *file = mn_asprintf("%s-json.log", c->id);
        config.path = container_path(c, arena, file);
        logs_reader *reader;
        st = logs_reader_open(&config, query, &reader, err);
        if (st)
                return st;
        container_logs *l = mn_alloc(sizeof(*l));
        engine_lock(e);
        *l = (container_logs){ .c = container_ref(c), .reader = reader, .next = c->readers };
        c->readers = l;
        if (!container_is_running(c) && c->state.status != CONTAINER_RESTARTING)
                logs_reader_stop(reader);
        engine_unlock(e);
        *ret = l;
        return MN_OK;
}

logs_reader *container_logs_reader(container_logs *l) {
        return l->reader;
}

void container_logs_close(container_logs *l) {
        if (!l)
                return;
        engine_lock(l->c->engine);
        for (container_logs **at = &l->c->readers; *at; at = &(*at)->next)
                if (*at == l) {
                        *at = l->next;
                        break;
                }
        engine_unlock(l->c->engine);
        logs_reader_close(l->reader);
        container_unref(l->c);
        mn_freep(&l);
}
