/* SPDX-License-Identifier: Apache-2.0 */
#include "network/prepared.h"

#include <linux/netlink.h>
#include <string.h>

#include "network/thread.h"
#include "sys/fd.h"

/* How many of each kind are kept. */
static const size_t wanted[PREPARED_KINDS] = { [PREPARED_BARE] = 1, [PREPARED_BRIDGED] = 2 };

static void close_namespace(struct prepared_namespace *p) {
        mn_close(p->ns.fd);
        mn_close(p->ns.rtnl);
}

bool network_prepared_take(network_manager *m, enum prepared_kind kind, struct prepared_namespace *ret) {
        bool is_found = false;
        if (!m->thread || m->options.no_prepared)
                return false;
        network_lock(m);
        for (size_t i = m->prepared.len; !is_found && i-- > 0;) {
                if (m->prepared.items[i].kind != (int) kind)
                        continue;
                *ret = *m->prepared.items[i].namespace;
                mn_freep(&m->prepared.items[i].namespace);
                mn_vec_remove(&m->prepared, i);
                is_found = true;
        }
        network_unlock(m);
        network_thread_ask_refill(m->thread);
        return is_found;
}

/* Gives it an interface on the default bridge. */
static int add_interface(network_manager *m, struct prepared_namespace *p) {
        network_lock(m);
        const struct network *n = network_find_by_name(m, "bridge");
        struct bridge_settings settings = { 0 };
        if (n)
                settings = n->bridge;
        network_unlock(m);
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        p->bridge = rtnl < 0 || !settings.name[0] ? -1 : mn_link_index(rtnl, settings.name);
        if (p->bridge < 0)
                return p->bridge;
        network_veth_name(p->veth);
        mn_veth veth = { .name = p->veth,
                         .master = p->bridge,
                         .mtu = settings.mtu,
                         .is_isolated = !settings.is_icc,
                         .peer_netns_fd = p->ns.fd,
                         .peer_name = "eth0" };
        return mn_link_add_veth(rtnl, &veth);
}

static bool has_default_bridge(network_manager *m) {
        network_lock(m);
        bool has = network_find_by_name(m, "bridge");
        network_unlock(m);
        return has;
}

static bool is_missing(network_manager *m, enum prepared_kind kind) {
        size_t count = 0;
        if (kind == PREPARED_BRIDGED && !has_default_bridge(m))
                return false;
        network_lock(m);
        for (size_t i = 0; i < m->prepared.len; i++)
                count += m->prepared.items[i].kind == (int) kind;
        network_unlock(m);
        return count < wanted[kind];
}

static bool make(network_manager *m, enum prepared_kind kind) {
        struct prepared_namespace p = { .ns = { -1, -1, { -1, -1 } } };
        if (network_namespace_make(m->home_netns_fd, &p.ns) < 0)
                return false;
        if (kind == PREPARED_BRIDGED && add_interface(m, &p) < 0) {
                close_namespace(&p);
                return false;
        }
        struct prepared_namespace *kept = mn_alloc(sizeof(*kept));
        *kept = p;
        network_lock(m);
        mn_vec_push(&m->prepared, ((struct prepared_slot){ (int) kind, kept }));
        network_unlock(m);
        return true;
}

bool network_prepared_refill(network_manager *m) {
        for (int kind = PREPARED_KINDS - 1; kind >= 0; kind--)
                if (is_missing(m, (enum prepared_kind) kind))
                        return make(m, (enum prepared_kind) kind);
        return false;
}

void network_prepared_release(network_manager *m) {
        for (size_t i = 0; i < m->prepared.len; i++) {
                close_namespace(m->prepared.items[i].namespace);
                mn_freep(&m->prepared.items[i].namespace);
        }
        mn_vec_release(&m->prepared);
}
