/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: a container's addresses and names in one network. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "network/manager.h"

/* ---- wishes ---- */

static mn_status check_static(const struct network *n, const char *text, uint8_t family, mn_err *err) {
        mn_net_address a;
        if (mn_str_is_empty(text))
                return MN_OK;
        if (network_address_parse(text, &a) < 0 || a.family != family)
                return mn_fail(err, MN_INVALID, "invalid endpoint settings:\ninvalid %s address: %s",
                               family == AF_INET ? "IPv4" : "IPv6", text);
        const network_subnet *pool = network_pool_of(n, family);
        if (pool && network_subnet_contains(&pool->subnet, &a))
                return MN_OK;
        return mn_fail(
                err, MN_INVALID,
                "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address %s",
                text);
}

static bool is_name_sane(const char *name) {
        size_t len = strlen(name);
        for (const char *p = name; *p; p++)
                if ((unsigned char) *p <= ' ' || *p == 0x7f)
                        return false;
        return len > 0 && len <= 255;
}

mn_status network_check_wishes(const struct network *n, const wire_endpoint_settings *wishes, mn_err *err) {
        uint8_t mac[MN_MAC_LEN];
        if (!wishes)
                return MN_OK;
        const wire_endpoint_ipam *ipam = wishes->ipam_config;
        bool has_static = ipam &&
                          (!mn_str_is_empty(ipam->ipv4_address) || !mn_str_is_empty(ipam->ipv6_address));
        if (has_static && !network_is_user_defined(n))
                return mn_fail(err, MN_INVALID,
                               "invalid config for network %s: invalid endpoint settings:\n"
                               "user specified IP address is supported on user defined networks only",
                               n->doc.name);
        if (wishes->aliases && wishes->aliases[0] && !network_is_user_defined(n))
                return mn_fail(err, MN_INVALID,
                               "invalid config for network %s: invalid endpoint settings:\n"
                               "network-scoped aliases are only supported for user-defined networks",
                               n->doc.name);
        for (size_t i = 0; wishes->aliases && wishes->aliases[i]; i++)
                if (!is_name_sane(wishes->aliases[i]))
                        return mn_fail(err, MN_INVALID, "invalid alias %s", wishes->aliases[i]);
        if (!mn_str_is_empty(wishes->mac_address) && network_mac_parse(wishes->mac_address, mac) < 0)
                return mn_fail(err, MN_INVALID, "invalid MAC address: %s", wishes->mac_address);
        if (!has_static)
                return MN_OK;
        mn_status st = check_static(n, ipam->ipv4_address, AF_INET, err);
        if (!st)
                st = check_static(n, ipam->ipv6_address, AF_INET6, err);
        return st ? mn_err_prefix(err, st, "invalid config for network %s", n->doc.name) : MN_OK;
}

/* ---- addresses ---- */

static mn_status take_address(struct network *n, uint8_t family, const char *wish, mn_net_address *ret,
                              bool *ret_has, mn_err *err) {
        network_subnet *pool = network_pool_of(n, family);
        if (!pool)
                return MN_OK;
        mn_status st;
        if (mn_str_is_empty(wish)) {
                st = network_subnet_take(pool, ret, err);
        } else if (network_address_parse(wish, ret) < 0) {
                st = mn_fail(err, MN_INVALID, "invalid address %s", wish);
        } else {
                ret->prefix_len = pool->subnet.prefix_len;
                st = network_subnet_claim(pool, ret, err);
        }
        *ret_has = !st;
        return st;
}

/* The wish, or derived from the address: whoever gets the address next has the same one, and no neighbour's
   cache goes stale. */
static void choose_mac(struct endpoint *e) {
        if (network_mac_parse(e->wishes.mac_address, e->mac) >= 0) {
                e->has_mac = true;
                return;
        }
        mn_random(e->mac, sizeof(e->mac));
        e->mac[0] = 0x02;
        e->mac[1] = 0x42;
        if (e->has_v4)
                memcpy(e->mac + 2, e->v4.bytes, 4);
        e->has_mac = true;
}

void network_veth_name(char name[MN_LINK_NAME_SIZE]) {
        uint8_t tail[4];
        mn_random(tail, sizeof(tail));
        snprintf(name, MN_LINK_NAME_SIZE, "veth%02x%02x%02x%x", tail[0], tail[1], tail[2], tail[3] & 15u);
}

/* ---- life ---- */

struct endpoint *network_endpoint_alloc(struct network *n, struct sandbox *s,
                                        const wire_endpoint_settings *wishes) {
        mn_arena *arena = mn_arena_new();
        struct endpoint *e = mn_arena_alloc(arena, sizeof(*e));
        e->arena = arena;
        e->network = n;
        e->sandbox = s;
        if (wishes)
                mn_json_copy(&wire_endpoint_settings_type, wishes, arena, &e->wishes);
        mn_vec_push(&n->endpoints, e);
        mn_vec_push(&s->endpoints, e);
        return e;
}

mn_status network_endpoint_new(struct network *n, struct sandbox *s, const wire_endpoint_settings *wishes,
                               struct endpoint **ret, mn_err *err) {
        struct endpoint *e = network_endpoint_alloc(n, s, wishes);
        const wire_endpoint_ipam *ipam = e->wishes.ipam_config;
        mn_id_generate(e->id);
        mn_status st = take_address(n, AF_INET, ipam ? ipam->ipv4_address : NULL, &e->v4, &e->has_v4, err);
        if (!st)
                st = take_address(n, AF_INET6, ipam ? ipam->ipv6_address : NULL, &e->v6, &e->has_v6, err);
        if (st) {
                network_endpoint_free(e);
                return st;
        }
        if (n->driver->join) {
                choose_mac(e);
                network_veth_name(e->veth);
        }
        network_endpoint_update_names(e);
        *ret = e;
        return MN_OK;
}

static void unlink_endpoint(struct endpoint *e) {
        for (size_t i = 0; i < e->network->endpoints.len; i++)
                if (e->network->endpoints.items[i] == e) {
                        mn_vec_remove(&e->network->endpoints, i);
                        break;
                }
        for (size_t i = 0; i < e->sandbox->endpoints.len; i++)
                if (e->sandbox->endpoints.items[i] == e) {
                        mn_vec_remove(&e->sandbox->endpoints, i);
                        break;
                }
}

void network_endpoint_free(struct endpoint *e) {
        if (!e)
                return;
        if (e->has_v4)
                network_subnet_free(network_pool_of(e->network, AF_INET), &e->v4);
        if (e->has_v6)
                network_subnet_free(network_pool_of(e->network, AF_INET6), &e->v6);
        unlink_endpoint(e);
        mn_arena_free(e->arena);
}

/* ---- names ---- */

static void add_name(struct endpoint *e, size_t *len, const char *name) {
        if (mn_str_is_empty(name) || mn_strv_has(e->dns_names, name))
                return;
        e->dns_names[(*len)++] = mn_arena_strdup(e->arena, name);
}

void network_endpoint_update_names(struct endpoint *e) {
        if (!network_is_user_defined(e->network))
                return;
        char short_id[MN_SHORT_ID_LEN + 1];
        snprintf(short_id, sizeof(short_id), "%.12s", e->sandbox->container_id);
        size_t len = 0;
        e->dns_names = mn_arena_array(e->arena, mn_strv_len(e->wishes.aliases) + 4, sizeof(char *));
        add_name(e, &len, e->sandbox->name);
        for (size_t i = 0; e->wishes.aliases && e->wishes.aliases[i]; i++)
                add_name(e, &len, e->wishes.aliases[i]);
        add_name(e, &len, short_id);
        add_name(e, &len, e->sandbox->hostname);
}

/* ---- gateway ---- */

static bool leads_outside(const struct endpoint *e, uint8_t family) {
        const struct network *n = e->network;
        bool has_address = family == AF_INET ? e->has_v4 : e->has_v6;
        const network_subnet *pool = network_pool_of(n, family);
        return has_address && pool && pool->has_gateway && !n->doc.is_internal && !n->bridge.is_inhibited;
}

struct endpoint *network_gateway_endpoint(const struct sandbox *s, uint8_t family) {
        struct endpoint *best = NULL;
        for (size_t i = 0; i < s->endpoints.len; i++) {
                struct endpoint *e = s->endpoints.items[i];
                if (!leads_outside(e, family))
                        continue;
                bool is_better = !best || e->wishes.gw_priority > best->wishes.gw_priority ||
                                 (e->wishes.gw_priority == best->wishes.gw_priority &&
                                  strcmp(e->network->doc.name, best->network->doc.name) < 0);
                if (is_better)
                        best = e;
        }
        return best;
}

/* ---- inspect ---- */

void network_endpoint_describe(const struct endpoint *e, mn_arena *arena, wire_endpoint_settings *ret) {
        char text[NETWORK_ADDRESS_TEXT_SIZE], mac[18];
        const network_subnet *v4 = network_pool_of(e->network, AF_INET),
                             *v6 = network_pool_of(e->network, AF_INET6);
        mn_json_copy(&wire_endpoint_settings_type, &e->wishes, arena, ret);
        ret->network_id = mn_arena_strdup(arena, e->network->doc.id);
        ret->endpoint_id = mn_arena_strdup(arena, e->id);
        ret->mac_address = mn_arena_strdup(arena, e->has_mac ? network_mac_format(e->mac, mac) : "");
        ret->gateway = ret->ip_address = ret->ipv6_gateway = ret->global_ipv6_address = NULL;
        ret->ip_prefix_len = 0;
        ret->global_ipv6_prefix_len = 0;
        if (e->has_v4) {
                ret->ip_address = mn_arena_strdup(arena, network_address_format(&e->v4, text));
                ret->ip_prefix_len = e->v4.prefix_len;
                if (leads_outside(e, AF_INET))
                        ret->gateway = mn_arena_strdup(arena, network_address_format(&v4->router, text));
        }
        if (e->has_v6) {
                ret->global_ipv6_address = mn_arena_strdup(arena, network_address_format(&e->v6, text));
                ret->global_ipv6_prefix_len = e->v6.prefix_len;
                if (leads_outside(e, AF_INET6))
                        ret->ipv6_gateway = mn_arena_strdup(arena, network_address_format(&v6->router, text));
        }
        size_t count = mn_strv_len(e->dns_names);
        if (!count)
                return;
        ret->dns_names = mn_arena_array(arena, count + 1, sizeof(char *));
        for (size_t i = 0; i < count; i++)
                ret->dns_names[i] = mn_arena_strdup(arena, e->dns_names[i]);
}
