/* SPDX-License-Identifier: Apache-2.0 */
#include "network/ipam.h"

#include <errno.h>

static bool has_broadcast(const mn_net_address *subnet) {
        return subnet->family == AF_INET && subnet->prefix_len < 31;
}

/* Index of the first used address that is not below `a`. */
static size_t find(const network_subnet *pool, const mn_net_address *a) {
        size_t low = 0, high = pool->used.len;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (network_address_compare(&pool->used.items[middle], a) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_used_at(const network_subnet *pool, size_t at, const mn_net_address *a) {
        return at < pool->used.len && network_address_equal(&pool->used.items[at], a);
}

static void insert(network_subnet *pool, size_t at, const mn_net_address *a) {
        mn_vec_push(&pool->used, *a);
        for (size_t i = pool->used.len - 1; i > at; i--)
                pool->used.items[i] = pool->used.items[i - 1];
        pool->used.items[at] = *a;
}

void network_subnet_init(network_subnet *pool, const mn_net_address *subnet, const mn_net_address *range) {
        mn_net_address first = network_subnet_of(subnet);
        *pool = (network_subnet){ .subnet = first, .range = range ? network_subnet_of(range) : first };
        /* The first address of a v6 subnet is the routers' anycast address. */
        if (subnet->family == AF_INET6 || has_broadcast(subnet))
                insert(pool, find(pool, &first), &first);
        mn_net_address last = network_subnet_last(&first);
        if (has_broadcast(subnet))
                insert(pool, find(pool, &last), &last);
}

void network_subnet_release(network_subnet *pool) {
        mn_vec_release(&pool->used);
}

mn_status network_subnet_take(network_subnet *pool, mn_net_address *ret, mn_err *err) {
        mn_net_address candidate = pool->range, last = network_subnet_last(&pool->range);
        size_t at = find(pool, &candidate);
        /* The used ones are sorted: the first gap is the lowest free address. */
        while (is_used_at(pool, at, &candidate)) {
                if (network_address_equal(&candidate, &last) || network_address_add(&candidate, 1) < 0)
                        return mn_fail(err, MN_CONFLICT,
                                       "no available IPv%s addresses on this network's address pools",
                                       last.family == AF_INET ? "4" : "6");
                at++;
        }
        candidate.prefix_len = pool->subnet.prefix_len;
        insert(pool, at, &candidate);
        *ret = candidate;
        return MN_OK;
}

mn_status network_subnet_claim(network_subnet *pool, const mn_net_address *address, mn_err *err) {
        char text[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address single = *address;
        single.prefix_len = (uint8_t) network_address_bits(address);
        if (!network_subnet_contains(&pool->subnet, &single))
                return mn_fail(err, MN_INVALID, "invalid address: %s is not in subnet",
                               network_address_format(address, text));
        size_t at = find(pool, address);
        if (is_used_at(pool, at, address))
                return mn_fail(err, MN_CONFLICT, "Address already in use");
        single.prefix_len = pool->subnet.prefix_len;
        insert(pool, at, &single);
        return MN_OK;
}

void network_subnet_free(network_subnet *pool, const mn_net_address *address) {
        size_t at = find(pool, address);
        if (is_used_at(pool, at, address))
                mn_vec_remove(&pool->used, at);
}

void network_subnet_count(const network_subnet *pool, uint64_t *ret_used, uint64_t *ret_available) {
        uint64_t in_range = 0;
        for (size_t i = 0; i < pool->used.len; i++) {
                mn_net_address single = pool->used.items[i];
                single.prefix_len = (uint8_t) network_address_bits(&single);
                in_range += network_subnet_contains(&pool->range, &single);
        }
        *ret_used = pool->used.len;
        *ret_available = network_subnet_size(&pool->range) - in_range;
}

int network_pool_cut(const mn_net_address *base, unsigned size, const mn_net_address *taken, size_t ntaken,
                     mn_net_address *ret) {
        mn_net_address candidate = network_subnet_of(base);
        if (size < base->prefix_len || size > network_address_bits(base))
                return -EINVAL;
        candidate.prefix_len = (uint8_t) size;
        for (;;) {
                mn_net_address inside = candidate;
                if (!network_subnet_contains(base, &inside))
                        return -ENOSPC;
                const mn_net_address *hit = NULL;
                for (size_t i = 0; i < ntaken && !hit; i++)
                        if (network_subnets_overlap(&candidate, &taken[i]))
                                hit = &taken[i];
                if (!hit) {
                        *ret = candidate;
                        return 0;
                }
                /* Go on after the larger of the two, on a boundary of our size. */
                mn_net_address wide = hit->prefix_len < candidate.prefix_len ? *hit : candidate;
                mn_net_address next = network_subnet_last(&wide);
                if (network_address_add(&next, 1) < 0)
                        return -ENOSPC;
                next.prefix_len = (uint8_t) size;
                candidate = next;
        }
}
