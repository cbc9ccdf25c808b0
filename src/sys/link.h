/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Network interfaces, addresses and routes by rtnetlink. All calls act in the namespace the socket was opened
 * in (mn_nl_open(NETLINK_ROUTE)); names are at most 15 bytes. 0 or -errno unless said otherwise.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/netlink.h"

#define MN_LINK_NAME_SIZE 16
#define MN_MAC_LEN 6

/* Index of an interface, or -ENODEV. */
int mn_link_index(int rtnl, const char *name);

/* Makes a bridge with this hardware address, not up yet. -EEXIST when the name is taken. */
int mn_link_add_bridge(int rtnl, const char *name, const uint8_t mac[MN_MAC_LEN], uint32_t mtu);

/* A pair of interfaces whose other end is born in another namespace. Never moved: moving waits for a grace
   period of tens of milliseconds. */
typedef struct mn_veth {
        const char *name; /* this end; up when the call returns */
        int master;       /* bridge it belongs to, 0: none */
        uint32_t mtu;     /* of both ends; 0: the kernel's default */
        bool is_hairpin;  /* frames may go back out of this bridge port */
        bool is_isolated; /* isolated bridge ports do not reach each other */
        int peer_netns_fd;
        const char *peer_name;
        const uint8_t *peer_mac; /* NULL: random */
} mn_veth;
int mn_link_add_veth(int rtnl, const mn_veth *veth);

/* What to change of an interface. */
typedef struct mn_link_change {
        const char *new_name; /* NULL: keep */
        bool is_up;           /* true: bring up; false: leave as it is */
        bool is_down;
        int master;   /* bridge to become a port of; 0: keep */
        uint32_t mtu; /* 0: keep */
} mn_link_change;
int mn_link_change_by_index(int rtnl, int index, const mn_link_change *change);

int mn_link_set_hairpin(int rtnl, int index, bool is_on);
int mn_link_delete(int rtnl, int index);

/* Tells the bridge that `mac` is behind its port `index` before the first frame comes from there. */
int mn_link_add_fdb(int rtnl, int index, const uint8_t mac[MN_MAC_LEN]);

/* An address or a route's target; `family` is AF_INET or AF_INET6. */
typedef struct mn_net_address {
        uint8_t family;
        uint8_t prefix_len;
        uint8_t bytes[16];
} mn_net_address;

/* Duplicate address detection is left away: our allocator knows who has which. -EEXIST when it is there. */
int mn_address_add(int rtnl, int index, const mn_net_address *address);
int mn_address_delete(int rtnl, int index, const mn_net_address *address);

/* Default route through `gateway`, replacing another one of that family. */
int mn_route_set_default(int rtnl, int index, const mn_net_address *gateway);
int mn_route_delete_default(int rtnl, uint8_t family);

/* Asks about the interface, which makes the kernel (from 6.8 on) act at once on a carrier that has just come:
   until its link watch has run, a bridge port does not forward and an interface drops what it is to send. */
void mn_link_put_settle(mn_nl *nl, int index);

/* The steps above appended to a batch, for one exchange. */
void mn_link_put_up(mn_nl *nl, int index, const uint8_t *mac); /* `mac` NULL: keeps its own */
void mn_address_put_add(mn_nl *nl, int index, const mn_net_address *address);
void mn_route_put_default(mn_nl *nl, int index, const mn_net_address *gateway);

/* Calls `fn` for every route of the main table that leads to a subnet (not for default routes). */
typedef void (*mn_route_fn)(void *arg, const mn_net_address *subnet, int index);
int mn_route_each(int rtnl, uint8_t family, mn_route_fn fn, void *arg);

/* Calls `fn` for every address; `index` 0 means of all interfaces. */
typedef void (*mn_address_fn)(void *arg, int index, const mn_net_address *address);
int mn_address_each(int rtnl, uint8_t family, int index, mn_address_fn fn, void *arg);

/* An interface as listed, with its counters. */
typedef struct mn_link {
        int index;
        char name[MN_LINK_NAME_SIZE];
        int master;
        bool is_up;
        uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
        uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
} mn_link;
typedef void (*mn_link_fn)(void *arg, const mn_link *link);
int mn_link_each(int rtnl, mn_link_fn fn, void *arg);
