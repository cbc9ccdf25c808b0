/* SPDX-License-Identifier: Apache-2.0 */
/* Which subnets a network gets: the user's, checked, or the next free one of the daemon's pools. */

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "network/manager.h"
#include "sys/fd.h"
#include "sys/file.h"

/* Docker's list, in Docker's order, and behind it a reserve for those who need more than its 31 networks. */
static const network_pool default_pools[] = {
        { (char *) "172.17.0.0/16", 16 },  { (char *) "172.18.0.0/16", 16 }, { (char *) "172.19.0.0/16", 16 },
        { (char *) "172.20.0.0/14", 16 },  { (char *) "172.24.0.0/14", 16 }, { (char *) "172.28.0.0/14", 16 },
        { (char *) "192.168.0.0/16", 20 }, { (char *) "10.192.0.0/11", 24 },
};

typedef MN_VEC(mn_net_address) address_list;

/* ---- what is taken ---- */

struct route_filter {
        int own_index; /* the network's own bridge, which may have outlived an earlier state database */
        address_list *list;
};

static void add_route(void *arg, const mn_net_address *subnet, int index) {
        struct route_filter *filter = arg;
        if (index != filter->own_index)
                mn_vec_push(filter->list, *subnet);
}

/* Subnets of other networks, and those the host reaches by other ways. */
static mn_status collect_taken(network_manager *m, const struct network *self, uint8_t family,
                               bool with_routes, address_list *list, mn_err *err) {
        size_t pos = 0;
        void *value;
        while (mn_map_next(m->networks, &pos, NULL, &value)) {
                const struct network *n = value;
                for (size_t i = 0; n != self && i < n->pools.len; i++)
                        if (n->pools.items[i].subnet.family == family)
                                mn_vec_push(list, n->pools.items[i].subnet);
        }
        if (!with_routes)
                return MN_OK;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        struct route_filter filter = { .list = list };
        if (rtnl >= 0 && self->bridge.name[0])
                filter.own_index = mn_link_index(rtnl, self->bridge.name);
        int r = rtnl < 0 ? rtnl : mn_route_each(rtnl, family, add_route, &filter);
        return r < 0 ? mn_fail_errno(err, r, "reading the host's routes") : MN_OK;
}

/* ---- from the pools ---- */

/* The /48 of unique local addresses of this machine: the same after every restart. */
static void unique_local_pool(const network_manager *m, mn_net_address *ret) {
        cleanup_free char *machine = NULL;
        size_t len = 0;
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        if (mn_file_read(AT_FDCWD, "/etc/machine-id", 4096, &machine, &len) < 0)
                len = 0;
        for (size_t i = 0; i < len; i++)
                hash = (hash ^ (uint8_t) machine[i]) * UINT64_C(0x100000001b3);
        for (const char *p = m->instance; *p; p++)
                hash = (hash ^ (uint8_t) *p) * UINT64_C(0x100000001b3);
        *ret = (mn_net_address){ .family = AF_INET6, .prefix_len = 48, .bytes = { 0xfd } };
        for (int i = 0; i < 5; i++)
                ret->bytes[1 + i] = (uint8_t) (hash >> (8 * i));
}

static mn_status cut_from_pools(network_manager *m, const struct network *n, uint8_t family,
                                mn_net_address *ret, mn_err *err) {
        address_list taken = { 0 };
        mn_status st = collect_taken(m, n, family, true, &taken, err);
        const network_pool *pools = m->options.npools ? m->options.pools : default_pools;
        size_t count = m->options.npools ? m->options.npools : MN_ARRAY_LEN(default_pools);
        int r = -ENOSPC;
        bool has_family = false;
        for (size_t i = 0; !st && r < 0 && i < count; i++) {
                mn_net_address base;
                if (network_cidr_parse(pools[i].base, &base) < 0 || base.family != family)
                        continue;
                has_family = true;
                r = network_pool_cut(&base, (unsigned) pools[i].size, taken.items, taken.len, ret);
        }
        if (!st && r < 0 && family == AF_INET6 && !has_family) {
                mn_net_address base;
                unique_local_pool(m, &base);
                r = network_pool_cut(&base, 64, taken.items, taken.len, ret);
        }
        mn_vec_release(&taken);
        if (!st && r < 0)
                st = mn_fail(err, MN_INVALID, "all predefined address pools have been fully subnetted");
        return st;
}

/* ---- from the user ---- */

static const char *family_name(uint8_t family) {
        return family == AF_INET ? "IPv4" : "IPv6";
}

/* An address that belongs to `subnet`. */
static mn_status parse_inside(const char *what, const char *text, const mn_net_address *subnet,
                              mn_net_address *ret, mn_err *err) {
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        if (network_address_parse(text, ret) < 0)
                return mn_fail(err, MN_INVALID, "invalid network config:\ninvalid %s: invalid address", what);
        if (ret->family != subnet->family)
                return mn_fail(err, MN_INVALID,
                               "invalid network config:\ninvalid %s: parent subnet is an %s block", what,
                               family_name(subnet->family));
        if (!network_subnet_contains(subnet, ret))
                return mn_fail(
                        err, MN_INVALID,
                        "invalid network config:\ninvalid %s: parent subnet %s doesn't contain this address",
                        what, network_cidr_format(subnet, buf));
        ret->prefix_len = subnet->prefix_len;
        return MN_OK;
}

static mn_status parse_range(const char *text, const mn_net_address *subnet, mn_net_address *ret,
                             mn_err *err) {
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        if (network_cidr_parse(text, ret) < 0)
                return mn_fail(err, MN_INVALID,
                               "invalid network config:\ninvalid ip-range %s: invalid CIDR block notation",
                               text);
        mn_net_address masked = network_subnet_of(ret);
        if (ret->family != subnet->family)
                return mn_fail(err, MN_INVALID,
                               "invalid network config:\ninvalid ip-range %s: parent subnet is an %s block",
                               text, family_name(subnet->family));
        if (ret->prefix_len < subnet->prefix_len)
                return mn_fail(err, MN_INVALID,
                               "invalid network config:\ninvalid ip-range %s: CIDR block is bigger than its "
                               "parent subnet %s",
                               text, network_cidr_format(subnet, buf));
        if (!network_address_equal(ret, &masked))
                return mn_fail(err, MN_INVALID,
                               "invalid network config:\ninvalid ip-range %s: it should be %s", text,
                               network_cidr_format(&masked, buf));
        if (!network_subnet_contains(subnet, ret))
                return mn_fail(err, MN_INVALID,
                               "invalid network config:\ninvalid ip-range %s: parent subnet %s doesn't "
                               "contain ip-range",
                               text, network_cidr_format(subnet, buf));
        return MN_OK;
}

static mn_status parse_subnet(const char *text, mn_net_address *ret, mn_err *err) {
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        if (network_cidr_parse(text, ret) < 0)
                return mn_fail(err, MN_INVALID,
                               "invalid network config:\ninvalid subnet %s: invalid CIDR block notation",
                               text ? text : "");
        mn_net_address masked = network_subnet_of(ret);
        if (!network_address_equal(ret, &masked))
                return mn_fail(err, MN_INVALID, "invalid network config:\ninvalid subnet %s: it should be %s",
                               text, network_cidr_format(&masked, buf));
        return MN_OK;
}

/* ---- pools of a network ---- */

/* Reserves the gateway and the auxiliary addresses of one configuration in its pool. */
static mn_status reserve(network_subnet *pool, const wire_ipam_config *config, mn_err *err) {
        for (size_t i = 0; i < config->auxiliary_addresses.len; i++) {
                mn_net_address aux;
                cleanup_free char *what = mn_asprintf("auxiliary address %s",
                                                      config->auxiliary_addresses.items[i].key);
                mn_status st = parse_inside(what, config->auxiliary_addresses.items[i].value, &pool->subnet,
                                            &aux, err);
                if (st || (st = network_subnet_claim(pool, &aux, err)))
                        return st;
        }
        if (mn_str_is_empty(config->gateway))
                return MN_OK;
        cleanup_free char *what = mn_asprintf("gateway %s", config->gateway);
        mn_status st = parse_inside(what, config->gateway, &pool->subnet, &pool->gateway, err);
        if (st || (st = network_subnet_claim(pool, &pool->gateway, err)))
                return st;
        pool->router = pool->gateway;
        pool->has_gateway = true;
        return MN_OK;
}

static mn_status add_pool(struct network *n, const wire_ipam_config *config, mn_err *err) {
        mn_net_address subnet, range;
        mn_status st = parse_subnet(config->subnet, &subnet, err);
        bool has_range = !mn_str_is_empty(config->ip_range);
        if (!st && has_range)
                st = parse_range(config->ip_range, &subnet, &range, err);
        if (st)
                return st;
        if (network_pool_of(n, subnet.family))
                return mn_fail(err, MN_INVALID, "bridge driver doesn't support multiple %s subnets",
                               family_name(subnet.family));
        network_subnet pool;
        network_subnet_init(&pool, &subnet, has_range ? &range : NULL);
        st = reserve(&pool, config, err);
        mn_vec_push(&n->pools, pool);
        return st;
}

mn_status network_load_subnets(struct network *n, mn_err *err) {
        for (size_t i = 0; i < n->doc.ipam.config.len; i++) {
                mn_status st = add_pool(n, &n->doc.ipam.config.items[i], err);
                if (st)
                        return st;
        }
        return MN_OK;
}

static mn_status check_overlap(network_manager *m, const struct network *n, const mn_net_address *subnet,
                               mn_err *err) {
        address_list taken = { 0 };
        mn_status st = collect_taken(m, n, subnet->family, false, &taken, err);
        for (size_t i = 0; !st && i < taken.len; i++)
                if (network_subnets_overlap(&taken.items[i], subnet))
                        st = mn_fail(
                                err, MN_FORBIDDEN,
                                "invalid pool request: Pool overlaps with other one on this address space");
        mn_vec_release(&taken);
        return st;
}

/* The lowest free address of the subnet becomes the gateway. */
static mn_status choose_gateway(struct network *n, network_subnet *pool, wire_ipam_config *config,
                                mn_err *err) {
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address range = pool->range;
        pool->range = pool->subnet;
        mn_status st = network_subnet_take(pool, &pool->gateway, err);
        pool->range = range;
        if (st)
                return st;
        pool->router = pool->gateway;
        pool->has_gateway = true;
        config->gateway = mn_arena_strdup(n->arena, network_address_format(&pool->gateway, buf));
        return MN_OK;
}

static void append_config(struct network *n, const wire_ipam_config *config) {
        size_t len = n->doc.ipam.config.len;
        wire_ipam_config *items = mn_arena_array(n->arena, len + 1, sizeof(*items));
        for (size_t i = 0; i < len; i++)
                items[i] = n->doc.ipam.config.items[i];
        items[len] = *config;
        n->doc.ipam.config.items = items;
        n->doc.ipam.config.len = len + 1;
}

/* A subnet of the pools for a family the user named none of. */
static mn_status add_default(network_manager *m, struct network *n, uint8_t family, mn_err *err) {
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address subnet;
        mn_status st = cut_from_pools(m, n, family, &subnet, err);
        if (st)
                return st;
        wire_ipam_config config = { .subnet = mn_arena_strdup(n->arena, network_cidr_format(&subnet, buf)) };
        append_config(n, &config);
        return add_pool(n, &config, err);
}

mn_status network_assign_subnets(network_manager *m, struct network *n, const wire_ipam *wishes,
                                 mn_err *err) {
        mn_status st = MN_OK;
        for (size_t i = 0; !st && wishes && i < wishes->config.len; i++) {
                const wire_ipam_config *config = &wishes->config.items[i];
                mn_net_address subnet;
                if ((st = parse_subnet(config->subnet, &subnet, err)))
                        return st;
                if (subnet.family == AF_INET ? !n->doc.has_ipv4 : !n->doc.has_ipv6)
                        continue;
                append_config(n, config);
                st = check_overlap(m, n, &subnet, err);
                if (!st)
                        st = add_pool(n, config, err);
        }
        if (!st && n->doc.has_ipv4 && !network_pool_of(n, AF_INET))
                st = add_default(m, n, AF_INET, err);
        if (!st && n->doc.has_ipv6 && !network_pool_of(n, AF_INET6))
                st = add_default(m, n, AF_INET6, err);
        for (size_t i = 0; !st && i < n->pools.len; i++)
                if (!n->pools.items[i].has_gateway)
                        st = choose_gateway(n, &n->pools.items[i], &n->doc.ipam.config.items[i], err);
        return st;
}
