/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* IP addresses and subnets of either family: text, comparison, arithmetic. The type is sys/link.h's. */

#include <stdbool.h>
#include <stdint.h>

#include "sys/link.h"

#define NETWORK_ADDRESS_TEXT_SIZE 56 /* "ffff:...:255.255.255.255/128" */

/* "172.17.0.2" or "fd00::2"; prefix_len becomes 32 or 128. No zone, no brackets. 0 or -EINVAL. */
int network_address_parse(const char *text, mn_net_address *ret);

/* "172.17.0.5/16": the host bits are kept. -EINVAL without a prefix length. */
int network_cidr_parse(const char *text, mn_net_address *ret);

/* "02:42:ac:11:00:02", also with '-'. -EINVAL. */
int network_mac_parse(const char *text, uint8_t ret[MN_MAC_LEN]);
const char *network_mac_format(const uint8_t mac[MN_MAC_LEN], char buf[18]);

/* The address alone, or with "/len". */
const char *network_address_format(const mn_net_address *a, char buf[NETWORK_ADDRESS_TEXT_SIZE]);
const char *network_cidr_format(const mn_net_address *a, char buf[NETWORK_ADDRESS_TEXT_SIZE]);

/* Bits of the family: 32 or 128. */
unsigned network_address_bits(const mn_net_address *a);

/* The subnet an address lies in: its host bits cleared. */
mn_net_address network_subnet_of(const mn_net_address *a);

/* Same family and bytes; prefix lengths are not compared. */
bool network_address_equal(const mn_net_address *a, const mn_net_address *b);
int network_address_compare(const mn_net_address *a, const mn_net_address *b);

/* Whether the address (or smaller subnet) lies in `subnet`; whether two subnets share an address. */
bool network_subnet_contains(const mn_net_address *subnet, const mn_net_address *address);
bool network_subnets_overlap(const mn_net_address *a, const mn_net_address *b);

bool network_address_is_loopback(const mn_net_address *a);
bool network_address_is_any(const mn_net_address *a);

/* Moves on by `count` addresses; -ERANGE when that passes the end of the address space. */
int network_address_add(mn_net_address *a, uint64_t count);

/* `a - base` when it fits in 64 bits, else UINT64_MAX. */
uint64_t network_address_distance(const mn_net_address *a, const mn_net_address *base);

/* Number of addresses in a subnet, UINT64_MAX when there are more. */
uint64_t network_subnet_size(const mn_net_address *subnet);

/* Last address of a subnet (of v4: the broadcast address). */
mn_net_address network_subnet_last(const mn_net_address *subnet);
