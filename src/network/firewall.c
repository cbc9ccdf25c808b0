/* SPDX-License-Identifier: Apache-2.0 */
/* The packet filter's transactions: what the manager's state means in sets and maps, and when that changes.
 */

#include "network/firewall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "base/log.h"
#include "network/firewall_rules.h"
#include "network/thread.h"
#include "sys/fd.h"

/* ---- networks ---- */

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
        const struct family *f = firewall_family_of(subnet);
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
        const struct family *f = firewall_family_of(&p->target);
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

/* The socket stays open: the kernel makes its closing wait until what was deleted is freed, a matter of
   milliseconds. After an error there may be answers left in it, so then it is not used again. */
static int commit(network_manager *m, mn_nft_batch *b) {
        if (m->firewall_fd < 0)
                m->firewall_fd = mn_nl_open(NETLINK_NETFILTER);
        if (m->firewall_fd < 0) {
                mn_nft_release(b);
                return m->firewall_fd;
        }
        int r = mn_nft_commit(b, m->firewall_fd);
        if (r < 0)
                m->firewall_fd = mn_close(m->firewall_fd);
        return r;
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
        firewall_add_rules(&b, m->has_enabled_forwarding);
        network_lock(m);
        add_state(&b, m);
        network_unlock(m);
        return commit(m, &b);
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
        int r = commit(m, b);
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
        if (r < 0)
                return mn_fail_errno(err, r, "publishing ports");
        network_thread_forget_flows(m->thread, s);
        return MN_OK;
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
        network_thread_forget_flows(m->thread, s);
        if (r < 0)
                mn_log(MN_LOG_WARN, "cannot take published ports back", " container=%s error=\"%s\"",
                       s->container_id, mn_strerror(r));
}

void network_firewall_check(network_manager *m) {
        pthread_mutex_lock(&m->firewall_lock);
        bool is_gone = m->firewall_fd >= 0 &&
                       mn_nft_table_exists(m->firewall_fd, NFPROTO_INET, m->instance) == 0;
        if (is_gone) {
                int r = rebuild(m);
                mn_log(MN_LOG_WARN, "the packet filter table was removed by somebody; it is set up again",
                       " table=%s error=\"%s\"", m->instance, r < 0 ? mn_strerror(r) : "");
        }
        pthread_mutex_unlock(&m->firewall_lock);
}
int network_firewall_redirect_dns(uint16_t udp_port, uint16_t tcp_port, bool is_fresh) {
        mn_nft_batch b;
        mn_nft_begin(&b, NFPROTO_IPV4, "minato-dns");
        if (!is_fresh) {
                mn_nft_add_table(&b);
                mn_nft_delete_table(&b);
        }
        mn_nft_add_table(&b);
        firewall_add_dns_chain(&b, udp_port, tcp_port);
        cleanup_close int fd = mn_nl_open(NETLINK_NETFILTER);
        if (fd < 0) {
                mn_nft_release(&b);
                return fd;
        }
        return mn_nft_commit(&b, fd);
}
