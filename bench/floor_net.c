/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/floor_net.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>

#include "sys/fd.h"
#include "sys/link.h"
#include "sys/netns.h"
#include "sys/nft.h"

static int home = -1, rtnl = -1, nft = -1, bridge;
static const mn_net_address gateway = { .family = AF_INET, .prefix_len = 16, .bytes = { 172, 17, 0, 1 } };

static int make_table(void) {
        mn_nft_batch b;
        uint32_t local = RTN_LOCAL;
        mn_nft_begin(&b, NFPROTO_INET, "floor");
        mn_nft_add_table(&b);
        mn_nft_add_set(&b, &(mn_nft_set){ .name = "ports",
                                          .key_type = MN_NFT_TYPE_PROTO << 6 | MN_NFT_TYPE_PORT,
                                          .key_len = 8,
                                          .data_type = MN_NFT_TYPE_IPV4 << 6 | MN_NFT_TYPE_PORT,
                                          .data_len = 8 });
        mn_nft_add_base_chain(&b, "prerouting", "nat", NF_INET_PRE_ROUTING, -100);
        mn_nft_rule_begin(&b, "prerouting");
        mn_nft_fib_daddr_type(&b, MN_NFT_REG(0));
        mn_nft_compare(&b, MN_NFT_REG(0), NFT_CMP_EQ, &local, sizeof(local));
        mn_nft_meta(&b, NFT_META_L4PROTO, MN_NFT_REG(0));
        mn_nft_payload(&b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, MN_NFT_REG(1));
        mn_nft_map(&b, "ports", MN_NFT_REG(0), MN_NFT_REG(0));
        mn_nft_dnat(&b, NFPROTO_IPV4, MN_NFT_REG(0), MN_NFT_REG(1));
        mn_nft_rule_end(&b);
        mn_nft_add_base_chain(&b, "postrouting", "nat", NF_INET_POST_ROUTING, 100);
        mn_nft_rule_begin(&b, "postrouting");
        mn_nft_masquerade(&b);
        mn_nft_rule_end(&b);
        return mn_nft_commit(&b, nft);
}

int floor_net_open(void) {
        static const uint8_t mac[MN_MAC_LEN] = { 2, 0x42, 0, 0, 0, 1 };
        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        home = mn_netns_self();
        rtnl = mn_nl_open(NETLINK_ROUTE);
        nft = mn_nl_open(NETLINK_NETFILTER);
        int r = mn_link_add_bridge(rtnl, "floor0", mac, 0);
        bridge = r < 0 ? r : mn_link_index(rtnl, "floor0");
        if (bridge < 0)
                return bridge;
        r = mn_address_add(rtnl, bridge, &gateway);
        if (r >= 0)
                r = mn_link_change_by_index(rtnl, bridge, &(mn_link_change){ .is_up = true });
        return r < 0 ? r : make_table();
}

/* One port of the published map, there or gone. */
static int publish(int round, bool is_there) {
        mn_nft_batch b;
        uint8_t key[8] = { IPPROTO_TCP, 0, 0, 0, (uint8_t) ((8000 + round) >> 8), (uint8_t) (8000 + round) };
        uint8_t target[8] = { 172, 17, (uint8_t) (round >> 8), (uint8_t) (round + 2), 0, 80 };
        mn_nft_begin(&b, NFPROTO_INET, "floor");
        if (is_there)
                mn_nft_add_element(&b, "ports", key, sizeof(key), target, sizeof(target));
        else
                mn_nft_delete_element(&b, "ports", key, sizeof(key));
        return mn_nft_commit(&b, nft);
}

static int configure(int inside, int round) {
        cleanup_nl mn_nl nl = { 0 };
        mn_net_address address = gateway;
        int index = mn_link_index(inside, "eth0");
        address.bytes[2] = (uint8_t) (round >> 8);
        address.bytes[3] = (uint8_t) (round + 2);
        mn_link_put_up(&nl, 1, NULL);
        mn_link_put_up(&nl, index, NULL);
        mn_address_put_add(&nl, index, &address);
        mn_route_put_default(&nl, index, &gateway);
        return mn_nl_exchange(inside, &nl, NULL, NULL);
}

int floor_net_make(int round) {
        char name[MN_LINK_NAME_SIZE];
        mn_netns_trip trip = MN_NETNS_TRIP;
        cleanup_close int fd = mn_netns_create(&trip, home);
        cleanup_close int inside = fd < 0 ? -1 : mn_nl_open(NETLINK_ROUTE);
        mn_netns_return(&trip);
        if (fd < 0 || inside < 0)
                return fd < 0 ? fd : inside;
        snprintf(name, sizeof(name), "veth%d", round);
        int r = mn_link_add_veth(rtnl, &(mn_veth){ .name = name,
                                                   .master = bridge,
                                                   .is_hairpin = true,
                                                   .peer_netns_fd = fd,
                                                   .peer_name = "eth0" });
        if (r >= 0)
                r = configure(inside, round);
        if (r >= 0)
                r = publish(round, true);
        return r < 0 ? r : MN_TAKE_FD(fd);
}

int floor_net_move(int fd) {
        return setns(fd < 0 ? home : fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

void floor_net_drop(int round) {
        (void) publish(round, false);
}
