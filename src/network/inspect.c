/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked about networks and sandboxes: list, inspect, prune, the container's view, counters. */

#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/time.h"
#include "network/manager.h"
#include "sys/fd.h"
#include "sys/netns.h"

const char *const network_list_filters[] = { "dangling", "driver", "id",   "label", "label!",
                                             "name",     "scope",  "type", NULL };
const char *const network_prune_filters[] = { "label", "label!", "until", NULL };

/* ---- documents ---- */

static void describe_network(const struct network *n, mn_arena *arena, wire_network *ret) {
        mn_json_copy(&wire_network_type, &n->doc, arena, ret);
}

static void describe_containers(const struct network *n, mn_arena *arena, wire_network *ret) {
        char text[NETWORK_ADDRESS_TEXT_SIZE], mac[18];
        ret->containers.items = mn_arena_array(arena, n->endpoints.len + 1, sizeof(*ret->containers.items));
        ret->containers.len = n->endpoints.len;
        for (size_t i = 0; i < n->endpoints.len; i++) {
                const struct endpoint *e = n->endpoints.items[i];
                wire_endpoint_resource *r = &ret->containers.items[i].value;
                ret->containers.items[i].key = mn_arena_strdup(arena, e->sandbox->container_id);
                r->name = mn_arena_strdup(arena, e->sandbox->name);
                r->endpoint_id = mn_arena_strdup(arena, e->id);
                if (e->has_mac)
                        r->mac_address = mn_arena_strdup(arena, network_mac_format(e->mac, mac));
                if (e->has_v4)
                        r->ipv4_address = mn_arena_strdup(arena, network_cidr_format(&e->v4, text));
                if (e->has_v6)
                        r->ipv6_address = mn_arena_strdup(arena, network_cidr_format(&e->v6, text));
        }
}

static void describe_status(const struct network *n, mn_arena *arena, wire_network *ret) {
        char text[NETWORK_ADDRESS_TEXT_SIZE];
        if (!n->pools.len)
                return;
        ret->status = mn_arena_alloc(arena, sizeof(*ret->status));
        wire_ipam_status *ipam = &ret->status->ipam;
        ipam->subnets.items = mn_arena_array(arena, n->pools.len, sizeof(*ipam->subnets.items));
        ipam->subnets.len = n->pools.len;
        for (size_t i = 0; i < n->pools.len; i++) {
                const network_subnet *pool = &n->pools.items[i];
                wire_subnet_status *s = &ipam->subnets.items[i].value;
                ipam->subnets.items[i].key = mn_arena_strdup(arena, network_cidr_format(&pool->subnet, text));
                network_subnet_count(pool, &s->ips_in_use, &s->dynamic_ips_available);
        }
}

mn_status network_inspect(network_manager *m, const char *name_or_id, mn_arena *arena, wire_network *ret,
                          mn_err *err) {
        struct network *n;
        network_lock(m);
        mn_status st = network_find(m, name_or_id, &n, err);
        if (!st) {
                describe_network(n, arena, ret);
                describe_containers(n, arena, ret);
                describe_status(n, arena, ret);
        }
        network_unlock(m);
        return st;
}

/* ---- filters ---- */

static mn_status matches(const struct network *n, const wire_filters *f, bool *ret, mn_err *err) {
        bool is_dangling;
        mn_status st = wire_filters_bool(f, "dangling", false, &is_dangling, err);
        if (st)
                return st;
        const char *type = network_is_fixed(n) ? "builtin" : "custom";
        for (char *const *t = wire_filters_get(f, "type"); t && *t; t++)
                if (!mn_str_equal(*t, "custom") && !mn_str_equal(*t, "builtin"))
                        return mn_fail(err, MN_INVALID, "invalid filter: 'type'='%s'", *t);
        bool is_unused = n->endpoints.len == 0 && !network_is_fixed(n);
        *ret = wire_filters_exact(f, "driver", n->doc.driver) &&
               wire_filters_exact(f, "scope", n->doc.scope) && wire_filters_exact(f, "type", type) &&
               wire_filters_prefix(f, "id", n->doc.id) && wire_filters_regex(f, "name", n->doc.name) &&
               wire_filters_match_labels(f, &n->doc.labels) &&
               (!wire_filters_has(f, "dangling") || is_dangling == is_unused);
        return MN_OK;
}

static int by_name(const void *a, const void *b) {
        return strcmp(((const wire_network *) a)->name, ((const wire_network *) b)->name);
}

mn_status network_list(network_manager *m, const wire_filters *filters, mn_arena *arena,
                       wire_network_list *ret, mn_err *err) {
        size_t pos = 0, count = 0;
        void *value;
        mn_status st = MN_OK;
        network_lock(m);
        wire_network *items = mn_arena_array(arena, mn_map_len(m->networks) + 1, sizeof(*items));
        while (!st && mn_map_next(m->networks, &pos, NULL, &value)) {
                bool is_match = false;
                st = matches(value, filters, &is_match, err);
                if (!st && is_match)
                        describe_network(value, arena, &items[count++]);
        }
        network_unlock(m);
        if (st)
                return st;
        qsort(items, count, sizeof(*items), by_name);
        ret->items = items;
        ret->len = count;
        return MN_OK;
}

/* ---- prune ---- */

mn_status network_prune(network_manager *m, const wire_filters *filters, mn_arena *arena,
                        wire_network_prune_report *ret, mn_err *err) {
        int64_t until_ns = 0;
        size_t pos = 0, count = 0, deleted = 0;
        void *value;
        mn_status st = wire_filters_time(filters, "until", mn_now_ns(), &until_ns, err);
        if (st)
                return st;
        network_lock(m);
        char **names = mn_arena_array(arena, mn_map_len(m->networks) + 1, sizeof(*names));
        char **ids = mn_arena_array(arena, mn_map_len(m->networks) + 1, sizeof(*ids));
        while (mn_map_next(m->networks, &pos, NULL, &value)) {
                const struct network *n = value;
                bool is_old = !until_ns || n->doc.created_ns < until_ns;
                if (network_is_fixed(n) || n->endpoints.len || !is_old ||
                    !wire_filters_match_labels(filters, &n->doc.labels))
                        continue;
                names[count] = mn_arena_strdup(arena, n->doc.name);
                ids[count++] = mn_arena_strdup(arena, n->doc.id);
        }
        network_unlock(m);
        ret->networks_deleted = mn_arena_array(arena, count + 1, sizeof(char *));
        for (size_t i = 0; i < count; i++) {
                cleanup_err mn_err ignored = { 0 }; /* somebody joined it meanwhile, or removed it */
                if (!network_remove(m, ids[i], &ignored))
                        ret->networks_deleted[deleted++] = names[i];
        }
        return MN_OK;
}

/* ---- containers ---- */

mn_status network_check_endpoint(network_manager *m, const char *network,
                                 const wire_endpoint_settings *settings, mn_arena *arena, char **ret_id,
                                 char **ret_name, mn_err *err) {
        struct network *n;
        network_lock(m);
        mn_status st = network_find(m, network, &n, err);
        if (!st)
                st = network_check_wishes(n, settings, err);
        if (!st) {
                *ret_id = mn_arena_strdup(arena, n->doc.id);
                *ret_name = mn_arena_strdup(arena, n->doc.name);
        }
        network_unlock(m);
        return st;
}

/* The list of `key` in the map, which has room for one more. */
static wire_port_binding_list *bindings_of(wire_port_map *map, mn_arena *arena, const char *key, size_t max) {
        for (size_t i = 0; i < map->len; i++)
                if (mn_str_equal(map->items[i].key, key))
                        return &map->items[i].value;
        map->items[map->len].key = mn_arena_strdup(arena, key);
        map->items[map->len].value.items = mn_arena_array(arena, max, sizeof(wire_port_binding));
        return &map->items[map->len++].value;
}

static void describe_ports(const struct sandbox *s, mn_arena *arena, wire_port_map *ret) {
        char key[16], address[NETWORK_ADDRESS_TEXT_SIZE];
        *ret = (wire_port_map){ .items = mn_arena_array(arena, s->ports.len + 1, sizeof(*ret->items)) };
        for (size_t i = 0; i < s->ports.len; i++) {
                const struct published_port *p = &s->ports.items[i];
                snprintf(key, sizeof(key), "%u/%s", p->container_port, network_protocol_name(p->protocol));
                wire_port_binding_list *list = bindings_of(ret, arena, key, s->ports.len);
                wire_port_binding *b = &list->items[list->len++];
                b->host_ip = mn_arena_strdup(arena, network_address_format(&p->host, address));
                b->host_port = p->is_direct ? NULL : mn_arena_printf(arena, "%u", p->host_port);
        }
}

void network_sandbox_describe(network_manager *m, const char *container_id, mn_arena *arena,
                              wire_endpoints *ret_endpoints, wire_port_map *ret_ports) {
        *ret_endpoints = (wire_endpoints){ 0 };
        *ret_ports = (wire_port_map){ 0 };
        network_lock(m);
        const struct sandbox *s = network_find_sandbox(m, container_id);
        if (s) {
                ret_endpoints->items = mn_arena_array(arena, s->endpoints.len + 1,
                                                      sizeof(*ret_endpoints->items));
                ret_endpoints->len = s->endpoints.len;
                for (size_t i = 0; i < s->endpoints.len; i++) {
                        const struct endpoint *e = s->endpoints.items[i];
                        ret_endpoints->items[i].key = mn_arena_strdup(arena, e->network->doc.name);
                        ret_endpoints->items[i].value = mn_arena_alloc(arena, sizeof(wire_endpoint_settings));
                        network_endpoint_describe(e, arena, ret_endpoints->items[i].value);
                }
                describe_ports(s, arena, ret_ports);
        }
        network_unlock(m);
}

void network_sandbox_ports(network_manager *m, const char *container_id, mn_arena *arena,
                           wire_port_summary_list *ret) {
        char address[NETWORK_ADDRESS_TEXT_SIZE];
        *ret = (wire_port_summary_list){ 0 };
        network_lock(m);
        const struct sandbox *s = network_find_sandbox(m, container_id);
        if (s)
                ret->items = mn_arena_array(arena, s->ports.len + 1, sizeof(*ret->items));
        for (size_t i = 0; s && i < s->ports.len; i++) {
                const struct published_port *p = &s->ports.items[i];
                ret->items[ret->len++] = (wire_port_summary){
                        .ip = p->is_direct
                                      ? NULL
                                      : mn_arena_strdup(arena, network_address_format(&p->host, address)),
                        .private_port = p->container_port,
                        .public_port = p->host_port,
                        .type = mn_arena_strdup(arena, network_protocol_name(p->protocol)),
                };
        }
        network_unlock(m);
}

/* ---- counters ---- */

struct counter_walk {
        mn_arena *arena;
        network_counters *items;
        size_t len, max;
};

static void see_link(void *arg, const mn_link *l) {
        struct counter_walk *walk = arg;
        if (strcmp(l->name, "lo") == 0 || walk->len == walk->max)
                return;
        network_counters *c = &walk->items[walk->len++];
        memcpy(c->name, l->name, sizeof(c->name));
        c->rx_bytes = l->rx_bytes, c->rx_packets = l->rx_packets;
        c->rx_errors = l->rx_errors, c->rx_dropped = l->rx_dropped;
        c->tx_bytes = l->tx_bytes, c->tx_packets = l->tx_packets;
        c->tx_errors = l->tx_errors, c->tx_dropped = l->tx_dropped;
}

void network_sandbox_counters(network_manager *m, const char *container_id, mn_arena *arena,
                              network_counters **ret, size_t *ret_len) {
        cleanup_err mn_err err = { 0 };
        cleanup_close int netns = -1;
        struct counter_walk walk = { .arena = arena, .max = 64 };
        *ret = NULL;
        *ret_len = 0;
        if (network_sandbox_netns(m, container_id, &netns, &err))
                return;
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        if (mn_netns_enter(&trip, m->home_netns_fd, netns) < 0)
                return;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        mn_netns_return(&trip);
        walk.items = mn_arena_array(arena, walk.max, sizeof(*walk.items));
        if (rtnl >= 0 && mn_link_each(rtnl, see_link, &walk) >= 0) {
                *ret = walk.items;
                *ret_len = walk.len;
        }
}
