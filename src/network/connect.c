/* SPDX-License-Identifier: Apache-2.0 */
/* Joining and leaving a network while the container runs. */

#include <linux/netlink.h>
#include <string.h>

#include "base/log.h"
#include "network/firewall.h"
#include "sys/fd.h"
#include "sys/netns.h"

/* A route netlink socket inside the sandbox, or -errno; with IPv6 switched on for `interface` unless NULL. */
static int open_inside(network_manager *m, const struct sandbox *s, const char *ipv6_interface) {
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        int r = mn_netns_enter(&trip, m->home_netns_fd, s->netns_fd);
        if (r < 0)
                return r;
        if (ipv6_interface)
                network_enable_ipv6(ipv6_interface);
        return mn_nl_open(NETLINK_ROUTE);
}

static int bring_up(const struct endpoint *e, int rtnl) {
        cleanup_nl mn_nl nl = { 0 };
        int index = mn_link_index(rtnl, e->interface);
        if (index < 0)
                return index;
        mn_link_put_up(&nl, index, NULL);
        if (e->has_v4)
                mn_address_put_add(&nl, index, &e->v4);
        if (e->has_v6)
                mn_address_put_add(&nl, index, &e->v6);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

/* ---- after the set of networks changed ---- */

static void update_default_route(const struct sandbox *s, int rtnl, uint8_t family) {
        const struct endpoint *e = network_gateway_endpoint(s, family);
        int index = e ? mn_link_index(rtnl, e->interface) : -1;
        if (index > 0)
                mn_route_set_default(rtnl, index, &network_pool_of(e->network, family)->router);
}

/* Whether the ports lead where they should. */
static bool is_on_target(const struct sandbox *s) {
        for (size_t i = 0; i < s->ports.len; i++) {
                const struct published_port *p = &s->ports.items[i];
                const struct endpoint *e = network_gateway_endpoint(s, p->target.family);
                if (!e || !network_address_equal(&p->target, p->target.family == AF_INET ? &e->v4 : &e->v6))
                        return false;
        }
        return s->ports.len > 0 || !s->port_wishes.len;
}

/* Ports keep their host side; those of a family without a way outside are let go. */
static void change_targets(struct sandbox *s) {
        for (size_t i = s->ports.len; i-- > 0;) {
                struct published_port *p = &s->ports.items[i];
                const struct endpoint *e = network_gateway_endpoint(s, p->target.family);
                if (e) {
                        p->target = p->target.family == AF_INET ? e->v4 : e->v6;
                        continue;
                }
                mn_close(p->reserve_fd);
                mn_vec_remove(&s->ports, i);
        }
}

static void set_hairpin(const struct sandbox *s) {
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        for (size_t i = 0; rtnl >= 0 && s->ports.len && i < s->endpoints.len; i++) {
                const struct endpoint *e = s->endpoints.items[i];
                int index = e->veth[0] ? mn_link_index(rtnl, e->veth) : -1;
                if (index > 0)
                        mn_link_set_hairpin(rtnl, index, true);
        }
}

static mn_status retarget_ports(network_manager *m, struct sandbox *s, mn_err *err) {
        if (is_on_target(s))
                return MN_OK;
        network_firewall_unpublish(m, s);
        network_lock(m);
        change_targets(s);
        network_unlock(m);
        mn_status st = s->ports.len ? MN_OK : network_ports_reserve(m, s, err);
        set_hairpin(s);
        return st ? st : network_firewall_publish(m, s, err);
}

/* ---- connect ---- */

static mn_status check_connect(const struct sandbox *s, const struct network *n, mn_err *err) {
        if (s->is_host || n->driver == &network_host_driver)
                return mn_fail(
                        err, MN_INVALID,
                        "container cannot be disconnected from host network or connected to host network");
        bool is_none = n->driver == &network_none_driver;
        for (size_t i = 0; i < s->endpoints.len; i++)
                is_none = is_none || s->endpoints.items[i]->network->driver == &network_none_driver;
        if (is_none && s->endpoints.len)
                return mn_fail(err, MN_INVALID,
                               "container cannot be connected to multiple networks with one of the networks "
                               "in private "
                               "(none) mode");
        return MN_OK;
}

static mn_status find_both(network_manager *m, const char *container_id, const char *network,
                           struct sandbox **ret_s, struct network **ret_n, mn_err *err) {
        *ret_s = network_find_sandbox(m, container_id);
        if (!*ret_s)
                return mn_fail(err, MN_CONFLICT, "container %s is not running", container_id);
        return network_find(m, network, ret_n, err);
}

static mn_status join(network_manager *m, struct sandbox *s, struct endpoint *e, mn_err *err) {
        mn_status st = network_record_save(m, s, err); /* what a crash leaves has an owner */
        if (!st && e->network->driver->join) {
                st = e->network->driver->join(m, e, s->netns_fd, err);
                cleanup_close int rtnl = st ? -1 : open_inside(m, s, e->has_v6 ? e->interface : NULL);
                int r = st ? 0 : rtnl < 0 ? rtnl : bring_up(e, rtnl);
                if (!st && r < 0)
                        st = mn_fail_errno(err, r, "setting up interface %s", e->interface);
                network_settle(s);
                if (!st && network_gateway_endpoint(s, AF_INET) == e)
                        update_default_route(s, rtnl, AF_INET);
                if (!st && network_gateway_endpoint(s, AF_INET6) == e)
                        update_default_route(s, rtnl, AF_INET6);
        }
        if (!st)
                st = retarget_ports(m, s, err);
        if (!st)
                st = network_sandbox_serve_dns(m, s, err);
        return st ? st : network_record_save(m, s, err);
}

/* Undoes what a connect or the life of an endpoint has made. */
static void part(network_manager *m, struct sandbox *s, struct endpoint *e) {
        cleanup_close int rtnl = open_inside(m, s, NULL);
        if (rtnl >= 0 && e->network->driver->leave)
                e->network->driver->leave(m, e, rtnl);
        network_lock(m);
        network_endpoint_free(e);
        network_unlock(m);
        if (rtnl < 0)
                return;
        update_default_route(s, rtnl, AF_INET);
        update_default_route(s, rtnl, AF_INET6);
}

mn_status network_connect(network_manager *m, const char *container_id, const char *network,
                          const wire_endpoint_settings *settings, mn_err *err) {
        struct sandbox *s;
        struct network *n;
        struct endpoint *e;
        network_lock(m);
        mn_status st = find_both(m, container_id, network, &s, &n, err);
        if (!st)
                st = check_connect(s, n, err);
        if (!st)
                st = network_attach(m, s, &(network_attachment){ n->doc.id, settings }, &e, err);
        network_unlock(m);
        if (st)
                return st;
        st = join(m, s, e, err);
        if (st)
                part(m, s, e);
        else
                network_notify(m, "connect", n, container_id);
        return st;
}

/* ---- disconnect ---- */

mn_status network_disconnect(network_manager *m, const char *container_id, const char *network, mn_err *err) {
        struct sandbox *s;
        struct network *n;
        struct endpoint *e = NULL;
        network_lock(m);
        mn_status st = find_both(m, container_id, network, &s, &n, err);
        if (!st && (s->is_host || n->driver == &network_host_driver))
                st = mn_fail(
                        err, MN_INVALID,
                        "container cannot be disconnected from host network or connected to host network");
        for (size_t i = 0; !st && i < s->endpoints.len; i++)
                if (s->endpoints.items[i]->network == n)
                        e = s->endpoints.items[i];
        if (!st && !e)
                st = mn_fail(err, MN_FORBIDDEN, "container %s is not connected to the network %s",
                             container_id, n->doc.name);
        network_unlock(m);
        if (st)
                return st;
        part(m, s, e);
        cleanup_err mn_err ignored = { 0 };
        if (retarget_ports(m, s, &ignored))
                mn_log(MN_LOG_WARN, "ports are no longer published", " container=%s error=\"%s\"",
                       container_id, mn_err_text(&ignored));
        network_notify(m, "disconnect", n, container_id);
        return network_record_save(m, s, err);
}
