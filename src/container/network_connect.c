/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting a container to a network and disconnecting it, now and for its next start. */

#include "base/log.h"
#include "base/str.h"
#include "container/create.h"
#include "container/network_files.h"

#define NO_ENDPOINT ((size_t) -1)

static size_t find_endpoint(const container_record *r, const char *network) {
        for (size_t i = 0; i < r->endpoints.len; i++)
                if (mn_str_equal(r->endpoints.items[i].key, network))
                        return i;
        return NO_ENDPOINT;
}

/* ---- checks ---- */

static mn_status check_mode(const container *c, const char *network, mn_err *err) {
        const char *mode = c->record->host_config.network_mode;
        if (container_mode_target(mode))
                return mn_fail(err, MN_INVALID,
                               "container sharing network namespace with another container or host cannot be "
                               "connected to "
                               "any other network");
        if (mn_str_equal(mode, "host") || mn_str_equal(network, "host"))
                return mn_fail(
                        err, MN_INVALID,
                        "container cannot be disconnected from host network or connected to host network");
        return MN_OK;
}

static mn_status check_none(const container *c, const char *network, mn_err *err) {
        const container_record *r = c->record;
        size_t others = r->endpoints.len - (find_endpoint(r, network) != NO_ENDPOINT);
        bool is_none = mn_str_equal(network, "none") || find_endpoint(r, "none") != NO_ENDPOINT;
        if (others && is_none)
                return mn_fail(err, MN_INVALID,
                               "container cannot be connected to multiple networks with one of the networks "
                               "in private "
                               "(none) mode");
        return MN_OK;
}

static bool is_running(container *c) {
        ENGINE_LOCKED(c->engine);
        return container_is_running(c);
}

static mn_status check_status(container *c, mn_err *err) {
        ENGINE_LOCKED(c->engine);
        if (c->state.status == CONTAINER_REMOVING || c->state.status == CONTAINER_DEAD)
                return mn_fail(err, MN_CONFLICT,
                               "container is marked for removal and cannot be connected or disconnected");
        return MN_OK;
}

/* ---- the record ---- */

/* A copy of the record with the endpoint set (`settings` not NULL) or removed, made the container's and
 * stored. */
static mn_status store_endpoint(container *c, const char *network, const wire_endpoint_settings *settings,
                                mn_err *err) {
        mn_arena *arena = mn_arena_new();
        container_record *r = mn_arena_alloc(arena, sizeof *r);
        mn_json_copy(&container_record_type, c->record, arena, r);
        size_t at = find_endpoint(r, network), len = r->endpoints.len;
        if (settings) {
                wire_endpoints longer = { .items = mn_arena_array(arena, len + 1, sizeof *longer.items),
                                          .len = len };
                for (size_t i = 0; i < len; i++)
                        longer.items[i] = r->endpoints.items[i];
                if (at == NO_ENDPOINT)
                        at = longer.len++;
                longer.items[at].key = mn_arena_strdup(arena, network);
                longer.items[at].value = mn_arena_alloc(arena, sizeof *settings);
                mn_json_copy(&wire_endpoint_settings_type, settings, arena, longer.items[at].value);
                r->endpoints = longer;
        } else if (at != NO_ENDPOINT) {
                for (size_t i = at; i + 1 < len; i++)
                        r->endpoints.items[i] = r->endpoints.items[i + 1];
                r->endpoints.len--;
        }
        container_set_record(c, arena, r);
        return container_save_record(c, STORE_DURABLE, err);
}

/* ---- connect ---- */

static mn_status join(container *c, const char *network, const wire_endpoint_settings *settings,
                      mn_err *err) {
        cleanup_etc_texts container_etc_texts before = { 0 };
        mn_status status = container_make_etc_texts(c, &before, err);
        if (!status)
                status = network_connect(c->engine->options.networks, c->id, network, settings, err);
        if (!status)
                container_refresh_etc_files(c, &before);
        return status;
}

mn_status container_connect(container_engine *e, const char *name, const char *network,
                            const wire_endpoint_settings *settings, mn_err *err) {
        static const wire_endpoint_settings no_wishes;
        cleanup_operation container_operation op = { 0 };
        cleanup_arena mn_arena *arena = mn_arena_new();
        char *id, *real_name;
        mn_status status = container_operate(e, name, &op, err);
        if (!status)
                status = network_check_endpoint(e->options.networks, network, settings, arena, &id,
                                                &real_name, err);
        if (!status)
                status = check_mode(op.c, real_name, err);
        if (!status)
                status = check_none(op.c, real_name, err);
        if (!status)
                status = check_status(op.c, err);
        bool runs = !status && is_running(op.c);
        if (runs)
                status = join(op.c, real_name, settings, err);
        if (status)
                return status;
        status = store_endpoint(op.c, real_name, settings ? settings : &no_wishes, err);
        if (status && runs && network_disconnect(e->options.networks, op.c->id, real_name, NULL))
                return status; /* nothing more can be done */
        return status;
}

/* ---- disconnect ---- */

static mn_status leave(container *c, const char *network, mn_err *err) {
        cleanup_etc_texts container_etc_texts before = { 0 };
        mn_status status = container_make_etc_texts(c, &before, err);
        if (!status)
                status = network_disconnect(c->engine->options.networks, c->id, network, err);
        if (!status)
                container_refresh_etc_files(c, &before);
        return status;
}

/* The name under which the container knows the network, which may be gone. */
static mn_status resolve_network(container *c, const char *network, mn_arena *arena, char **ret,
                                 mn_err *err) {
        char *id;
        if (find_endpoint(c->record, network) != NO_ENDPOINT) {
                *ret = mn_arena_strdup(arena, network);
                return MN_OK;
        }
        return network_check_endpoint(c->engine->options.networks, network, NULL, arena, &id, ret, err);
}

/* The wish goes first: a daemon that finds the endpoint without it finishes the disconnection. */
static mn_status disconnect(container *c, const char *network, bool is_forced, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_endpoint_settings settings;
        mn_json_copy(&wire_endpoint_settings_type,
                     c->record->endpoints.items[find_endpoint(c->record, network)].value, arena, &settings);
        mn_status status = store_endpoint(c, network, NULL, err);
        if (status || !is_running(c))
                return status;
        status = leave(c, network, err);
        if (status == MN_FORBIDDEN && is_forced)
                return MN_OK; /* it was half gone */
        if (status && store_endpoint(c, network, &settings, NULL))
                mn_log(MN_LOG_ERROR, "a connection to a network is not noted any more",
                       " container=%s network=\"%s\"", c->id, network);
        return status;
}

void container_settle_networks(container *c) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_endpoints endpoints = { 0 };
        wire_port_map ports = { 0 };
        network_sandbox_describe(c->engine->options.networks, c->id, arena, &endpoints, &ports);
        for (size_t i = 0; i < endpoints.len; i++) {
                const char *network = endpoints.items[i].key;
                cleanup_err mn_err err = { 0 };
                if (find_endpoint(c->record, network) == NO_ENDPOINT &&
                    network_disconnect(c->engine->options.networks, c->id, network, &err))
                        mn_log(MN_LOG_WARN, "a connection cannot be finished", " container=%s error=\"%s\"",
                               c->id, mn_err_text(&err));
        }
}

mn_status container_disconnect(container_engine *e, const char *name, const char *network, bool is_forced,
                               mn_err *err) {
        cleanup_operation container_operation op = { 0 };
        cleanup_arena mn_arena *arena = mn_arena_new();
        char *real_name = NULL;
        mn_status status = container_operate(e, name, &op, err);
        if (!status)
                status = resolve_network(op.c, network, arena, &real_name, err);
        if (!status)
                status = check_mode(op.c, real_name, err);
        if (!status && find_endpoint(op.c->record, real_name) == NO_ENDPOINT)
                status = mn_fail(err, MN_FORBIDDEN, "container %s is not connected to the network %s",
                                 op.c->id, real_name);
        return status ? status : disconnect(op.c, real_name, is_forced, err);
}
