/* SPDX-License-Identifier: Apache-2.0 */
#include "container/describe.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/time.h"
#include "codec/duration.h"

/* Docker counts a container that is about to be started again as running. */
bool container_counts_as_running(const container *c) {
        return container_is_running(c) || c->state.status == CONTAINER_RESTARTING;
}

void container_describe_mounts(const container *c, mn_arena *arena, wire_mount_point_list *ret) {
        const container_mount_list *mounts = &c->record->mounts;
        ret->items = mn_arena_array(arena, mounts->len + 1, sizeof(*ret->items));
        ret->len = 0;
        for (size_t i = 0; i < mounts->len; i++) {
                const container_mount *m = &mounts->items[i];
                bool is_volume = strcmp(m->type, "volume") == 0;
                if (strcmp(m->type, "tmpfs") == 0 && !m->is_from_mounts)
                        continue; /* --tmpfs stands in HostConfig.Tmpfs alone */
                ret->items[ret->len++] = (wire_mount_point){
                        .type = mn_arena_strdup(arena, m->type),
                        .name = mn_arena_strdup(arena, m->name),
                        .source = is_volume ? mn_arena_printf(arena, "%s/volumes/%s/_data",
                                                              c->engine->options.data_root, m->name)
                                            : mn_arena_strdup(arena, m->source ? m->source : ""),
                        .destination = mn_arena_strdup(arena, m->destination),
                        .driver = mn_arena_strdup(arena, m->driver),
                        .mode = mn_arena_strdup(arena, m->mode ? m->mode : ""),
                        .is_writable = m->is_writable,
                        .propagation = mn_arena_strdup(arena, m->propagation ? m->propagation : ""),
                };
        }
}

static const char *ago(int64_t since_ns, char buf[MN_DURATION_TEXT_SIZE]) {
        int64_t age_ns = mn_now_ns() - since_ns;
        return mn_duration_human(age_ns > 0 ? age_ns : 0, buf);
}

char *container_describe_status(const container *c, mn_arena *arena) {
        char age[MN_DURATION_TEXT_SIZE];
        const container_state *s = &c->state;
        switch ((container_status) s->status) {
        case CONTAINER_CREATED:
                return mn_arena_strdup(arena, "Created");
        case CONTAINER_RUNNING: {
                const char *health = s->health && !mn_str_is_empty(s->health->status) ? s->health->status
                                                                                      : "none";
                bool is_starting = strcmp(health, "starting") == 0;
                if (strcmp(health, "none") == 0)
                        return mn_arena_printf(arena, "Up %s", ago(s->started_at, age));
                return mn_arena_printf(arena, "Up %s (%s%s)", ago(s->started_at, age),
                                       is_starting ? "health: " : "", health);
        }
        case CONTAINER_PAUSED:
                return mn_arena_printf(arena, "Up %s (Paused)", ago(s->started_at, age));
        case CONTAINER_RESTARTING:
                return mn_arena_printf(arena, "Restarting (%d) %s ago", s->exit_code,
                                       ago(s->finished_at, age));
        case CONTAINER_EXITED:
                return mn_arena_printf(arena, "Exited (%d) %s ago", s->exit_code, ago(s->finished_at, age));
        case CONTAINER_REMOVING:
                return mn_arena_strdup(arena, "Removal In Progress");
        case CONTAINER_DEAD:
                return mn_arena_strdup(arena, "Dead");
        }
        return mn_arena_strdup(arena, "");
}

void container_describe_networks(const container *c, mn_arena *arena, wire_endpoints *ret_networks,
                                 wire_port_map *ret_ports) {
        *ret_networks = (wire_endpoints){ 0 };
        *ret_ports = (wire_port_map){ 0 };
        if (container_is_running(c))
                network_sandbox_describe(c->engine->options.networks, c->id, arena, ret_networks, ret_ports);
        if (!ret_networks->len)
                mn_json_copy(&wire_endpoints_type, &c->record->endpoints, arena, ret_networks);
}
