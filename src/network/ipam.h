/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who has which address of a subnet. A pool lives in memory; networks and sandboxes that are taken over after
 * a restart claim their addresses again. Not thread-safe: the manager's lock covers it.
 */

#include "base/err.h"
#include "base/vec.h"
#include "network/address.h"

/* A subnet, the part of it dynamic addresses come from, and the addresses in use, sorted. */
typedef struct network_subnet {
        mn_net_address subnet;
        mn_net_address range;   /* equal to subnet when none was given */
        mn_net_address gateway; /* the bridge's address */
        mn_net_address
                router; /* the containers' way outside; the gateway, unless the daemon's options differ */
        bool has_gateway;
        MN_VEC(mn_net_address) used;
} network_subnet;

/* Sets up a pool on which nothing is in use but, of v4, the network's own and the broadcast address. */
void network_subnet_init(network_subnet *pool, const mn_net_address *subnet, const mn_net_address *range);
void network_subnet_release(network_subnet *pool);

/* Takes the lowest free address of the range; its prefix length is the subnet's. MN_CONFLICT "no available
   IPv4 addresses on this network's address pools" when there is none. */
mn_status network_subnet_take(network_subnet *pool, mn_net_address *ret, mn_err *err) MN_MUST_USE;

/* Takes this address. MN_CONFLICT "Address already in use"; MN_INVALID when it is outside of the subnet. */
mn_status network_subnet_claim(network_subnet *pool, const mn_net_address *address, mn_err *err) MN_MUST_USE;

/* Gives it back; nothing when it is not in use. */
void network_subnet_free(network_subnet *pool, const mn_net_address *address);

/* Addresses in use or reserved in the subnet, and free ones in the range (saturating). */
void network_subnet_count(const network_subnet *pool, uint64_t *ret_used, uint64_t *ret_available);

/* Cuts the first subnet of `size` bits from `base` that overlaps none of `taken`. -ENOSPC when there is none.
 */
int network_pool_cut(const mn_net_address *base, unsigned size, const mn_net_address *taken, size_t ntaken,
                     mn_net_address *ret);
