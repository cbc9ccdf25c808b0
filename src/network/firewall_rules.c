/* SPDX-License-Identifier: Apache-2.0 */
#include "network/firewall_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#define PRIORITY_RAW (-300)
#define PRIORITY_DNAT (-100)
#define PRIORITY_FILTER 0
#define PRIORITY_SNAT 100
#define REG MN_NFT_REG

const struct family firewall_families[] = {
        { NFPROTO_IPV4,
          AF_INET,
          12,
          16,
          4,
          MN_NFT_TYPE_IPV4,
          "ports4",
          "any4",
          "direct4",
          "subnets4",
          MASQUERADE4,
          OPEN4,
          { 255 },
          { 127 } },
        { NFPROTO_IPV6,
          AF_INET6,
          8,
          24,
          16,
          MN_NFT_TYPE_IPV6,
          "ports6",
          "any6",
          "direct6",
          "subnets6",
          MASQUERADE6,
          OPEN6,
          { [0 ... 15] = 255 },
          { [15] = 1 } },
};

/* ---- pieces of rules ---- */

static void match_family(mn_nft_batch *b, const struct family *f) {
        mn_nft_meta(b, NFT_META_NFPROTO, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, &f->nfproto, 1);
}

static void match_interface(mn_nft_batch *b, uint32_t key, const char *set, bool is_inverted) {
        mn_nft_meta(b, key, REG(0));
        mn_nft_lookup(b, set, REG(0), is_inverted);
}

static void match_ct(mn_nft_batch *b, uint32_t key, uint32_t any_of) {
        uint32_t zero = 0;
        mn_nft_ct(b, key, REG(0));
        mn_nft_mask(b, REG(0), &any_of, sizeof(any_of));
        mn_nft_compare(b, REG(0), NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* The address at `offset` of the header is, or is not, a loopback one. */
static void match_loopback(mn_nft_batch *b, const struct family *f, uint32_t offset, bool is_wanted) {
        mn_nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offset, f->address_len, REG(0));
        mn_nft_mask(b, REG(0), f->loopback_mask, f->address_len);
        mn_nft_compare(b, REG(0), is_wanted ? NFT_CMP_EQ : NFT_CMP_NEQ, f->loopback, f->address_len);
}

/* address . protocol . port of the destination into registers from 0 on; without the address when `is_any`.
 */
static void load_destination(mn_nft_batch *b, const struct family *f, bool is_any) {
        uint32_t at = is_any ? 0 : f->address_len / 4;
        if (!is_any)
                mn_nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->daddr_offset, f->address_len, REG(0));
        mn_nft_meta(b, NFT_META_L4PROTO, REG(at));
        mn_nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, REG(at + 1));
}

/* ---- rules ---- */

/* To a published port on one of the host's addresses: to the container. From outside never to a loopback
   address, or a neighbour could reach what is published on 127.0.0.1. ::1 can not be routed at all. */
static void add_dnat(mn_nft_batch *b, const char *chain, const struct family *f, bool is_any,
                     bool with_loopback) {
        uint32_t local = RTN_LOCAL;
        mn_nft_rule_begin(b, chain);
        match_family(b, f);
        mn_nft_fib_daddr_type(b, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, &local, sizeof(local));
        if (!with_loopback || f->family == AF_INET6)
                match_loopback(b, f, f->daddr_offset, false);
        load_destination(b, f, is_any);
        mn_nft_map(b, is_any ? f->any : f->ports, REG(0), REG(0));
        mn_nft_dnat(b, f->nfproto, REG(0), REG(f->address_len / 4));
        mn_nft_rule_end(b);
}

static void add_dnat_chain(mn_nft_batch *b, const char *chain, uint32_t hook, bool with_loopback) {
        mn_nft_add_base_chain(b, chain, "nat", hook, PRIORITY_DNAT);
        for (size_t i = 0; i < MN_ARRAY_LEN(firewall_families); i++) {
                add_dnat(b, chain, &firewall_families[i], false, with_loopback);
                add_dnat(b, chain, &firewall_families[i], true, with_loopback);
        }
}

static void add_postrouting(mn_nft_batch *b) {
        mn_nft_add_base_chain(b, "postrouting", "nat", NF_INET_POST_ROUTING, PRIORITY_SNAT);
        /* The host through 127.0.0.1 to a container. */
        mn_nft_rule_begin(b, "postrouting");
        match_family(b, &firewall_families[0]);
        match_interface(b, NFT_META_OIFNAME, BRIDGES, false);
        match_loopback(b, &firewall_families[0], firewall_families[0].saddr_offset, true);
        mn_nft_masquerade(b);
        mn_nft_rule_end(b);
        /* A container through a published port to another one, or to itself: the answer must come back here.
         * By address, for a packet that stays on its bridge shows no incoming interface here. */
        for (size_t i = 0; i < MN_ARRAY_LEN(firewall_families); i++) {
                const struct family *f = &firewall_families[i];
                mn_nft_rule_begin(b, "postrouting");
                match_family(b, f);
                match_interface(b, NFT_META_OIFNAME, BRIDGES, false);
                match_ct(b, NFT_CT_STATUS, IPS_DST_NAT);
                mn_nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->saddr_offset, f->address_len, REG(0));
                mn_nft_lookup(b, f->subnets, REG(0), false);
                mn_nft_masquerade(b);
                mn_nft_rule_end(b);
        }
        /* Containers to the world. */
        for (size_t i = 0; i < MN_ARRAY_LEN(firewall_families); i++) {
                mn_nft_rule_begin(b, "postrouting");
                match_family(b, &firewall_families[i]);
                match_interface(b, NFT_META_IIFNAME, firewall_families[i].masquerade, false);
                match_interface(b, NFT_META_OIFNAME, BRIDGES, true);
                mn_nft_masquerade(b);
                mn_nft_rule_end(b);
        }
}

static void add_interface_rule(mn_nft_batch *b, const char *chain, uint32_t key, const char *set,
                               int32_t verdict) {
        mn_nft_rule_begin(b, chain);
        match_interface(b, key, set, false);
        mn_nft_verdict(b, verdict);
        mn_nft_rule_end(b);
}

/* What may be reached besides published ports: all of an open network, single ports of a routed one. */
static void add_untranslated(mn_nft_batch *b, const struct family *f) {
        mn_nft_rule_begin(b, "forward");
        match_family(b, f);
        match_interface(b, NFT_META_OIFNAME, f->open, false);
        mn_nft_verdict(b, NF_ACCEPT);
        mn_nft_rule_end(b);
        mn_nft_rule_begin(b, "forward");
        match_family(b, f);
        load_destination(b, f, false);
        mn_nft_lookup(b, f->direct, REG(0), false);
        mn_nft_verdict(b, NF_ACCEPT);
        mn_nft_rule_end(b);
}

static void add_forward(mn_nft_batch *b, bool drops_foreign) {
        mn_nft_add_base_chain(b, "forward", "filter", NF_INET_FORWARD, PRIORITY_FILTER);
        mn_nft_rule_begin(b, "forward");
        match_ct(b, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
        mn_nft_verdict(b, NF_ACCEPT);
        mn_nft_rule_end(b);
        mn_nft_rule_begin(b, "forward");
        mn_nft_meta(b, NFT_META_IIFNAME, REG(0));
        mn_nft_meta(b, NFT_META_OIFNAME, REG(4));
        mn_nft_lookup(b, PAIRS, REG(0), false);
        mn_nft_verdict(b, NF_ACCEPT);
        mn_nft_rule_end(b);
        add_interface_rule(b, "forward", NFT_META_IIFNAME, INTERNAL, NF_DROP);
        add_interface_rule(b, "forward", NFT_META_OIFNAME, INTERNAL, NF_DROP);
        mn_nft_rule_begin(b, "forward");
        match_interface(b, NFT_META_OIFNAME, BRIDGES, false);
        match_ct(b, NFT_CT_STATUS, IPS_DST_NAT);
        mn_nft_verdict(b, NF_ACCEPT);
        mn_nft_rule_end(b);
        for (size_t i = 0; i < MN_ARRAY_LEN(firewall_families); i++)
                add_untranslated(b, &firewall_families[i]);
        add_interface_rule(b, "forward", NFT_META_OIFNAME, BRIDGES, NF_DROP);
        add_interface_rule(b, "forward", NFT_META_IIFNAME, BRIDGES, NF_ACCEPT);
        if (!drops_foreign)
                return;
        /* It was us who made a router of this host, so it routes for containers only: ours, and those and the
           virtual machines that others have on their bridges. */
        char kind[MN_NFT_IFNAME_LEN] = "bridge";
        mn_nft_rule_begin(b, "forward");
        mn_nft_meta(b, NFT_META_IIFKIND, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_NEQ, kind, sizeof(kind));
        mn_nft_meta(b, NFT_META_OIFKIND, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_NEQ, kind, sizeof(kind));
        mn_nft_verdict(b, NF_DROP);
        mn_nft_rule_end(b);
}

/* Containers must not reach the host's 127.0.0.1 through the bridge, which accepts such packets. */
static void add_guard(mn_nft_batch *b) {
        mn_nft_add_base_chain(b, "guard", "filter", NF_INET_PRE_ROUTING, PRIORITY_RAW);
        mn_nft_rule_begin(b, "guard");
        match_family(b, &firewall_families[0]);
        match_interface(b, NFT_META_IIFNAME, BRIDGES, false);
        match_loopback(b, &firewall_families[0], firewall_families[0].daddr_offset, true);
        mn_nft_verdict(b, NF_DROP);
        mn_nft_rule_end(b);
}

/* ---- sets ---- */

static void add_sets(mn_nft_batch *b) {
        static const char *const interface_sets[] = { BRIDGES,     INTERNAL, MASQUERADE4,
                                                      MASQUERADE6, OPEN4,    OPEN6 };
        for (size_t i = 0; i < MN_ARRAY_LEN(interface_sets); i++)
                mn_nft_add_set(b, &(mn_nft_set){ .name = interface_sets[i],
                                                 .key_type = MN_NFT_TYPE_IFNAME,
                                                 .key_len = MN_NFT_IFNAME_LEN });
        mn_nft_add_set(b, &(mn_nft_set){ .name = PAIRS,
                                         .key_type = MN_NFT_TYPE_IFNAME << 6 | MN_NFT_TYPE_IFNAME,
                                         .key_len = 2 * MN_NFT_IFNAME_LEN });
        for (size_t i = 0; i < MN_ARRAY_LEN(firewall_families); i++) {
                const struct family *f = &firewall_families[i];
                uint32_t service = MN_NFT_TYPE_PROTO << 6 | MN_NFT_TYPE_PORT;
                mn_nft_set ports = { .name = f->ports,
                                     .key_type = f->type << 12 | service,
                                     .key_len = f->address_len + 8,
                                     .data_type = f->type << 6 | MN_NFT_TYPE_PORT,
                                     .data_len = f->address_len + 4 };
                mn_nft_set any = ports, direct = { .key_type = ports.key_type, .key_len = ports.key_len };
                any.name = f->any;
                any.key_type = service;
                any.key_len = 8;
                direct.name = f->direct;
                mn_nft_add_set(b, &(mn_nft_set){ .name = f->subnets,
                                                 .key_type = f->type,
                                                 .key_len = f->address_len,
                                                 .is_interval = true });
                mn_nft_add_set(b, &ports);
                mn_nft_add_set(b, &any);
                mn_nft_add_set(b, &direct);
        }
}

void firewall_add_rules(mn_nft_batch *b, bool drops_foreign) {
        add_sets(b);
        add_guard(b);
        add_dnat_chain(b, "prerouting", NF_INET_PRE_ROUTING, false);
        add_dnat_chain(b, "output", NF_INET_LOCAL_OUT, true);
        add_postrouting(b);
        add_forward(b, drops_foreign);
}

/* ---- in a container's namespace ---- */

static void add_redirect(mn_nft_batch *b, uint8_t protocol, uint16_t port) {
        static const uint8_t server[] = { 127, 0, 0, 11 };
        uint16_t dns_port = htons(53), own_port = htons(port);
        mn_nft_rule_begin(b, "output");
        mn_nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, firewall_families[0].daddr_offset, 4, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, server, sizeof(server));
        mn_nft_meta(b, NFT_META_L4PROTO, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, &protocol, 1);
        mn_nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, &dns_port, sizeof(dns_port));
        mn_nft_load(b, REG(0), &own_port, sizeof(own_port));
        mn_nft_dnat(b, NFPROTO_IPV4, 0, REG(0));
        mn_nft_rule_end(b);
}

void firewall_add_dns_chain(mn_nft_batch *b, uint16_t udp_port, uint16_t tcp_port) {
        mn_nft_add_base_chain(b, "output", "nat", NF_INET_LOCAL_OUT, PRIORITY_DNAT);
        add_redirect(b, IPPROTO_UDP, udp_port);
        add_redirect(b, IPPROTO_TCP, tcp_port);
}
