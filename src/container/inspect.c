/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/{id}/json. */

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "container/apparmor.h"
#include "container/describe.h"
#include "container/exec.h"
#include "container/links.h"
#include "container/spec.h"
#include "sys/fd.h"

/* State lock held, as for all that read the container. */
static void describe_state(const container *c, mn_arena *arena, wire_container_state *ret) {
        const container_state *s = &c->state;
        *ret = (wire_container_state){
                .status = mn_arena_strdup(arena, container_status_text((container_status) s->status)),
                .is_running = container_counts_as_running(c),
                .is_paused = s->status == CONTAINER_PAUSED,
                .is_restarting = s->status == CONTAINER_RESTARTING,
                .is_oom_killed = s->is_oom_killed,
                .is_dead = s->status == CONTAINER_DEAD,
                .pid = container_is_running(c) ? s->pid : 0,
                .exit_code = s->exit_code,
                .error = mn_arena_strdup(arena, s->error ? s->error : ""),
                .started_at = s->started_at,
                .finished_at = s->finished_at,
        };
        if (s->health) {
                ret->health = mn_arena_alloc(arena, sizeof(*ret->health));
                mn_json_copy(&wire_health_type, s->health, arena, ret->health);
        }
}

/* What clients before v1.52 read beside Networks: the endpoint on the default bridge. */
static void repeat_default_bridge(wire_network_settings *ret) {
        for (size_t i = 0; i < ret->networks.len; i++) {
                const wire_endpoint_settings *e = ret->networks.items[i].value;
                if (!e || strcmp(ret->networks.items[i].key, "bridge") != 0)
                        continue;
                ret->endpoint_id = e->endpoint_id;
                ret->gateway = e->gateway;
                ret->ip_address = e->ip_address;
                ret->ip_prefix_len = (int32_t) e->ip_prefix_len;
                ret->ipv6_gateway = e->ipv6_gateway;
                ret->global_ipv6_address = e->global_ipv6_address;
                ret->global_ipv6_prefix_len = (int32_t) e->global_ipv6_prefix_len;
                ret->mac_address = e->mac_address;
        }
}

static void describe_network(const container *c, mn_arena *arena, wire_network_settings *ret) {
        *ret = (wire_network_settings){ 0 };
        container_describe_networks(c, arena, &ret->networks, &ret->ports);
        repeat_default_bridge(ret);
        if (!container_is_running(c))
                return;
        ret->sandbox_id = mn_arena_strdup(arena, c->id);
        ret->sandbox_key = mn_arena_printf(arena, "/proc/%d/ns/net", c->state.pid);
}

static void describe(const container *c, mn_arena *arena, wire_container_inspect *ret) {
        const container_record *r = c->record;
        const char *driver = image_store_driver(c->engine->options.images);
        cleanup_free char *log = mn_asprintf("%s-json.log", c->id);
        *ret = (wire_container_inspect){
                .id = mn_arena_strdup(arena, c->id),
                .created_ns = r->created_ns,
                .path = mn_arena_strdup(arena, r->path),
                .image = mn_arena_strdup(arena, r->image_id),
                .resolv_conf_path = container_path(c, arena, "resolv.conf"),
                .hostname_path = container_path(c, arena, "hostname"),
                .hosts_path = container_path(c, arena, "hosts"),
                .name = mn_arena_printf(arena, "/%s", r->name),
                .restart_count = c->state.restart_count,
                .driver = mn_arena_strdup(arena, driver),
                .platform = mn_arena_strdup(arena, "linux"),
                .mount_label = mn_arena_strdup(arena, ""),
                .process_label = mn_arena_strdup(arena, ""),
                .apparmor_profile = mn_arena_strdup(
                        arena, container_apparmor_profile(&r->host_config, c->engine->has_apparmor)),
                .exec_ids = container_exec_ids(c, arena),
                .graph_driver = { .name = mn_arena_strdup(arena, driver) },
        };
        ret->log_path = logs_driver_can_read(r->host_config.log_config.type) ? container_path(c, arena, log)
                                                                             : mn_arena_strdup(arena, "");
        ret->storage = mn_arena_alloc(arena, sizeof(*ret->storage));
        ret->storage->rootfs = mn_arena_alloc(arena, sizeof(*ret->storage->rootfs));
        ret->storage->rootfs->snapshot = mn_arena_alloc(arena, sizeof(*ret->storage->rootfs->snapshot));
        ret->storage->rootfs->snapshot->name = mn_arena_strdup(arena, driver);
        mn_json_copy(&mn_type_strv, &r->args, arena, &ret->args);
        if (!ret->args)
                ret->args = mn_arena_array(arena, 1, sizeof(char *));
        mn_json_copy(&wire_container_config_type, &r->config, arena, &ret->config);
        mn_json_copy(&wire_host_config_type, &r->host_config, arena, &ret->host_config);
        container_path_rules(&r->host_config, arena, &ret->host_config.masked_paths,
                             &ret->host_config.readonly_paths);
        ret->host_config.links = container_links_describe(r, arena);
        describe_state(c, arena, &ret->state);
        container_describe_mounts(c, arena, &ret->mounts);
        describe_network(c, arena, &ret->network_settings);
}

mn_status container_inspect(container_engine *e, const char *name, bool has_size, mn_arena *arena,
                            wire_container_inspect *ret, mn_err *err) {
        cleanup_container container *c = NULL;
        mn_status st = container_find(e, name, &c, err);
        if (st)
                return st;
        engine_lock(e);
        describe(c, arena, ret);
        engine_unlock(e);
        if (!has_size)
                return MN_OK;
        cleanup_close int dir = container_look_directory(c);
        if (dir < 0)
                return mn_fail_errno(err, dir, "cannot open the directory of container %s", c->id);
        ret->size_rw = mn_arena_alloc(arena, sizeof(*ret->size_rw));
        ret->size_root_fs = mn_arena_alloc(arena, sizeof(*ret->size_root_fs));
        return image_container_size(e->options.images, c->record->image_id, dir, ret->size_rw,
                                    ret->size_root_fs, err);
}
