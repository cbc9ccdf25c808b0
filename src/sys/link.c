/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/macro.h"

static size_t address_len(const mn_net_address *a) {
        return a->family == AF_INET ? 4 : 16;
}

/* ---- interfaces ---- */

int mn_link_index(int rtnl, const char *name) {
        struct ifreq request = { 0 };
        if (strlen(name) >= sizeof(request.ifr_name))
                return -ENODEV;
        memcpy(request.ifr_name, name, strlen(name));
        return ioctl(rtnl, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

static void begin_link(mn_nl *nl, uint16_t type, uint16_t flags, const struct ifinfomsg *head) {
        mn_nl_begin(nl, type, flags, head, sizeof(*head));
}

static int check_name(const char *name) {
        return name[0] && strlen(name) < MN_LINK_NAME_SIZE ? 0 : -EINVAL;
}

int mn_link_add_bridge(int rtnl, const char *name, const uint8_t mac[MN_MAC_LEN], uint32_t mtu) {
        cleanup_nl mn_nl nl = { 0 };
        if (check_name(name) < 0)
                return -EINVAL;
        begin_link(&nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
                   &(struct ifinfomsg){ .ifi_family = AF_UNSPEC });
        mn_nl_put_str(&nl, IFLA_IFNAME, name);
        mn_nl_put(&nl, IFLA_ADDRESS, mac, MN_MAC_LEN);
        if (mtu)
                mn_nl_put_u32(&nl, IFLA_MTU, mtu);
        mn_nl_nest(&nl, IFLA_LINKINFO);
        mn_nl_put_str(&nl, IFLA_INFO_KIND, "bridge");
        mn_nl_nest_end(&nl);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

/* Bridge port flags can not be given when the port is made, only changed afterwards. */
static void put_port_flags(mn_nl *nl, const mn_veth *veth) {
        begin_link(nl, RTM_NEWLINK, 0, &(struct ifinfomsg){ 0 });
        mn_nl_put_str(nl, IFLA_IFNAME, veth->name);
        mn_nl_nest(nl, IFLA_LINKINFO);
        mn_nl_put_str(nl, IFLA_INFO_SLAVE_KIND, "bridge");
        mn_nl_nest(nl, IFLA_INFO_SLAVE_DATA);
        if (veth->is_hairpin)
                mn_nl_put_u8(nl, IFLA_BRPORT_MODE, 1);
        if (veth->is_isolated)
                mn_nl_put_u8(nl, IFLA_BRPORT_ISOLATED, 1);
        mn_nl_nest_end(nl);
        mn_nl_nest_end(nl);
}

int mn_link_add_veth(int rtnl, const mn_veth *veth) {
        cleanup_nl mn_nl nl = { 0 };
        if (check_name(veth->name) < 0 || check_name(veth->peer_name) < 0)
                return -EINVAL;
        /* Up on this end only: on the peer the kernel refuses it and takes 15 ms to unwind. */
        begin_link(&nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
                   &(struct ifinfomsg){ .ifi_flags = IFF_UP, .ifi_change = IFF_UP });
        mn_nl_put_str(&nl, IFLA_IFNAME, veth->name);
        if (veth->mtu)
                mn_nl_put_u32(&nl, IFLA_MTU, veth->mtu);
        if (veth->master)
                mn_nl_put_u32(&nl, IFLA_MASTER, (uint32_t) veth->master);
        mn_nl_nest(&nl, IFLA_LINKINFO);
        mn_nl_put_str(&nl, IFLA_INFO_KIND, "veth");
        mn_nl_nest(&nl, IFLA_INFO_DATA);
        mn_nl_nest_raw(&nl, VETH_INFO_PEER, &(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
        mn_nl_put_str(&nl, IFLA_IFNAME, veth->peer_name);
        if (veth->peer_mac)
                mn_nl_put(&nl, IFLA_ADDRESS, veth->peer_mac, MN_MAC_LEN);
        if (veth->mtu)
                mn_nl_put_u32(&nl, IFLA_MTU, veth->mtu);
        mn_nl_put_u32(&nl, IFLA_NET_NS_FD, (uint32_t) veth->peer_netns_fd);
        mn_nl_nest_end(&nl);
        mn_nl_nest_end(&nl);
        mn_nl_nest_end(&nl);
        if (veth->is_hairpin || veth->is_isolated)
                put_port_flags(&nl, veth);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

int mn_link_change_by_index(int rtnl, int index, const mn_link_change *change) {
        cleanup_nl mn_nl nl = { 0 };
        struct ifinfomsg head = { .ifi_index = index };
        if (change->is_up || change->is_down) {
                head.ifi_change = IFF_UP;
                head.ifi_flags = change->is_up ? IFF_UP : 0;
        }
        begin_link(&nl, RTM_NEWLINK, 0, &head);
        if (change->new_name)
                mn_nl_put_str(&nl, IFLA_IFNAME, change->new_name);
        if (change->mtu)
                mn_nl_put_u32(&nl, IFLA_MTU, change->mtu);
        if (change->master)
                mn_nl_put_u32(&nl, IFLA_MASTER, (uint32_t) change->master);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

void mn_link_put_up(mn_nl *nl, int index, const uint8_t *mac) {
        begin_link(nl, RTM_NEWLINK, 0,
                   &(struct ifinfomsg){ .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP });
        if (mac)
                mn_nl_put(nl, IFLA_ADDRESS, mac, MN_MAC_LEN);
}

void mn_link_put_settle(mn_nl *nl, int index) {
        begin_link(nl, RTM_GETLINK, 0, &(struct ifinfomsg){ .ifi_index = index });
}

int mn_link_set_hairpin(int rtnl, int index, bool is_on) {
        cleanup_nl mn_nl nl = { 0 };
        begin_link(&nl, RTM_SETLINK, 0, &(struct ifinfomsg){ .ifi_family = AF_BRIDGE, .ifi_index = index });
        mn_nl_nest(&nl, IFLA_PROTINFO);
        mn_nl_put_u8(&nl, IFLA_BRPORT_MODE, is_on);
        mn_nl_nest_end(&nl);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

int mn_link_delete(int rtnl, int index) {
        cleanup_nl mn_nl nl = { 0 };
        begin_link(&nl, RTM_DELLINK, 0, &(struct ifinfomsg){ .ifi_index = index });
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

int mn_link_add_fdb(int rtnl, int index, const uint8_t mac[MN_MAC_LEN]) {
        cleanup_nl mn_nl nl = { 0 };
        /* Static: a port that has no carrier yet takes no other kind. It still moves when the address does.
         */
        struct ndmsg head = {
                .ndm_family = AF_BRIDGE, .ndm_ifindex = index, .ndm_state = NUD_NOARP, .ndm_flags = NTF_MASTER
        };
        mn_nl_begin(&nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
        mn_nl_put(&nl, NDA_LLADDR, mac, MN_MAC_LEN);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

/* ---- addresses ---- */

static void put_address(mn_nl *nl, uint16_t type, uint16_t flags, int index, const mn_net_address *a) {
        struct ifaddrmsg head = { .ifa_family = a->family,
                                  .ifa_prefixlen = a->prefix_len,
                                  .ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0,
                                  .ifa_index = (unsigned) index };
        mn_nl_begin(nl, type, flags, &head, sizeof(head));
        mn_nl_put(nl, IFA_LOCAL, a->bytes, address_len(a));
        if (a->family == AF_INET6)
                return;
        mn_nl_put(nl, IFA_ADDRESS, a->bytes, 4);
        if (type == RTM_NEWADDR && a->prefix_len < 31) {
                uint8_t broadcast[4];
                for (int i = 0; i < 4; i++) {
                        int past = (i + 1) * 8 - a->prefix_len; /* bits of this byte after the prefix */
                        int host_bits = past < 0 ? 0 : past > 8 ? 8 : past;
                        broadcast[i] = (uint8_t) (a->bytes[i] | ((1 << host_bits) - 1));
                }
                mn_nl_put(nl, IFA_BROADCAST, broadcast, sizeof(broadcast));
        }
}

void mn_address_put_add(mn_nl *nl, int index, const mn_net_address *address) {
        put_address(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address);
}

int mn_address_add(int rtnl, int index, const mn_net_address *address) {
        cleanup_nl mn_nl nl = { 0 };
        mn_address_put_add(&nl, index, address);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

int mn_address_delete(int rtnl, int index, const mn_net_address *address) {
        cleanup_nl mn_nl nl = { 0 };
        put_address(&nl, RTM_DELADDR, 0, index, address);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

struct address_walk {
        int index;
        mn_address_fn fn;
        void *arg;
};

static int see_address(void *arg, uint16_t type, const void *payload, size_t len) {
        struct address_walk *walk = arg;
        struct ifaddrmsg head;
        if (type != RTM_NEWADDR || len < sizeof(head))
                return 0;
        memcpy(&head, payload, sizeof(head));
        if (walk->index && (int) head.ifa_index != walk->index)
                return 0;
        mn_nl_attr attrs[IFA_FLAGS + 1];
        mn_nl_parse((const uint8_t *) payload + NLMSG_ALIGN(sizeof(head)), len - NLMSG_ALIGN(sizeof(head)),
                    attrs, MN_ARRAY_LEN(attrs));
        const mn_nl_attr *a = attrs[IFA_LOCAL].data ? &attrs[IFA_LOCAL] : &attrs[IFA_ADDRESS];
        mn_net_address address = { .family = head.ifa_family, .prefix_len = head.ifa_prefixlen };
        if (!a->data || a->len != address_len(&address))
                return 0;
        memcpy(address.bytes, a->data, a->len);
        walk->fn(walk->arg, (int) head.ifa_index, &address);
        return 0;
}

int mn_address_each(int rtnl, uint8_t family, int index, mn_address_fn fn, void *arg) {
        cleanup_nl mn_nl nl = { 0 };
        struct ifaddrmsg head = { .ifa_family = family };
        mn_nl_begin(&nl, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
        struct address_walk walk = { .index = index, .fn = fn, .arg = arg };
        return mn_nl_exchange(rtnl, &nl, see_address, &walk);
}

/* ---- routes ---- */

static void put_default(mn_nl *nl, uint16_t type, uint16_t flags, uint8_t family) {
        struct rtmsg head = { .rtm_family = family,
                              .rtm_table = RT_TABLE_MAIN,
                              .rtm_protocol = type == RTM_NEWROUTE ? RTPROT_BOOT : RTPROT_UNSPEC,
                              .rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE,
                              .rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : RTN_UNSPEC };
        mn_nl_begin(nl, type, flags, &head, sizeof(head));
}

void mn_route_put_default(mn_nl *nl, int index, const mn_net_address *gateway) {
        put_default(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, gateway->family);
        mn_nl_put(nl, RTA_GATEWAY, gateway->bytes, address_len(gateway));
        mn_nl_put_u32(nl, RTA_OIF, (uint32_t) index);
}

int mn_route_set_default(int rtnl, int index, const mn_net_address *gateway) {
        cleanup_nl mn_nl nl = { 0 };
        mn_route_put_default(&nl, index, gateway);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

int mn_route_delete_default(int rtnl, uint8_t family) {
        cleanup_nl mn_nl nl = { 0 };
        put_default(&nl, RTM_DELROUTE, 0, family);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

struct route_walk {
        mn_route_fn fn;
        void *arg;
};

static int see_route(void *arg, uint16_t type, const void *payload, size_t len) {
        struct route_walk *walk = arg;
        struct rtmsg head;
        if (type != RTM_NEWROUTE || len < sizeof(head))
                return 0;
        memcpy(&head, payload, sizeof(head));
        if (head.rtm_table != RT_TABLE_MAIN || head.rtm_dst_len == 0)
                return 0;
        mn_nl_attr attrs[RTA_MULTIPATH + 1];
        mn_nl_parse((const uint8_t *) payload + NLMSG_ALIGN(sizeof(head)), len - NLMSG_ALIGN(sizeof(head)),
                    attrs, MN_ARRAY_LEN(attrs));
        mn_net_address subnet = { .family = head.rtm_family, .prefix_len = head.rtm_dst_len };
        if (!attrs[RTA_DST].data || attrs[RTA_DST].len != address_len(&subnet))
                return 0;
        memcpy(subnet.bytes, attrs[RTA_DST].data, attrs[RTA_DST].len);
        walk->fn(walk->arg, &subnet, (int) mn_nl_u32(&attrs[RTA_OIF]));
        return 0;
}

int mn_route_each(int rtnl, uint8_t family, mn_route_fn fn, void *arg) {
        cleanup_nl mn_nl nl = { 0 };
        struct rtmsg head = { .rtm_family = family };
        mn_nl_begin(&nl, RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head));
        struct route_walk walk = { .fn = fn, .arg = arg };
        return mn_nl_exchange(rtnl, &nl, see_route, &walk);
}

/* ---- listing ---- */

struct link_walk {
        mn_link_fn fn;
        void *arg;
};

static int see_link(void *arg, uint16_t type, const void *payload, size_t len) {
        struct link_walk *walk = arg;
        struct ifinfomsg head;
        if (type != RTM_NEWLINK || len < sizeof(head))
                return 0;
        memcpy(&head, payload, sizeof(head));
        mn_nl_attr attrs[IFLA_STATS64 + 1];
        mn_nl_parse((const uint8_t *) payload + NLMSG_ALIGN(sizeof(head)), len - NLMSG_ALIGN(sizeof(head)),
                    attrs, MN_ARRAY_LEN(attrs));
        mn_link link = { .index = head.ifi_index,
                         .master = (int) mn_nl_u32(&attrs[IFLA_MASTER]),
                         .is_up = head.ifi_flags & IFF_UP };
        if (attrs[IFLA_IFNAME].data)
                memcpy(link.name, attrs[IFLA_IFNAME].data,
                       MN_MIN(attrs[IFLA_IFNAME].len, sizeof(link.name) - 1));
        struct rtnl_link_stats64 stats = { 0 };
        if (attrs[IFLA_STATS64].data)
                memcpy(&stats, attrs[IFLA_STATS64].data, MN_MIN(attrs[IFLA_STATS64].len, sizeof(stats)));
        link.rx_bytes = stats.rx_bytes, link.rx_packets = stats.rx_packets;
        link.rx_errors = stats.rx_errors, link.rx_dropped = stats.rx_dropped;
        link.tx_bytes = stats.tx_bytes, link.tx_packets = stats.tx_packets;
        link.tx_errors = stats.tx_errors, link.tx_dropped = stats.tx_dropped;
        walk->fn(walk->arg, &link);
        return 0;
}

int mn_link_each(int rtnl, mn_link_fn fn, void *arg) {
        cleanup_nl mn_nl nl = { 0 };
        begin_link(&nl, RTM_GETLINK, NLM_F_DUMP, &(struct ifinfomsg){ 0 });
        struct link_walk walk = { .fn = fn, .arg = arg };
        return mn_nl_exchange(rtnl, &nl, see_link, &walk);
}
