/* SPDX-License-Identifier: Apache-2.0 */
#include "network/firewall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/log.h"
#include "sys/fd.h"
#include "sys/nft.h"

#define PRIORITY_RAW (-300)
#define PRIORITY_DNAT (-100)
#define PRIORITY_FILTER 0
#define PRIORITY_SNAT 100
#define REG MN_NFT_REG

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
static const struct family families[] = {
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

static const struct family *family_of(const mn_net_address *a) {
        return &families[a->family == AF_INET6];
}

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
        for (size_t i = 0; i < MN_ARRAY_LEN(families); i++) {
                add_dnat(b, chain, &families[i], false, with_loopback);
                add_dnat(b, chain, &families[i], true, with_loopback);
        }
}

static void add_postrouting(mn_nft_batch *b) {
        mn_nft_add_base_chain(b, "postrouting", "nat", NF_INET_POST_ROUTING, PRIORITY_SNAT);
        /* The host through 127.0.0.1 to a container. */
        mn_nft_rule_begin(b, "postrouting");
        match_family(b, &families[0]);
        match_interface(b, NFT_META_OIFNAME, BRIDGES, false);
        match_loopback(b, &families[0], families[0].saddr_offset, true);
        mn_nft_masquerade(b);
        mn_nft_rule_end(b);
        /* A container through a published port to another one, or to itself: the answer must come back here.
         * By address, for a packet that stays on its bridge shows no incoming interface here. */
        for (size_t i = 0; i < MN_ARRAY_LEN(families); i++) {
                const struct family *f = &families[i];
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
        for (size_t i = 0; i < MN_ARRAY_LEN(families); i++) {
                mn_nft_rule_begin(b, "postrouting");
                match_family(b, &families[i]);
                match_interface(b, NFT_META_IIFNAME, families[i].masquerade, false);
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
        for (size_t i = 0; i < MN_ARRAY_LEN(families); i++)
                add_untranslated(b, &families[i]);
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
        match_family(b, &families[0]);
        match_interface(b, NFT_META_IIFNAME, BRIDGES, false);
        match_loopback(b, &families[0], families[0].daddr_offset, true);
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
        for (size_t i = 0; i < MN_ARRAY_LEN(families); i++) {
                const struct family *f = &families[i];
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

static void add_interface(mn_nft_batch *b, const char *set, const char *name) {
        char key[MN_NFT_IFNAME_LEN] = { 0 };
        memcpy(key, name, strnlen(name, sizeof(key) - 1));
        mn_nft_add_element(b, set, key, sizeof(key), NULL, 0);
}

static void add_pair(mn_nft_batch *b, const char *in, const char *out) {
        char key[2 * MN_NFT_IFNAME_LEN] = { 0 };
        memcpy(key, in, strnlen(in, MN_NFT_IFNAME_LEN - 1));
        memcpy(key + MN_NFT_IFNAME_LEN, out, strnlen(out, MN_NFT_IFNAME_LEN - 1));
        mn_nft_add_element(b, PAIRS, key, sizeof(key), NULL, 0);
}

static void add_subnet(mn_nft_batch *b, const mn_net_address *subnet) {
        const struct family *f = family_of(subnet);
        mn_net_address end = network_subnet_last(subnet);
        bool has_end = network_address_add(&end, 1) >= 0;
        mn_nft_add_range(b, f->subnets, subnet->bytes, has_end ? end.bytes : NULL, f->address_len);
}

static void add_network(mn_nft_batch *b, const network_manager *m, const struct network *n) {
        const struct bridge_settings *s = &n->bridge;
        add_interface(b, BRIDGES, s->name);
        for (size_t i = 0; i < n->pools.len; i++)
                add_subnet(b, &n->pools.items[i].subnet);
        if (s->is_icc)
                add_pair(b, s->name, s->name);
        if (n->doc.is_internal) {
                add_interface(b, INTERNAL, s->name);
                return;
        }
        for (size_t i = 0; i < s->ntrusted; i++)
                add_pair(b, s->trusted[i], s->name);
        if (s->is_masquerading && s->is_nat_v4)
                add_interface(b, MASQUERADE4, s->name);
        if (s->is_masquerading && s->is_nat_v6 && !m->options.no_firewall_v6)
                add_interface(b, MASQUERADE6, s->name);
        if (s->is_open_v4)
                add_interface(b, OPEN4, s->name);
        if (s->is_open_v6 || m->options.no_firewall_v6)
                add_interface(b, OPEN6, s->name);
}

/* ---- ports ---- */

struct port_key {
        const char *set;
        uint8_t key[24], data[20];
        size_t key_len, data_len;
};

static struct port_key make_key(const struct published_port *p) {
        struct port_key k = { 0 };
        const struct family *f = family_of(&p->target);
        uint16_t host_port = htons(p->host_port), container_port = htons(p->container_port);
        bool is_any = network_address_is_any(&p->host);
        const mn_net_address *address = p->is_direct ? &p->target : &p->host;
        k.set = p->is_direct ? f->direct : is_any ? f->any : f->ports;
        if (p->is_direct || !is_any) {
                memcpy(k.key, address->bytes, f->address_len);
                k.key_len = f->address_len;
        }
        k.key[k.key_len] = p->protocol;
        memcpy(k.key + k.key_len + 4, p->is_direct ? &container_port : &host_port, sizeof(host_port));
        k.key_len += 8;
        if (!p->is_direct) {
                memcpy(k.data, p->target.bytes, f->address_len);
                memcpy(k.data + f->address_len, &container_port, sizeof(container_port));
                k.data_len = f->address_len + 4;
        }
        return k;
}

static void add_port(mn_nft_batch *b, const struct published_port *p) {
        struct port_key k = make_key(p);
        mn_nft_add_element(b, k.set, k.key, k.key_len, k.data, k.data_len);
}

/* ---- transactions ---- */

static int commit(mn_nft_batch *b) {
        cleanup_close int fd = mn_nl_open(NETLINK_NETFILTER);
        if (fd < 0) {
                mn_nft_release(b);
                return fd;
        }
        return mn_nft_commit(b, fd);
}

/* All networks and active ports; the manager's lock is held. */
static void add_state(mn_nft_batch *b, const network_manager *m) {
        size_t pos = 0;
        void *value;
        while (mn_map_next(m->networks, &pos, NULL, &value)) {
                const struct network *n = value;
                if (n->bridge.name[0] && !n->is_removing)
                        add_network(b, m, n);
        }
        pos = 0;
        while (mn_map_next(m->sandboxes, &pos, NULL, &value)) {
                const struct sandbox *s = value;
                for (size_t i = 0; i < s->ports.len; i++)
                        if (s->ports.items[i].is_active)
                                add_port(b, &s->ports.items[i]);
        }
}

static int rebuild(network_manager *m) {
        mn_nft_batch b;
        mn_nft_begin(&b, NFPROTO_INET, m->instance);
        mn_nft_add_table(&b); /* so that there is one to delete */
        mn_nft_delete_table(&b);
        mn_nft_add_table(&b);
        add_sets(&b);
        add_guard(&b);
        add_dnat_chain(&b, "prerouting", NF_INET_PRE_ROUTING, false);
        add_dnat_chain(&b, "output", NF_INET_LOCAL_OUT, true);
        add_postrouting(&b);
        add_forward(&b, m->has_enabled_forwarding);
        network_lock(m);
        add_state(&b, m);
        network_unlock(m);
        return commit(&b);
}

mn_status network_firewall_rebuild(network_manager *m, mn_err *err) {
        if (m->options.no_firewall)
                return MN_OK;
        pthread_mutex_lock(&m->firewall_lock);
        int r = rebuild(m);
        pthread_mutex_unlock(&m->firewall_lock);
        return r < 0 ? mn_fail_errno(err, r, "setting up the packet filter") : MN_OK;
}

static void mark(network_manager *m, struct sandbox *s, bool is_active) {
        network_lock(m);
        for (size_t i = 0; i < s->ports.len; i++)
                s->ports.items[i].is_active = is_active;
        network_unlock(m);
}

/* A table somebody removed makes the kernel say ENOENT: then everything is set up anew, this change included.
 */
static int commit_or_rebuild(network_manager *m, mn_nft_batch *b) {
        int r = commit(b);
        return r == -ENOENT ? rebuild(m) : r;
}

mn_status network_firewall_publish(network_manager *m, struct sandbox *s, mn_err *err) {
        if (!s->ports.len)
                return MN_OK;
        if (m->options.no_firewall)
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "publishing ports needs the packet filter, and it is switched off");
        pthread_mutex_lock(&m->firewall_lock);
        mn_nft_batch b;
        mn_nft_begin(&b, NFPROTO_INET, m->instance);
        for (size_t i = 0; i < s->ports.len; i++)
                if (!s->ports.items[i].is_active)
                        add_port(&b, &s->ports.items[i]);
        mark(m, s, true);
        int r = commit_or_rebuild(m, &b);
        if (r < 0)
                mark(m, s, false);
        pthread_mutex_unlock(&m->firewall_lock);
        return r < 0 ? mn_fail_errno(err, r, "publishing ports") : MN_OK;
}

void network_firewall_unpublish(network_manager *m, struct sandbox *s) {
        if (!s->ports.len || m->options.no_firewall)
                return;
        pthread_mutex_lock(&m->firewall_lock);
        mn_nft_batch b;
        mn_nft_begin(&b, NFPROTO_INET, m->instance);
        for (size_t i = 0; i < s->ports.len; i++) {
                if (!s->ports.items[i].is_active)
                        continue;
                struct port_key k = make_key(&s->ports.items[i]);
                mn_nft_delete_element(&b, k.set, k.key, k.key_len);
        }
        mark(m, s, false);
        int r = commit_or_rebuild(m, &b);
        pthread_mutex_unlock(&m->firewall_lock);
        if (r < 0)
                mn_log(MN_LOG_WARN, "cannot take published ports back", " container=%s error=\"%s\"",
                       s->container_id, mn_strerror(r));
}

void network_firewall_check(network_manager *m) {
        pthread_mutex_lock(&m->firewall_lock);
        cleanup_close int fd = mn_nl_open(NETLINK_NETFILTER);
        if (fd >= 0 && mn_nft_table_exists(fd, NFPROTO_INET, m->instance) == 0) {
                int r = rebuild(m);
                mn_log(MN_LOG_WARN, "the packet filter table was removed by somebody; it is set up again",
                       " table=%s error=\"%s\"", m->instance, r < 0 ? mn_strerror(r) : "");
        }
        pthread_mutex_unlock(&m->firewall_lock);
}

/* ---- in a container's namespace ---- */

static void add_redirect(mn_nft_batch *b, uint8_t protocol, uint16_t port) {
        static const uint8_t server[] = { 127, 0, 0, 11 };
        uint16_t dns_port = htons(53), own_port = htons(port);
        mn_nft_rule_begin(b, "output");
        mn_nft_payload(b, NFT_PAYLOAD_NETWORK_HEADER, families[0].daddr_offset, 4, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, server, sizeof(server));
        mn_nft_meta(b, NFT_META_L4PROTO, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, &protocol, 1);
        mn_nft_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, REG(0));
        mn_nft_compare(b, REG(0), NFT_CMP_EQ, &dns_port, sizeof(dns_port));
        mn_nft_load(b, REG(0), &own_port, sizeof(own_port));
        mn_nft_dnat(b, NFPROTO_IPV4, 0, REG(0));
        mn_nft_rule_end(b);
}

int network_firewall_redirect_dns(uint16_t udp_port, uint16_t tcp_port, bool is_fresh) {
        mn_nft_batch b;
        mn_nft_begin(&b, NFPROTO_IPV4, "minato-dns");
        if (!is_fresh) {
                mn_nft_add_table(&b);
                mn_nft_delete_table(&b);
        }
        mn_nft_add_table(&b);
        mn_nft_add_base_chain(&b, "output", "nat", NF_INET_LOCAL_OUT, PRIORITY_DNAT);
        add_redirect(&b, IPPROTO_UDP, udp_port);
        add_redirect(&b, IPPROTO_TCP, tcp_port);
        return commit(&b);
}
