/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge driver: a Linux bridge per network, a veth pair per container. */

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "network/manager.h"
#include "sys/fd.h"
#include "sys/file.h"

/* ---- options ---- */

#define OPTION "com.docker.network.bridge."

static mn_status read_bool(const mn_str_map *options, const char *key, bool *ret, mn_err *err) {
        const char *text = mn_str_map_get(options, key);
        if (mn_str_is_empty(text) || mn_parse_bool(text, ret) >= 0)
                return MN_OK;
        return mn_fail(err, MN_INVALID, "failed to parse %s value: \"%s\" is not a boolean", key, text);
}

static mn_status read_mode(const mn_str_map *options, const char *key, bool *ret_nat, bool *ret_open,
                           bool *ret_bare, mn_err *err) {
        const char *mode = mn_str_map_get(options, key);
        *ret_nat = true;
        *ret_open = false;
        if (mn_str_is_empty(mode) || mn_str_equal(mode, "nat"))
                return MN_OK;
        if (mn_str_equal(mode, "nat-unprotected"))
                *ret_open = true;
        else if (mn_str_equal(mode, "routed"))
                *ret_nat = false;
        else if (mn_str_equal(mode, "isolated"))
                *ret_bare = true;
        else
                return mn_fail(err, MN_INVALID, "unknown gateway mode %s", mode);
        return MN_OK;
}

static mn_status read_name(struct network *n, mn_err *err) {
        const char *name = mn_str_map_get(&n->doc.options, OPTION "name");
        if (mn_str_is_empty(name)) {
                snprintf(n->bridge.name, sizeof(n->bridge.name), "br-%.12s", n->doc.id);
                return MN_OK;
        }
        if (strlen(name) >= sizeof(n->bridge.name) || strchr(name, '/') || strchr(name, ' ') ||
            strchr(name, ':') || mn_str_equal(name, ".") || mn_str_equal(name, ".."))
                return mn_fail(err, MN_INVALID,
                               "invalid bridge name %s: an interface name has at most 15 characters", name);
        snprintf(n->bridge.name, sizeof(n->bridge.name), "%s", name);
        return MN_OK;
}

static mn_status read_trusted(struct network *n, mn_err *err) {
        const char *list = mn_str_map_get(&n->doc.options, OPTION "trusted_host_interfaces");
        if (mn_str_is_empty(list))
                return MN_OK;
        cleanup_strv char **names = mn_strv_split(list, ':');
        for (size_t i = 0; names[i]; i++) {
                if (!names[i][0] || strlen(names[i]) >= MN_LINK_NAME_SIZE ||
                    i == MN_ARRAY_LEN(n->bridge.trusted))
                        return mn_fail(err, MN_INVALID, "invalid value for trusted_host_interfaces: %s",
                                       list);
                memcpy(n->bridge.trusted[n->bridge.ntrusted++], names[i], strlen(names[i]) + 1);
        }
        return MN_OK;
}

static mn_status read_values(network_manager *m, struct network *n, mn_err *err) {
        const mn_str_map *options = &n->doc.options;
        const char *mtu = mn_str_map_get(options, "com.docker.network.driver.mtu");
        const char *bind = mn_str_map_get(options, OPTION "host_binding_ipv4");
        const char *prefix = mn_str_map_get(options, "com.docker.network.container_iface_prefix");
        int value = m->options.mtu;
        if (!mn_str_is_empty(mtu) && mn_parse_int(mtu, 0, 65535, &value) < 0)
                return mn_fail(err, MN_INVALID, "failed to parse com.docker.network.driver.mtu value: \"%s\"",
                               mtu);
        n->bridge.mtu = (uint32_t) value;
        if (mn_str_is_empty(bind))
                bind = m->options.default_ip;
        if (!mn_str_is_empty(bind)) {
                if (network_address_parse(bind, &n->bridge.bind) < 0)
                        return mn_fail(err, MN_INVALID, "invalid host binding address %s", bind);
                n->bridge.has_bind = true;
        }
        if (mn_str_is_empty(prefix))
                prefix = "eth";
        if (strlen(prefix) >= sizeof(n->bridge.interface_prefix) || strchr(prefix, '/'))
                return mn_fail(err, MN_INVALID, "invalid interface prefix %s", prefix);
        snprintf(n->bridge.interface_prefix, sizeof(n->bridge.interface_prefix), "%s", prefix);
        return MN_OK;
}

static mn_status configure(network_manager *m, struct network *n, mn_err *err) {
        struct bridge_settings *b = &n->bridge;
        const mn_str_map *options = &n->doc.options;
        b->is_icc = b->is_masquerading = true;
        mn_status st = read_name(n, err);
        if (!st)
                st = read_bool(options, OPTION "enable_icc", &b->is_icc, err);
        if (!st)
                st = read_bool(options, OPTION "enable_ip_masquerade", &b->is_masquerading, err);
        if (!st)
                st = read_bool(options, OPTION "inhibit_ipv4", &b->is_inhibited, err);
        if (!st)
                st = read_mode(options, OPTION "gateway_mode_ipv4", &b->is_nat_v4, &b->is_open_v4,
                               &b->is_inhibited, err);
        if (!st)
                st = read_mode(options, OPTION "gateway_mode_ipv6", &b->is_nat_v6, &b->is_open_v6,
                               &b->is_inhibited, err);
        if (!st)
                st = read_trusted(n, err);
        if (!st)
                st = read_values(m, n, err);
        return st;
}

/* ---- the bridge ---- */

void network_put_sysctl(const char *family, const char *interface, const char *name, const char *value) {
        cleanup_free char *path = mn_asprintf("/proc/sys/net/%s/conf/%s/%s", family, interface, name);
        int r = mn_file_put(AT_FDCWD, path, value);
        if (r < 0 && r != -ENOENT)
                mn_log(MN_LOG_WARN, "cannot set a kernel parameter", " path=%s error=\"%s\"", path,
                       mn_strerror(r));
}

/* A hardware address that stays the same, so that neighbours' caches survive a new bridge. */
static void bridge_mac(const struct network *n, uint8_t mac[MN_MAC_LEN]) {
        uint8_t id[MN_MAC_LEN];
        char hex[2 * MN_MAC_LEN + 1] = { 0 };
        memcpy(hex, n->doc.id, 2 * MN_MAC_LEN);
        if (mn_hex_decode(hex, id, sizeof(id)) < 0)
                mn_random(id, sizeof(id));
        memcpy(mac, id, MN_MAC_LEN);
        mac[0] = 0x02;
        mac[1] = 0x42;
}

struct address_search {
        const mn_net_address *wanted;
        MN_VEC(mn_net_address) others;
        bool is_found;
};

static void see_address(void *arg, int index, const mn_net_address *address) {
        struct address_search *search = arg;
        (void) index;
        if (network_address_equal(address, search->wanted) &&
            address->prefix_len == search->wanted->prefix_len)
                search->is_found = true;
        else if (address->family == AF_INET || !(address->bytes[0] == 0xfe && address->bytes[1] == 0x80))
                mn_vec_push(&search->others, *address);
}

/* The bridge has the gateway's address and no other one of that family. */
static int set_address(int rtnl, int index, const mn_net_address *gateway) {
        struct address_search search = { .wanted = gateway };
        int r = mn_address_each(rtnl, gateway->family, index, see_address, &search);
        for (size_t i = 0; r >= 0 && i < search.others.len; i++)
                mn_address_delete(rtnl, index, &search.others.items[i]);
        mn_vec_release(&search.others);
        if (r >= 0 && !search.is_found)
                r = mn_address_add(rtnl, index, gateway);
        return r;
}

/* Its kernel parameters. 127.0.0.1 of the host is published through the bridge, which therefore must take
   packets with that source; the firewall keeps containers from using it the other way. */
static void set_parameters(const struct network *n) {
        const char *bridge = n->bridge.name;
        network_put_sysctl("ipv4", bridge, "route_localnet", "1");
        network_put_sysctl("ipv6", bridge, "accept_ra", "0");
        network_put_sysctl("ipv6", bridge, "accept_dad", "0");
        network_put_sysctl("ipv6", bridge, "disable_ipv6", n->doc.has_ipv6 ? "0" : "1");
        if (n->doc.has_ipv6)
                network_put_sysctl("ipv6", bridge, "forwarding", "1");
}

static int make_link(int rtnl, const struct network *n) {
        uint8_t mac[MN_MAC_LEN];
        int index = mn_link_index(rtnl, n->bridge.name);
        if (index >= 0 || n->bridge.is_foreign)
                return index;
        bridge_mac(n, mac);
        int r = mn_link_add_bridge(rtnl, n->bridge.name, mac, n->bridge.mtu);
        return r < 0 ? r : mn_link_index(rtnl, n->bridge.name);
}

static mn_status create(network_manager *m, struct network *n, mn_err *err) {
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        int index = rtnl < 0 ? rtnl : make_link(rtnl, n);
        if (index < 0)
                return mn_fail_errno(err, index, "failed to create bridge %s", n->bridge.name);
        if (!n->bridge.is_foreign)
                set_parameters(n);
        if (n->doc.has_ipv6)
                network_enable_forwarding(m, AF_INET6);
        int r = 0;
        for (size_t i = 0; r >= 0 && !n->bridge.is_inhibited && i < n->pools.len; i++)
                if (n->pools.items[i].has_gateway)
                        r = set_address(rtnl, index, &n->pools.items[i].gateway);
        if (r >= 0)
                r = mn_link_change_by_index(rtnl, index, &(mn_link_change){ .is_up = true });
        if (r < 0)
                return mn_fail_errno(err, r, "failed to set up bridge %s", n->bridge.name);
        return MN_OK;
}

static void remove_bridge(network_manager *m, struct network *n) {
        (void) m;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        int index = rtnl < 0 ? rtnl : mn_link_index(rtnl, n->bridge.name);
        int r = index < 0 ? index : mn_link_delete(rtnl, index);
        if (r < 0 && r != -ENODEV)
                mn_log(MN_LOG_WARN, "cannot delete a bridge", " bridge=%s error=\"%s\"", n->bridge.name,
                       mn_strerror(r));
}

/* ---- containers ---- */

/* A bridge somebody deleted meanwhile is made again rather than failing every start. */
static int find_bridge(network_manager *m, struct network *n, int rtnl) {
        cleanup_err mn_err ignored = { 0 };
        int index = mn_link_index(rtnl, n->bridge.name);
        if (index == -ENODEV && create(m, n, &ignored) == MN_OK)
                index = mn_link_index(rtnl, n->bridge.name);
        return index;
}

/* The bridge may still believe that a predecessor with this address is behind another port. */
static void announce(int rtnl, int index, const struct endpoint *e) {
        (void) mn_link_add_fdb(rtnl, index, e->mac);
}

static mn_status join(network_manager *m, struct endpoint *e, int netns_fd, mn_err *err) {
        struct network *n = e->network;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        int bridge = rtnl < 0 ? rtnl : find_bridge(m, n, rtnl);
        if (bridge < 0)
                return mn_fail_errno(err, bridge, "bridge %s of network %s", n->bridge.name, n->doc.name);
        mn_veth veth = { .name = e->veth,
                         .master = bridge,
                         .mtu = n->bridge.mtu,
                         .is_hairpin = e->sandbox->ports.len > 0,
                         .is_isolated = !n->bridge.is_icc,
                         .peer_netns_fd = netns_fd,
                         .peer_name = e->interface,
                         .peer_mac = e->mac };
        int r = mn_link_add_veth(rtnl, &veth);
        if (r == -EXFULL)
                return mn_fail(err, MN_FORBIDDEN,
                               "network %s is full: a bridge takes 1023 containers, the limit of the kernel",
                               n->doc.name);
        if (r < 0)
                return mn_fail_errno(err, r, "failed to create the veth pair %s", e->veth);
        int index = mn_link_index(rtnl, e->veth);
        if (index > 0)
                announce(rtnl, index, e);
        return MN_OK;
}

static mn_status adopt(network_manager *m, struct endpoint *e, mn_err *err) {
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        int bridge = rtnl < 0 ? rtnl : find_bridge(m, e->network, rtnl);
        int index = bridge < 0 ? bridge : mn_link_index(rtnl, e->veth), r = index;
        if (r > 0 && bridge != e->prepared_bridge) /* made anew since */
                r = mn_link_change_by_index(rtnl, index,
                                            &(mn_link_change){ .master = bridge, .is_up = true });
        if (r >= 0 && e->sandbox->ports.len)
                r = mn_link_set_hairpin(rtnl, index, true);
        if (r < 0)
                return mn_fail_errno(err, r, "prepared interface %s", e->veth);
        announce(rtnl, index, e);
        return MN_OK;
}

static void leave(network_manager *m, struct endpoint *e, int container_rtnl) {
        (void) m;
        int index = mn_link_index(container_rtnl, e->interface);
        if (index > 0)
                mn_link_delete(container_rtnl, index); /* the other end goes with it */
}

const struct network_driver network_bridge_driver = {
        .name = "bridge",
        .has_subnets = true,
        .configure = configure,
        .create = create,
        .remove = remove_bridge,
        .join = join,
        .adopt = adopt,
        .leave = leave,
};
