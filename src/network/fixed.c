/* SPDX-License-Identifier: Apache-2.0 */
/* The networks that are always there: "host", "none" and, unless switched off, the default bridge. */

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "network/manager.h"
#include "sys/fd.h"

/* ---- the default bridge ---- */

static void add_option(struct network *n, const char *key, const char *value) {
        mn_str_map_set(&n->doc.options, n->arena, key, value);
}

static void add_options(const network_manager *m, struct network *n) {
        const network_options *o = &m->options;
        cleanup_free char *name = o->bridge ? mn_strdup(o->bridge) : mn_asprintf("%s0", m->instance);
        cleanup_free char *mtu = mn_asprintf("%d", o->mtu ? o->mtu : 1500);
        add_option(n, "com.docker.network.bridge.default_bridge", "true");
        add_option(n, "com.docker.network.bridge.enable_icc", o->no_icc ? "false" : "true");
        add_option(n, "com.docker.network.bridge.enable_ip_masquerade", o->no_ip_masq ? "false" : "true");
        add_option(n, "com.docker.network.bridge.host_binding_ipv4",
                   o->default_ip ? o->default_ip : "0.0.0.0");
        add_option(n, "com.docker.network.bridge.name", name);
        add_option(n, "com.docker.network.driver.mtu", mtu);
}

/* The subnet of one family as the options have it: the bridge's address, or where containers' come from. */
static void add_subnet(struct network *n, wire_ipam *ipam, const char *bip, const char *range) {
        char text[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address address;
        if ((!bip && !range) || network_cidr_parse(bip ? bip : range, &address) < 0)
                return;
        mn_net_address subnet = network_subnet_of(&address);
        wire_ipam_config *c = &ipam->config.items[ipam->config.len++];
        c->subnet = mn_arena_strdup(n->arena, network_cidr_format(&subnet, text));
        c->gateway = bip ? mn_arena_strdup(n->arena, network_address_format(&address, text)) : NULL;
        c->ip_range = mn_arena_strdup(n->arena, range);
}

struct address_search {
        mn_net_address address;
        bool is_found;
};

static void see_address(void *arg, int index, const mn_net_address *address) {
        struct address_search *search = arg;
        (void) index;
        if (!search->is_found)
                *search = (struct address_search){ *address, true };
}

/* A bridge of the user's keeps the address it has. */
static mn_status read_foreign(const char *name, char buf[NETWORK_ADDRESS_TEXT_SIZE], const char **ret_bip,
                              mn_err *err) {
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        int index = rtnl < 0 ? rtnl : mn_link_index(rtnl, name);
        struct address_search search = { 0 };
        if (index < 0)
                return mn_fail(err, MN_INVALID,
                               "bridge device with non default name %s must be created manually", name);
        int r = mn_address_each(rtnl, AF_INET, index, see_address, &search);
        if (r < 0)
                return mn_fail_errno(err, r, "addresses of bridge %s", name);
        if (search.is_found)
                *ret_bip = network_cidr_format(&search.address, buf);
        return MN_OK;
}

/* What the daemon's options say about its addresses; empty when they say nothing. */
static mn_status wish_subnets(network_manager *m, struct network *n, wire_ipam *ret, mn_err *err) {
        const network_options *o = &m->options;
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        const char *bip = o->bip;
        mn_status st = o->bridge ? read_foreign(o->bridge, buf, &bip, err) : MN_OK;
        if (st)
                return st;
        ret->config.items = mn_arena_array(n->arena, 2, sizeof(*ret->config.items));
        add_subnet(n, ret, bip, o->fixed_cidr);
        if (o->is_ipv6)
                add_subnet(n, ret, o->bip6, o->fixed_cidr_v6);
        return MN_OK;
}

/* Another machine on the bridge is the containers' way outside. */
static mn_status set_router(struct network *n, const char *text, mn_err *err) {
        mn_net_address router;
        if (!text)
                return MN_OK;
        network_subnet *pool = network_address_parse(text, &router) < 0 ? NULL
                                                                        : network_pool_of(n, router.family);
        if (!pool || !network_subnet_contains(&pool->subnet, &router))
                return mn_fail(err, MN_INVALID, "default gateway %s is not in the default bridge's subnet",
                               text);
        router.prefix_len = pool->subnet.prefix_len;
        pool->router = router;
        return network_address_equal(&router, &pool->gateway) ? MN_OK
                                                              : network_subnet_claim(pool, &router, err);
}

static mn_status set_up_bridge(network_manager *m, struct network *n, const struct network *old,
                               mn_err *err) {
        wire_ipam ipam = { 0 };
        n->bridge.is_foreign = m->options.bridge;
        mn_status st = wish_subnets(m, n, &ipam, err);
        if (st)
                return st;
        /* A subnet found once is kept, unless the options now say otherwise. */
        if (old && !ipam.config.len && old->doc.has_ipv6 == n->doc.has_ipv6)
                mn_json_copy(&wire_ipam_type, &old->doc.ipam, n->arena, &ipam);
        st = network_assign_subnets(m, n, &ipam, err);
        if (!st)
                st = set_router(n, m->options.default_gateway, err);
        return st ? st : set_router(n, m->options.default_gateway_v6, err);
}

/* ---- all of them ---- */

static bool is_same(const struct network *a, const struct network *b) {
        cleanup_str mn_str left = MN_STR_INIT(0), right = MN_STR_INIT(0);
        mn_json_encode(&wire_network_type, &a->doc, 0, &left);
        mn_json_encode(&wire_network_type, &b->doc, 0, &right);
        return mn_str_equal(mn_str_text(&left), mn_str_text(&right));
}

/* Makes one, or brings the stored one in line with the daemon's options; its id stays. */
static mn_status make(network_manager *m, const char *name, const struct network_driver *driver,
                      mn_err *err) {
        struct network *old = network_find_by_name(m, name), *n = network_new();
        bool is_bridge = driver == &network_bridge_driver, has_ipv6 = is_bridge && m->options.is_ipv6;
        wire_network_create request = { .name = mn_arena_strdup(n->arena, name), .enable_ipv6 = &has_ipv6 };
        n->driver = driver;
        network_fill_document(n, &request);
        if (old) {
                n->doc.id = mn_arena_strdup(n->arena, old->doc.id);
                n->doc.created_ns = old->doc.created_ns;
                (void) mn_map_take(m->networks, old->doc.id);
        }
        if (is_bridge)
                add_options(m, n);
        mn_status st = driver->configure(m, n, err);
        if (!st && is_bridge)
                st = set_up_bridge(m, n, old, err);
        if (!st && (!old || !is_same(old, n)))
                st = network_store_save(m, n, err);
        network_free(old);
        if (st) {
                network_free(n);
                return mn_err_prefix(err, st, "network %s", name);
        }
        mn_map_set(m->networks, n->doc.id, n);
        return MN_OK;
}

mn_status network_make_fixed(network_manager *m, mn_err *err) {
        mn_status st = make(m, "host", &network_host_driver, err);
        if (!st)
                st = make(m, "none", &network_none_driver, err);
        if (st || !mn_str_equal(m->options.bridge, "none"))
                return st ? st : make(m, "bridge", &network_bridge_driver, err);
        struct network *bridge = network_find_by_name(m, "bridge");
        if (bridge) {
                (void) mn_map_take(m->networks, bridge->doc.id);
                network_free(bridge);
        }
        return MN_OK;
}
