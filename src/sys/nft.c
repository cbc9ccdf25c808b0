/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

#define ELEMENTS_PER_MESSAGE_BYTES 32000

/* ---- batches ---- */

static void begin_message(mn_nft_batch *b, uint16_t type, uint16_t flags) {
        struct nfgenmsg head = { .nfgen_family = b->family, .version = NFNETLINK_V0 };
        mn_nl_begin(&b->nl, (uint16_t) (NFNL_SUBSYS_NFTABLES << 8 | type), flags, &head, sizeof(head));
        b->last_change = b->nl.seq;
}

static void batch_mark(mn_nft_batch *b, uint16_t type) {
        struct nfgenmsg head = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };
        mn_nl_begin(&b->nl, type, 0, &head, sizeof(head));
}

void mn_nft_begin(mn_nft_batch *b, uint8_t family, const char *table) {
        *b = (mn_nft_batch){ .family = family, .table = table, .nl.max = (size_t) 16 << 20 };
        batch_mark(b, NFNL_MSG_BATCH_BEGIN);
}

void mn_nft_release(mn_nft_batch *b) {
        mn_nl_release(&b->nl);
}

static void end_elements(mn_nft_batch *b) {
        if (!b->elements)
                return;
        mn_nl_nest_end(&b->nl);
        b->elements = NULL;
}

int mn_nft_commit(mn_nft_batch *b, int fd) {
        end_elements(b);
        int r = b->nl.error;
        if (!r && b->last_change) {
                uint32_t ack_seq = b->last_change;
                /* The acknowledgement is asked of the message still open, the last one that changes
                 * something. */
                struct nlmsghdr head;
                memcpy(&head, b->nl.data + b->nl.message, sizeof(head));
                head.nlmsg_flags |= NLM_F_ACK;
                memcpy(b->nl.data + b->nl.message, &head, sizeof(head));
                batch_mark(b, NFNL_MSG_BATCH_END);
                r = mn_nl_exchange_batch(fd, &b->nl, ack_seq);
        }
        mn_nft_release(b);
        return r;
}

int mn_nft_table_exists(int fd, uint8_t family, const char *table) {
        cleanup_nl mn_nl nl = { 0 };
        struct nfgenmsg head = { .nfgen_family = family, .version = NFNETLINK_V0 };
        mn_nl_begin(&nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, &head, sizeof(head));
        mn_nl_put_str(&nl, NFTA_TABLE_NAME, table);
        int r = mn_nl_exchange(fd, &nl, NULL, NULL);
        return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

/* ---- objects ---- */

/* A message about something in the table. */
static void begin_object(mn_nft_batch *b, uint16_t type, uint16_t flags, uint16_t table_attr) {
        end_elements(b);
        begin_message(b, type, flags);
        mn_nl_put_str(&b->nl, table_attr, b->table);
}

void mn_nft_add_table(mn_nft_batch *b) {
        begin_object(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFTA_TABLE_NAME);
}

void mn_nft_delete_table(mn_nft_batch *b) {
        begin_object(b, NFT_MSG_DELTABLE, 0, NFTA_TABLE_NAME);
}

void mn_nft_add_base_chain(mn_nft_batch *b, const char *name, const char *type, uint32_t hook, int priority) {
        begin_object(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE);
        mn_nl_put_str(&b->nl, NFTA_CHAIN_NAME, name);
        mn_nl_nest(&b->nl, NFTA_CHAIN_HOOK);
        mn_nl_put_be32(&b->nl, NFTA_HOOK_HOOKNUM, hook);
        mn_nl_put_be32(&b->nl, NFTA_HOOK_PRIORITY, (uint32_t) priority);
        mn_nl_nest_end(&b->nl);
        mn_nl_put_be32(&b->nl, NFTA_CHAIN_POLICY, NF_ACCEPT);
        mn_nl_put_str(&b->nl, NFTA_CHAIN_TYPE, type);
}

void mn_nft_add_set(mn_nft_batch *b, const mn_nft_set *set) {
        begin_object(b, NFT_MSG_NEWSET, NLM_F_CREATE, NFTA_SET_TABLE);
        mn_nl_put_str(&b->nl, NFTA_SET_NAME, set->name);
        mn_nl_put_be32(&b->nl, NFTA_SET_ID, ++b->set_id);
        mn_nl_put_be32(&b->nl, NFTA_SET_FLAGS,
                       (set->data_len ? NFT_SET_MAP : 0) | (set->is_interval ? NFT_SET_INTERVAL : 0));
        mn_nl_put_be32(&b->nl, NFTA_SET_KEY_TYPE, set->key_type);
        mn_nl_put_be32(&b->nl, NFTA_SET_KEY_LEN, set->key_len);
        /* What `nft list` needs to print interface names: the key is in host byte order. */
        static const uint8_t host_order[] = { 0, 4, 1, 0, 0, 0 };
        if (set->key_type == MN_NFT_TYPE_IFNAME)
                mn_nl_put(&b->nl, NFTA_SET_USERDATA, host_order, sizeof(host_order));
        if (set->data_len) {
                mn_nl_put_be32(&b->nl, NFTA_SET_DATA_TYPE, set->data_type);
                mn_nl_put_be32(&b->nl, NFTA_SET_DATA_LEN, set->data_len);
        }
}

/* Elements of one set share a message as long as it is not too long for its list attribute. */
static void begin_elements(mn_nft_batch *b, const char *set, bool is_delete) {
        bool fits = b->elements && strcmp(b->elements, set) == 0 && b->is_delete == is_delete &&
                    b->nl.len - b->nl.message < ELEMENTS_PER_MESSAGE_BYTES;
        if (fits)
                return;
        begin_object(b, is_delete ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, is_delete ? 0 : NLM_F_CREATE,
                     NFTA_SET_ELEM_LIST_TABLE);
        mn_nl_put_str(&b->nl, NFTA_SET_ELEM_LIST_SET, set);
        mn_nl_nest(&b->nl, NFTA_SET_ELEM_LIST_ELEMENTS);
        b->elements = set;
        b->is_delete = is_delete;
}

static void put_data(mn_nl *nl, uint16_t type, const void *data, size_t len) {
        mn_nl_nest(nl, type);
        mn_nl_put(nl, NFTA_DATA_VALUE, data, len);
        mn_nl_nest_end(nl);
}

void mn_nft_add_element(mn_nft_batch *b, const char *set, const void *key, size_t key_len, const void *data,
                        size_t data_len) {
        begin_elements(b, set, false);
        mn_nl_nest(&b->nl, NFTA_LIST_ELEM);
        put_data(&b->nl, NFTA_SET_ELEM_KEY, key, key_len);
        if (data_len)
                put_data(&b->nl, NFTA_SET_ELEM_DATA, data, data_len);
        mn_nl_nest_end(&b->nl);
}

void mn_nft_add_range(mn_nft_batch *b, const char *set, const void *first, const void *end, size_t key_len) {
        mn_nft_add_element(b, set, first, key_len, NULL, 0);
        if (!end)
                return;
        mn_nl_nest(&b->nl, NFTA_LIST_ELEM);
        mn_nl_put_be32(&b->nl, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
        put_data(&b->nl, NFTA_SET_ELEM_KEY, end, key_len);
        mn_nl_nest_end(&b->nl);
}

void mn_nft_delete_element(mn_nft_batch *b, const char *set, const void *key, size_t key_len) {
        begin_elements(b, set, true);
        mn_nl_nest(&b->nl, NFTA_LIST_ELEM);
        put_data(&b->nl, NFTA_SET_ELEM_KEY, key, key_len);
        mn_nl_nest_end(&b->nl);
}

/* ---- rules ---- */

void mn_nft_rule_begin(mn_nft_batch *b, const char *chain) {
        begin_object(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFTA_RULE_TABLE);
        mn_nl_put_str(&b->nl, NFTA_RULE_CHAIN, chain);
        mn_nl_nest(&b->nl, NFTA_RULE_EXPRESSIONS);
}

void mn_nft_rule_end(mn_nft_batch *b) {
        mn_nl_nest_end(&b->nl);
}

static void begin_expr(mn_nft_batch *b, const char *name) {
        mn_nl_nest(&b->nl, NFTA_LIST_ELEM);
        mn_nl_put_str(&b->nl, NFTA_EXPR_NAME, name);
        mn_nl_nest(&b->nl, NFTA_EXPR_DATA);
}

static void end_expr(mn_nft_batch *b) {
        mn_nl_nest_end(&b->nl);
        mn_nl_nest_end(&b->nl);
}

void mn_nft_meta(mn_nft_batch *b, uint32_t key, uint32_t reg) {
        begin_expr(b, "meta");
        mn_nl_put_be32(&b->nl, NFTA_META_DREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_META_KEY, key);
        end_expr(b);
}

void mn_nft_ct(mn_nft_batch *b, uint32_t key, uint32_t reg) {
        begin_expr(b, "ct");
        mn_nl_put_be32(&b->nl, NFTA_CT_DREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_CT_KEY, key);
        end_expr(b);
}

void mn_nft_payload(mn_nft_batch *b, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg) {
        begin_expr(b, "payload");
        mn_nl_put_be32(&b->nl, NFTA_PAYLOAD_DREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_PAYLOAD_BASE, base);
        mn_nl_put_be32(&b->nl, NFTA_PAYLOAD_OFFSET, offset);
        mn_nl_put_be32(&b->nl, NFTA_PAYLOAD_LEN, len);
        end_expr(b);
}

void mn_nft_fib_daddr_type(mn_nft_batch *b, uint32_t reg) {
        begin_expr(b, "fib");
        mn_nl_put_be32(&b->nl, NFTA_FIB_DREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        mn_nl_put_be32(&b->nl, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
        end_expr(b);
}

void mn_nft_mask(mn_nft_batch *b, uint32_t reg, const void *mask, size_t len) {
        static const uint8_t zero[16];
        begin_expr(b, "bitwise");
        mn_nl_put_be32(&b->nl, NFTA_BITWISE_SREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_BITWISE_DREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_BITWISE_LEN, (uint32_t) len);
        put_data(&b->nl, NFTA_BITWISE_MASK, mask, len);
        put_data(&b->nl, NFTA_BITWISE_XOR, zero, len);
        end_expr(b);
}

void mn_nft_compare(mn_nft_batch *b, uint32_t reg, uint32_t op, const void *value, size_t len) {
        begin_expr(b, "cmp");
        mn_nl_put_be32(&b->nl, NFTA_CMP_SREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_CMP_OP, op);
        put_data(&b->nl, NFTA_CMP_DATA, value, len);
        end_expr(b);
}

void mn_nft_lookup(mn_nft_batch *b, const char *set, uint32_t reg, bool is_inverted) {
        begin_expr(b, "lookup");
        mn_nl_put_str(&b->nl, NFTA_LOOKUP_SET, set);
        mn_nl_put_be32(&b->nl, NFTA_LOOKUP_SREG, reg);
        if (is_inverted)
                mn_nl_put_be32(&b->nl, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
        end_expr(b);
}

void mn_nft_map(mn_nft_batch *b, const char *map, uint32_t reg, uint32_t data_reg) {
        begin_expr(b, "lookup");
        mn_nl_put_str(&b->nl, NFTA_LOOKUP_SET, map);
        mn_nl_put_be32(&b->nl, NFTA_LOOKUP_SREG, reg);
        mn_nl_put_be32(&b->nl, NFTA_LOOKUP_DREG, data_reg);
        end_expr(b);
}

void mn_nft_verdict(mn_nft_batch *b, int32_t verdict) {
        begin_expr(b, "immediate");
        mn_nl_put_be32(&b->nl, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        mn_nl_nest(&b->nl, NFTA_IMMEDIATE_DATA);
        mn_nl_nest(&b->nl, NFTA_DATA_VERDICT);
        mn_nl_put_be32(&b->nl, NFTA_VERDICT_CODE, (uint32_t) verdict);
        mn_nl_nest_end(&b->nl);
        mn_nl_nest_end(&b->nl);
        end_expr(b);
}

void mn_nft_load(mn_nft_batch *b, uint32_t reg, const void *value, size_t len) {
        begin_expr(b, "immediate");
        mn_nl_put_be32(&b->nl, NFTA_IMMEDIATE_DREG, reg);
        put_data(&b->nl, NFTA_IMMEDIATE_DATA, value, len);
        end_expr(b);
}

void mn_nft_masquerade(mn_nft_batch *b) {
        begin_expr(b, "masq");
        end_expr(b);
}

void mn_nft_dnat(mn_nft_batch *b, uint8_t family, uint32_t address_reg, uint32_t port_reg) {
        begin_expr(b, "nat");
        mn_nl_put_be32(&b->nl, NFTA_NAT_TYPE, NFT_NAT_DNAT);
        mn_nl_put_be32(&b->nl, NFTA_NAT_FAMILY, family);
        if (address_reg)
                mn_nl_put_be32(&b->nl, NFTA_NAT_REG_ADDR_MIN, address_reg);
        mn_nl_put_be32(&b->nl, NFTA_NAT_REG_PROTO_MIN, port_reg);
        end_expr(b);
}
