/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The packet filter (nf_tables) by netlink. A batch collects changes of one table and takes effect as a whole
 * or not at all. Rules are built from the kernel's own expressions, in the order they are evaluated; an
 * expression that does not match ends its rule.
 *
 *     mn_nft_batch b;
 *     mn_nft_begin(&b, NFPROTO_INET, "minato");
 *     mn_nft_add_table(&b);
 *     ...
 *     int r = mn_nft_commit(&b, fd);
 */

#include <netinet/in.h> /* before the kernel headers, which then leave its structs alone */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/netlink.h"

/* Type numbers the `nft` program prints keys and values by. A concatenation is `a << 6 | b`. */
enum {
        MN_NFT_TYPE_IPV4 = 7,
        MN_NFT_TYPE_IPV6 = 8,
        MN_NFT_TYPE_PROTO = 12,
        MN_NFT_TYPE_PORT = 13,
        MN_NFT_TYPE_IFNAME = 41,
};

#define MN_NFT_IFNAME_LEN 16

typedef struct mn_nft_batch {
        mn_nl nl;
        uint8_t family; /* NFPROTO_INET, NFPROTO_IPV4 ... */
        const char *table;
        uint32_t last_change; /* sequence number of the last message that changes something */
        uint32_t set_id;
        const char *elements; /* set whose elements are being added, NULL: none */
        bool is_delete;
} mn_nft_batch;

/* Starts a batch on one table; `table` is borrowed. Release with mn_nft_release when it is not committed. */
void mn_nft_begin(mn_nft_batch *b, uint8_t family, const char *table);
void mn_nft_release(mn_nft_batch *b);
#define cleanup_nft MN_CLEANUP(mn_nft_release)

/* Sends the batch over a NETLINK_NETFILTER socket; 0 or -errno. Releases it in any case. */
int mn_nft_commit(mn_nft_batch *b, int fd);

/* Whether the batch's table exists: 1, 0 or -errno. */
int mn_nft_table_exists(int fd, uint8_t family, const char *table);

/* ---- objects ---- */

void mn_nft_add_table(mn_nft_batch *b);
void mn_nft_delete_table(mn_nft_batch *b); /* with all that is in it; it must exist */

/* A base chain. `type` is "filter" or "nat", `hook` an NF_INET_ value, `priority` as the kernel has it. */
void mn_nft_add_base_chain(mn_nft_batch *b, const char *name, const char *type, uint32_t hook, int priority);

/* A set, or a map when `data_len` is not 0. Lengths in bytes, each part of a concatenation padded to four. */
typedef struct mn_nft_set {
        const char *name;
        uint32_t key_type;
        uint32_t key_len;
        uint32_t data_type;
        uint32_t data_len;
        bool is_interval; /* its elements are ranges (mn_nft_add_range) */
} mn_nft_set;
void mn_nft_add_set(mn_nft_batch *b, const mn_nft_set *set);

/* One element more or less. Adding one that is there with the same data is no error, with other data -EEXIST;
   deleting one that is not there makes the batch fail with -ENOENT. */
void mn_nft_add_element(mn_nft_batch *b, const char *set, const void *key, size_t key_len, const void *data,
                        size_t data_len);
/* The range from `first` up to, but not with, `end`; NULL for the end of the address space. */
void mn_nft_add_range(mn_nft_batch *b, const char *set, const void *first, const void *end, size_t key_len);
void mn_nft_delete_element(mn_nft_batch *b, const char *set, const void *key, size_t key_len);

/* ---- rules ---- */

void mn_nft_rule_begin(mn_nft_batch *b, const char *chain);
void mn_nft_rule_end(mn_nft_batch *b);

/* Registers of four bytes: a value of n bytes takes n/4 of them. */
#define MN_NFT_REG(n) (NFT_REG32_00 + (n))

void mn_nft_meta(mn_nft_batch *b, uint32_t key, uint32_t reg); /* NFT_META_IIFNAME ... */
void mn_nft_ct(mn_nft_batch *b, uint32_t key, uint32_t reg);   /* NFT_CT_STATE, NFT_CT_STATUS */
void mn_nft_payload(mn_nft_batch *b, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg);
void mn_nft_fib_daddr_type(mn_nft_batch *b, uint32_t reg); /* RTN_LOCAL ... of the destination */
void mn_nft_mask(mn_nft_batch *b, uint32_t reg, const void *mask, size_t len);
void mn_nft_compare(mn_nft_batch *b, uint32_t reg, uint32_t op, const void *value,
                    size_t len); /* NFT_CMP_EQ */

/* Matches when the registers are (or, inverted, are not) in the set. */
void mn_nft_lookup(mn_nft_batch *b, const char *set, uint32_t reg, bool is_inverted);
/* Matches when the key is in the map; its data goes to `data_reg`. */
void mn_nft_map(mn_nft_batch *b, const char *map, uint32_t reg, uint32_t data_reg);

void mn_nft_verdict(mn_nft_batch *b, int32_t verdict); /* NF_ACCEPT, NF_DROP, NFT_RETURN */
void mn_nft_masquerade(mn_nft_batch *b);
/* New destination from registers; `address_reg` 0 leaves the address as it is. */
void mn_nft_dnat(mn_nft_batch *b, uint8_t family, uint32_t address_reg, uint32_t port_reg);
/* A constant into a register. */
void mn_nft_load(mn_nft_batch *b, uint32_t reg, const void *value, size_t len);
