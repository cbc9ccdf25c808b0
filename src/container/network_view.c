/* SPDX-License-Identifier: Apache-2.0 */
/* What inspect and list show of a container's networks. */

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "container/networking.h"

/* The networks of a container that does not run: the wishes, and which network is meant. */
static void describe_wishes(container *c, mn_arena *arena, wire_endpoints *ret) {
        const wire_endpoints *wishes = &c->record->endpoints;
        mn_json_copy(&wire_endpoints_type, wishes, arena, ret);
        for (size_t i = 0; i < ret->len; i++) {
                char *id, *name;
                if (!ret->items[i].value)
                        ret->items[i].value = mn_arena_alloc(arena, sizeof(wire_endpoint_settings));
                if (!network_check_endpoint(c->engine->options.networks, ret->items[i].key, NULL, arena, &id,
                                            &name, NULL))
                        ret->items[i].value->network_id = id;
        }
}

/* The networks, and the published ports of a running container. */
static void describe(container *c, mn_arena *arena, wire_endpoints *ret_networks, wire_port_map *ret_ports) {
        *ret_networks = (wire_endpoints){ 0 };
        *ret_ports = (wire_port_map){ 0 };
        if (container_is_running(c))
                network_sandbox_describe(c->engine->options.networks, c->id, arena, ret_networks, ret_ports);
        if (!ret_networks->len)
                describe_wishes(c, arena, ret_networks);
}

static bool has_port(const wire_port_map *map, const char *key) {
        for (size_t i = 0; i < map->len; i++)
                if (mn_str_equal(map->items[i].key, key))
                        return true;
        return false;
}

static size_t count(char *const *list) {
        size_t n = 0;
        while (list && list[n])
                n++;
        return n;
}

/* Exposed ports that are not published are shown without bindings. */
static void add_exposed(const container *c, mn_arena *arena, wire_port_map *ports) {
        char *const *exposed = c->record->config.exposed_ports;
        wire_port_map all = { .items = mn_arena_array(arena, ports->len + count(exposed) + 1,
                                                      sizeof *all.items) };
        for (size_t i = 0; i < ports->len; i++)
                all.items[all.len++] = ports->items[i];
        for (size_t i = 0; exposed && exposed[i]; i++)
                if (!has_port(ports, exposed[i]))
                        all.items[all.len++].key = mn_arena_strdup(arena, exposed[i]);
        *ports = all;
}

/* Clients before v1.52 find the default bridge's addresses beside the networks. */
static void copy_default_bridge(wire_network_settings *s) {
        for (size_t i = 0; i < s->networks.len; i++) {
                const wire_endpoint_settings *e = s->networks.items[i].value;
                if (!mn_str_equal(s->networks.items[i].key, "bridge"))
                        continue;
                s->endpoint_id = e->endpoint_id;
                s->gateway = e->gateway;
                s->ip_address = e->ip_address;
                s->ip_prefix_len = e->ip_prefix_len;
                s->ipv6_gateway = e->ipv6_gateway;
                s->global_ipv6_address = e->global_ipv6_address;
                s->global_ipv6_prefix_len = (int32_t) e->global_ipv6_prefix_len;
                s->mac_address = e->mac_address;
        }
}

void container_describe_networks(container *c, mn_arena *arena, wire_network_settings *ret) {
        *ret = (wire_network_settings){ 0 };
        describe(c, arena, &ret->networks, &ret->ports);
        copy_default_bridge(ret);
        if (!container_is_running(c))
                return;
        add_exposed(c, arena, &ret->ports);
        ret->sandbox_id = mn_arena_strdup(arena, c->id);
        ret->sandbox_key = mn_arena_printf(arena, "/proc/%d/ns/net", c->state.pid);
}

/* "80/tcp" as a list item that is not published. */
static bool parse_exposed(const char *key, mn_arena *arena, wire_port_summary *ret) {
        size_t len = strcspn(key, "/");
        int port;
        if (mn_parse_int(mn_arena_strndup(arena, key, len), 1, 65535, &port) < 0)
                return false;
        *ret = (wire_port_summary){ .private_port = (uint16_t) port,
                                    .type = mn_arena_strdup(arena, key[len] ? key + len + 1 : "tcp") };
        return true;
}

static bool is_published(const wire_port_summary_list *list, const wire_port_summary *port) {
        for (size_t i = 0; i < list->len; i++)
                if (list->items[i].private_port == port->private_port &&
                    mn_str_equal(list->items[i].type, port->type))
                        return true;
        return false;
}

void container_summarize_networks(container *c, mn_arena *arena, wire_container_summary *ret) {
        wire_port_map ignored;
        describe(c, arena, &ret->network_settings.networks, &ignored);
        if (!container_is_running(c))
                return;
        wire_port_summary_list published;
        char *const *exposed = c->record->config.exposed_ports;
        network_sandbox_ports(c->engine->options.networks, c->id, arena, &published);
        ret->ports.items = mn_arena_array(arena, published.len + count(exposed) + 1,
                                          sizeof *ret->ports.items);
        for (size_t i = 0; i < published.len; i++)
                ret->ports.items[ret->ports.len++] = published.items[i];
        for (size_t i = 0; exposed && exposed[i]; i++) {
                wire_port_summary port;
                if (parse_exposed(exposed[i], arena, &port) && !is_published(&published, &port))
                        ret->ports.items[ret->ports.len++] = port;
        }
}
