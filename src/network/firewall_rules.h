/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The fixed part of our packet filter table: its chains and rules, and the sets and maps they ask. */

#include "network/manager.h"
#include "sys/nft.h"

/* Set and map names as `nft list ruleset` shows them. */
#define BRIDGES "bridges"   /* interfaces of all our networks */
#define INTERNAL "internal" /* those nothing leaves and nothing enters */
#define PAIRS "pairs"       /* in . out that may talk freely: a bridge with itself, trusted interfaces */
#define MASQUERADE4 "masquerade4" /* bridges whose containers go out with the host's address */
#define MASQUERADE6 "masquerade6"
#define OPEN4 "open4" /* bridges whose containers may be reached on every port */
#define OPEN6 "open6"

/* What differs between the families. */
struct family {
        uint8_t nfproto;
        uint8_t family;
        uint32_t saddr_offset, daddr_offset, address_len; /* in the IP header */
        uint32_t type;
        const char *ports;   /* map: address . protocol . port -> container address . port */
        const char *any;     /* map: protocol . port -> container address . port */
        const char *direct;  /* set: container address . protocol . port reachable without translation */
        const char *subnets; /* set: addresses of all our networks */
        const char *masquerade, *open;
        uint8_t loopback_mask[16], loopback[16];
};
extern const struct family firewall_families[2]; /* v4, v6 */

static inline const struct family *firewall_family_of(const mn_net_address *a) {
        return &firewall_families[a->family == AF_INET6];
}

/* Appends sets, chains and rules to a batch on an empty table. With `drops_foreign` the host routes between
   bridges and the world only. */
void firewall_add_rules(mn_nft_batch *b, bool drops_foreign);

/* Appends the chain that sends questions to 127.0.0.11 to the name server's own ports. */
void firewall_add_dns_chain(mn_nft_batch *b, uint16_t udp_port, uint16_t tcp_port);
