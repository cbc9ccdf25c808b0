/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes: a container's network namespace, from its making to its release. */

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "network/firewall.h"
#include "network/prepared.h"
#include "sys/fd.h"
#include "sys/netns.h"

/* ---- memory ---- */

struct sandbox *network_sandbox_new(const char *container_id, const char *name, const char *hostname,
                                    char *const *dns) {
        struct sandbox *s = mn_alloc(sizeof(*s));
        s->container_id = mn_strdup(container_id);
        s->name = mn_strdup(name);
        s->hostname = mn_strdup(hostname);
        s->dns = mn_strv_copy(dns);
        s->netns_fd = -1;
        return s;
}

void network_sandbox_free(struct sandbox *s) {
        if (!s)
                return;
        while (s->endpoints.len)
                network_endpoint_free(s->endpoints.items[s->endpoints.len - 1]);
        network_ports_release(s);
        mn_vec_release(&s->endpoints);
        mn_vec_release(&s->ports);
        mn_vec_release(&s->port_wishes);
        mn_close(s->netns_fd);
        mn_freep(&s->container_id);
        mn_freep(&s->name);
        mn_freep(&s->hostname);
        mn_strv_free(s->dns);
        mn_freep(&s);
}

/* ---- joining ---- */

static bool has_interface(const struct sandbox *s, const char *name) {
        for (size_t i = 0; i < s->endpoints.len; i++)
                if (strcmp(s->endpoints.items[i]->interface, name) == 0)
                        return true;
        return false;
}

/* The name asked for, or the first free "ethN". */
static mn_status name_interface(struct endpoint *e, mn_err *err) {
        const char *wish = mn_str_map_get(&e->wishes.driver_opts, "com.docker.network.endpoint.ifname");
        char name[MN_LINK_NAME_SIZE];
        if (!mn_str_is_empty(wish)) {
                if (strlen(wish) >= sizeof(name) || strchr(wish, '/') || has_interface(e->sandbox, wish))
                        return mn_fail(err, MN_INVALID, "invalid interface name %s", wish);
                memcpy(e->interface, wish, strlen(wish) + 1);
                return MN_OK;
        }
        unsigned number = 0;
        do
                snprintf(name, sizeof(name), "%s%u", e->network->bridge.interface_prefix, number++);
        while (has_interface(e->sandbox, name));
        memcpy(e->interface, name, sizeof(name));
        return MN_OK;
}

mn_status network_attach(network_manager *m, struct sandbox *s, const network_attachment *a,
                         struct endpoint **ret, mn_err *err) {
        struct network *n;
        mn_status st = network_find(m, a->network, &n, err);
        if (!st && n->is_removing)
                st = mn_fail(err, MN_NOT_FOUND, "network %s not found", a->network);
        if (!st)
                st = network_check_wishes(n, a->settings, err);
        for (size_t i = 0; !st && i < s->endpoints.len; i++)
                if (s->endpoints.items[i]->network == n)
                        st = mn_fail(err, MN_FORBIDDEN, "endpoint with name %s already exists in network %s",
                                     s->name, n->doc.name);
        if (st)
                return st;
        st = network_endpoint_new(n, s, a->settings, ret, err);
        if (!st && n->driver->join)
                st = name_interface(*ret, err);
        return st;
}

static mn_status attach_all(network_manager *m, struct sandbox *s, const network_sandbox_spec *spec,
                            mn_err *err) {
        mn_status st = MN_OK;
        network_lock(m);
        mn_map_set(m->sandboxes, s->container_id, s);
        for (size_t i = 0; !st && i < spec->nattachments; i++) {
                struct endpoint *e;
                st = network_attach(m, s, &spec->attachments[i], &e, err);
                if (!st && e->network->driver == &network_host_driver)
                        s->is_host = true;
        }
        network_unlock(m);
        if (!st && s->is_host && s->endpoints.len > 1)
                st = mn_fail(err, MN_INVALID,
                             "container cannot be connected to host network and other networks");
        return st;
}

static bool needs_dns(const struct sandbox *s) {
        for (size_t i = 0; i < s->endpoints.len; i++)
                if (network_is_user_defined(s->endpoints.items[i]->network))
                        return true;
        return false;
}

/* ---- in the namespace ---- */

/* Appends what brings up one interface and gives it its addresses. */
static void put_endpoint(mn_nl *nl, const struct endpoint *e, int index) {
        mn_link_put_up(nl, index, e->prepared_bridge ? e->mac : NULL);
        if (e->has_v4)
                mn_address_put_add(nl, index, &e->v4);
        if (e->has_v6)
                mn_address_put_add(nl, index, &e->v6);
}

static void put_default_route(mn_nl *nl, int rtnl, const struct sandbox *s, uint8_t family) {
        const struct endpoint *e = network_gateway_endpoint(s, family);
        int index = e ? mn_link_index(rtnl, e->interface) : -1;
        if (index > 0)
                mn_route_put_default(nl, index, &network_pool_of(e->network, family)->router);
}

void network_enable_ipv6(const char *interface) {
        network_put_sysctl("ipv6", interface, "accept_ra", "0"); /* a neighbour is no router */
        network_put_sysctl("ipv6", interface, "accept_dad",
                           "0"); /* no second of waiting: addresses are ours to give */
        network_put_sysctl("ipv6", interface, "disable_ipv6", "0");
}

/* Interfaces that have IPv6 are told so before they get addresses; new ones come without (see namespace.c).
 */
static void enable_ipv6(network_manager *m, const struct sandbox *s) {
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        bool is_there = false;
        for (size_t i = 0; i < s->endpoints.len; i++) {
                if (!s->endpoints.items[i]->has_v6)
                        continue;
                if (!is_there && mn_netns_enter(&trip, m->home_netns_fd, s->netns_fd) < 0)
                        return;
                is_there = true;
                network_enable_ipv6(s->endpoints.items[i]->interface);
        }
}

/* False with the network "none". */
static bool has_interfaces(const struct sandbox *s) {
        for (size_t i = 0; i < s->endpoints.len; i++)
                if (s->endpoints.items[i]->interface[0])
                        return true;
        return false;
}

/* The first packet must not be lost: the bridge's ports take part before we return. */
void network_settle(const struct sandbox *s) {
        cleanup_nl mn_nl nl = { 0 };
        cleanup_close int rtnl = has_interfaces(s) ? mn_nl_open(NETLINK_ROUTE) : -1;
        for (size_t i = 0; rtnl >= 0 && i < s->endpoints.len; i++) {
                const struct endpoint *e = s->endpoints.items[i];
                int veth = e->veth[0] ? mn_link_index(rtnl, e->veth) : -1;
                int bridge = veth > 0 ? mn_link_index(rtnl, e->network->bridge.name) : -1;
                if (veth > 0)
                        mn_link_put_settle(&nl, veth);
                if (bridge > 0)
                        mn_link_put_settle(&nl, bridge);
        }
        if (rtnl >= 0)
                (void) mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

/* Brings up all interfaces. */
static mn_status configure(network_manager *m, struct sandbox *s, int rtnl, mn_err *err) {
        cleanup_nl mn_nl nl = { 0 };
        enable_ipv6(m, s);
        for (size_t i = 0; i < s->endpoints.len; i++) {
                const struct endpoint *e = s->endpoints.items[i];
                int index = e->network->driver->join ? mn_link_index(rtnl, e->interface) : 0;
                if (index < 0)
                        return mn_fail_errno(err, index, "interface %s", e->interface);
                if (index)
                        put_endpoint(&nl, e, index);
        }
        put_default_route(&nl, rtnl, s, AF_INET);
        put_default_route(&nl, rtnl, s, AF_INET6);
        int r = mn_nl_exchange(rtnl, &nl, NULL, NULL);
        if (r < 0)
                return mn_fail_errno(err, r, "setting up the container's interfaces");
        network_settle(s);
        return MN_OK;
}

/* A prepared interface fits a container that only has the default bridge. */
static bool fits_prepared(const struct sandbox *s) {
        return s->endpoints.len == 1 && network_is_default_bridge(s->endpoints.items[0]->network) &&
               strcmp(s->endpoints.items[0]->interface, "eth0") == 0;
}

/* A namespace made ahead, or a fresh one; 0 or -errno. */
static int get_namespace(network_manager *m, struct sandbox *s, struct network_namespace *ret) {
        struct prepared_namespace p;
        bool wants_interface = fits_prepared(s);
        if (!network_prepared_take(m, wants_interface ? PREPARED_BRIDGED : PREPARED_BARE, &p))
                return network_namespace_make(m->home_netns_fd, ret);
        if (wants_interface) {
                struct endpoint *e = s->endpoints.items[0];
                network_lock(m);
                memcpy(e->veth, p.veth, sizeof(e->veth));
                e->prepared_bridge = p.bridge;
                network_unlock(m);
        }
        *ret = p.ns;
        return 0;
}

static mn_status join_all(network_manager *m, struct sandbox *s, mn_err *err) {
        mn_status st = MN_OK;
        for (size_t i = 0; !st && i < s->endpoints.len; i++) {
                struct endpoint *e = s->endpoints.items[i];
                const struct network_driver *driver = e->network->driver;
                if (e->prepared_bridge)
                        st = driver->adopt(m, e, err);
                else if (driver->join)
                        st = driver->join(m, e, s->netns_fd, err);
        }
        return st;
}

static mn_status make_namespace(network_manager *m, struct sandbox *s, mn_err *err) {
        struct network_namespace ns;
        int r = get_namespace(m, s, &ns);
        if (r < 0)
                return mn_fail_errno(err, r, "creating a network namespace");
        cleanup_close int rtnl = ns.rtnl;
        network_lock(m);
        s->netns_fd = ns.fd;
        s->netns_inode = mn_netns_inode(ns.fd);
        network_unlock(m);
        if (needs_dns(s)) {
                r = network_namespace_add_dns(m->home_netns_fd, &ns);
                if (r < 0)
                        return mn_fail_errno(err, r, "name server of container %s", s->container_id);
                s->listener = network_dns_serve(m, s->container_id, &ns.dns);
        }
        mn_status st = join_all(m, s, err);
        return st ? st : configure(m, s, rtnl, err);
}

/* ---- create and release ---- */

static mn_status build(network_manager *m, struct sandbox *s, mn_err *err) {
        mn_status st = MN_OK;
        if (!s->is_host) {
                st = network_ports_reserve(m, s, err);
                if (!st)
                        st = make_namespace(m, s, err);
                if (!st)
                        st = network_firewall_publish(m, s, err);
        }
        return st ? st : network_record_save(m, s, err);
}

static void notify_all(network_manager *m, const struct sandbox *s, const char *action) {
        for (size_t i = 0; i < s->endpoints.len; i++)
                network_notify(m, action, s->endpoints.items[i]->network, s->container_id);
}

/* A dying namespace goes on answering for its addresses for some milliseconds: takes them away, so that they
   can be given to somebody else at once. */
static void drop_addresses(network_manager *m, const struct sandbox *s) {
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        if (s->netns_fd < 0 || !has_interfaces(s) || mn_netns_enter(&trip, m->home_netns_fd, s->netns_fd) < 0)
                return;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        mn_netns_return(&trip);
        for (size_t i = 0; rtnl >= 0 && i < s->endpoints.len; i++) {
                const struct endpoint *e = s->endpoints.items[i];
                int index = e->interface[0] ? mn_link_index(rtnl, e->interface) : -1;
                if (index > 0 && e->has_v4)
                        mn_address_delete(rtnl, index, &e->v4);
                if (index > 0 && e->has_v6)
                        mn_address_delete(rtnl, index, &e->v6);
        }
}

/* Takes everything back that was made so far; a half-made sandbox is as welcome as a whole one. */
static void dismantle(network_manager *m, struct sandbox *s) {
        network_firewall_unpublish(m, s);
        drop_addresses(m, s);
        if (s->listener)
                network_dns_drop(m, s->listener);
        network_record_delete(m, s->container_id);
        network_lock(m);
        (void) mn_map_take(m->sandboxes, s->container_id);
        network_sandbox_free(s);
        network_unlock(m);
}

void network_sandbox_release(network_manager *m, const char *container_id) {
        network_lock(m);
        struct sandbox *s = network_find_sandbox(m, container_id);
        network_unlock(m);
        if (!s)
                return;
        notify_all(m, s, "disconnect");
        dismantle(m, s);
}

mn_status network_sandbox_create(network_manager *m, const network_sandbox_spec *spec, int *ret_netns_fd,
                                 mn_err *err) {
        network_sandbox_release(m, spec->container_id);
        struct sandbox *s = network_sandbox_new(spec->container_id, spec->container_name, spec->hostname,
                                                spec->dns);
        mn_status st = network_ports_parse(s, spec->ports, spec->exposed, spec->publish_all, err);
        if (st) {
                network_sandbox_free(s);
                return st;
        }
        st = attach_all(m, s, spec, err);
        if (!st)
                st = build(m, s, err);
        int fd = st || s->is_host ? -1 : fcntl(s->netns_fd, F_DUPFD_CLOEXEC, 3);
        if (!st && !s->is_host && fd < 0)
                st = mn_fail_errno(err, -errno, "network namespace");
        if (st) {
                dismantle(m, s);
                return st;
        }
        notify_all(m, s, "connect");
        *ret_netns_fd = fd;
        return MN_OK;
}

/* ---- taking over ---- */

/* A bridge that had to be made anew has lost its ports. */
static void rejoin_bridge(const struct endpoint *e) {
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        int index = e->veth[0] && rtnl >= 0 ? mn_link_index(rtnl, e->veth) : -1;
        int bridge = index > 0 ? mn_link_index(rtnl, e->network->bridge.name) : -1;
        if (bridge > 0)
                mn_link_change_by_index(rtnl, index, &(mn_link_change){ .master = bridge, .is_up = true });
}

static mn_status open_namespace(struct sandbox *s, pid_t pid, mn_err *err) {
        if (s->is_host)
                return MN_OK;
        cleanup_close int fd = mn_netns_of(pid);
        if (fd < 0)
                return mn_fail_errno(err, fd, "network namespace of process %d", pid);
        if (mn_netns_inode(fd) != s->netns_inode)
                return mn_fail(err, MN_NOT_FOUND,
                               "process %d is not in the network namespace of its container", pid);
        s->netns_fd = MN_TAKE_FD(fd);
        return MN_OK;
}

mn_status network_sandbox_restore(network_manager *m, const char *container_id, pid_t pid, mn_err *err) {
        struct sandbox *s;
        network_lock(m);
        mn_status st = network_record_load(m, container_id, &s, err);
        if (!st) {
                st = open_namespace(s, pid, err);
                if (st)
                        network_sandbox_free(s);
                else
                        mn_map_set(m->sandboxes, s->container_id, s);
        }
        network_unlock(m);
        if (st)
                return st;
        network_ports_reserve_again(s);
        for (size_t i = 0; i < s->endpoints.len; i++)
                rejoin_bridge(s->endpoints.items[i]);
        return MN_OK;
}

mn_status network_sandbox_serve_dns(network_manager *m, struct sandbox *s, mn_err *err) {
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        struct dns_sockets sockets;
        if (s->is_host || s->listener || !needs_dns(s))
                return MN_OK;
        int r = mn_netns_enter(&trip, m->home_netns_fd, s->netns_fd);
        if (r >= 0)
                r = network_dns_open(false, &sockets);
        mn_netns_return(&trip);
        if (r < 0)
                return mn_fail_errno(err, r, "name server of container %s", s->container_id);
        s->listener = network_dns_serve(m, s->container_id, &sockets);
        return MN_OK;
}

mn_status network_sandbox_netns(network_manager *m, const char *container_id, int *ret_fd, mn_err *err) {
        network_lock(m);
        const struct sandbox *s = network_find_sandbox(m, container_id);
        int fd = s && s->netns_fd >= 0 ? fcntl(s->netns_fd, F_DUPFD_CLOEXEC, 3) : -1;
        network_unlock(m);
        if (fd < 0)
                return mn_fail(err, MN_CONFLICT, "cannot join network of a non running container: %s",
                               container_id);
        *ret_fd = fd;
        return MN_OK;
}

void network_sandbox_rename(network_manager *m, const char *container_id, const char *name) {
        cleanup_err mn_err err = { 0 };
        network_lock(m);
        struct sandbox *s = network_find_sandbox(m, container_id);
        if (s) {
                mn_freep(&s->name);
                s->name = mn_strdup(name);
                for (size_t i = 0; i < s->endpoints.len; i++)
                        network_endpoint_update_names(s->endpoints.items[i]);
        }
        network_unlock(m);
        if (s && network_record_save(m, s, &err))
                mn_log(MN_LOG_WARN, "cannot write a network record", " error=\"%s\"", mn_err_text(&err));
}
