/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing networks. */

#include <ctype.h>
#include <linux/netlink.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "network/firewall.h"
#include "sys/fd.h"

#define SWARM_NEEDED                                                                                         \
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect "   \
        "this node "                                                                                         \
        "to swarm and try again."

/* ---- checks ---- */

static mn_status check_name(network_manager *m, const char *name, mn_err *err) {
        if (mn_str_is_empty(name))
                return mn_fail(err, MN_INVALID, "invalid name: name is empty");
        bool is_good = isalnum((unsigned char) name[0]) && strlen(name) <= 255;
        for (const char *p = name; *p; p++)
                is_good = is_good && (isalnum((unsigned char) *p) || strchr("_.-", *p));
        if (!is_good)
                return mn_fail(err, MN_INVALID,
                               "invalid network name \"%s\": only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
                               name);
        if (mn_str_equal(name, "bridge") || mn_str_equal(name, "host") || mn_str_equal(name, "none") ||
            mn_str_equal(name, "default"))
                return mn_fail(err, MN_FORBIDDEN, "operation is not permitted on predefined %s network",
                               name);
        if (network_find_by_name(m, name))
                return mn_fail(err, MN_CONFLICT, "network with name %s already exists", name);
        return MN_OK;
}

static mn_status check_kind(const wire_network_create *r, const struct network_driver **ret, mn_err *err) {
        const char *driver = mn_str_is_empty(r->driver) ? "bridge" : r->driver;
        if (r->is_ingress || mn_str_equal(driver, "overlay") || mn_str_equal(r->scope, "swarm") ||
            mn_str_equal(r->scope, "global"))
                return mn_fail(err, MN_FORBIDDEN, SWARM_NEEDED);
        if (r->is_config_only || (r->config_from && !mn_str_is_empty(r->config_from->network)))
                return mn_fail(err, MN_NOT_IMPLEMENTED, "config-only networks are not supported");
        *ret = network_driver_find(driver);
        if (!*ret)
                return mn_fail(err, MN_NOT_FOUND, "plugin \"%s\" not found", driver);
        if ((*ret)->is_single)
                return mn_fail(err, MN_FORBIDDEN, "only one instance of \"%s\" network is allowed", driver);
        const char *ipam = r->ipam ? r->ipam->driver : NULL;
        if (!mn_str_is_empty(ipam) && !mn_str_equal(ipam, "default"))
                return mn_fail(err, MN_NOT_FOUND, "plugin \"%s\" not found", ipam);
        if (r->enable_ipv4 && !*r->enable_ipv4 && !(r->enable_ipv6 && *r->enable_ipv6))
                return mn_fail(err, MN_INVALID, "IPv4 or IPv6 must be enabled");
        return MN_OK;
}

/* ---- making ---- */

void network_fill_document(struct network *n, const wire_network_create *r) {
        char id[MN_ID_SIZE];
        wire_network *d = &n->doc;
        mn_id_generate(id);
        d->id = mn_arena_strdup(n->arena, id);
        d->name = mn_arena_strdup(n->arena, r->name);
        d->created_ns = mn_now_ns();
        d->scope = mn_arena_strdup(n->arena, "local");
        d->driver = mn_arena_strdup(n->arena, n->driver->name);
        d->has_ipv4 = !r->enable_ipv4 || *r->enable_ipv4;
        d->has_ipv6 = r->enable_ipv6 && *r->enable_ipv6;
        d->is_internal = r->is_internal;
        d->is_attachable = r->is_attachable;
        d->ipam.driver = mn_arena_strdup(n->arena, "default");
        if (r->ipam)
                mn_json_copy(&mn_type_str_map, &r->ipam->options, n->arena, &d->ipam.options);
        mn_json_copy(&mn_type_str_map, &r->options, n->arena, &d->options);
        mn_json_copy(&mn_type_str_map, &r->labels, n->arena, &d->labels);
}

/* Two of our networks on one interface would fight over it, and one of the user's would be removed with the
 * network.
 */
static mn_status check_interface(network_manager *m, const struct network *n, mn_err *err) {
        size_t pos = 0;
        void *value;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        while (mn_map_next(m->networks, &pos, NULL, &value)) {
                const struct network *other = value;
                if (other->bridge.name[0] && strcmp(other->bridge.name, n->bridge.name) == 0)
                        return mn_fail(err, MN_FORBIDDEN,
                                       "cannot create network %.12s (%s): conflicts with network %.12s (%s): "
                                       "networks have "
                                       "same bridge name",
                                       n->doc.id, n->bridge.name, other->doc.id, other->bridge.name);
        }
        if (rtnl >= 0 && mn_link_index(rtnl, n->bridge.name) > 0)
                return mn_fail(err, MN_FORBIDDEN, "interface %s is there already and not a network's",
                               n->bridge.name);
        return MN_OK;
}

static mn_status prepare(network_manager *m, const wire_network_create *r, struct network **ret,
                         mn_err *err) {
        const struct network_driver *driver = NULL;
        mn_status st = check_name(m, r->name, err);
        if (!st)
                st = check_kind(r, &driver, err);
        if (st)
                return st;
        struct network *n = network_new();
        n->driver = driver;
        network_fill_document(n, r);
        wire_ipam wishes = { 0 };
        if (r->ipam)
                mn_json_copy(&wire_ipam_type, r->ipam, n->arena, &wishes);
        st = driver->configure(m, n, err);
        if (!st)
                st = check_interface(m, n, err);
        if (!st)
                st = network_assign_subnets(m, n, &wishes, err);
        if (st)
                network_free(n);
        else
                *ret = n;
        return st;
}

/* Stored first: what a crash leaves in the kernel then has an owner. */
static mn_status establish(network_manager *m, struct network *n, mn_err *err) {
        mn_status st = network_store_save(m, n, err);
        if (st)
                return st;
        if (n->driver->create)
                st = n->driver->create(m, n, err);
        if (!st) {
                network_lock(m);
                mn_map_set(m->networks, n->doc.id, n);
                network_unlock(m);
                st = network_firewall_rebuild(m, err);
        }
        if (!st)
                return MN_OK;
        network_lock(m);
        (void) mn_map_take(m->networks, n->doc.id);
        network_unlock(m);
        cleanup_err mn_err ignored = { 0 };
        if (n->driver->remove)
                n->driver->remove(m, n);
        if (network_store_delete(m, n, &ignored))
                mn_log(MN_LOG_ERROR, "a failed network stays stored", " network=%s error=\"%s\"", n->doc.name,
                       mn_err_text(&ignored));
        return st;
}

mn_status network_create(network_manager *m, const wire_network_create *request, mn_arena *arena,
                         char **ret_id, char **ret_warning, mn_err *err) {
        struct network *n = NULL;
        pthread_mutex_lock(&m->create_lock);
        mn_status st = prepare(m, request, &n, err);
        if (!st) {
                st = establish(m, n, err);
                if (st) {
                        network_free(n);
                } else {
                        *ret_id = mn_arena_strdup(arena, n->doc.id);
                        *ret_warning = NULL;
                        network_notify(m, "create", n, NULL);
                }
        }
        pthread_mutex_unlock(&m->create_lock);
        return st;
}

/* ---- removing ---- */

/* Marks it, so that nobody joins; fails when somebody has. */
static mn_status begin_removal(network_manager *m, const char *name_or_id, struct network **ret,
                               mn_err *err) {
        struct network *n;
        mn_status st = network_find(m, name_or_id, &n, err);
        if (st)
                return st;
        if (network_is_fixed(n))
                return mn_fail(err, MN_FORBIDDEN, "%s is a pre-defined network and cannot be removed",
                               n->doc.name);
        if (n->endpoints.len) {
                cleanup_str mn_str names = MN_STR_INIT(1024);
                for (size_t i = 0; i < n->endpoints.len; i++)
                        mn_str_printf(&names, "%sname:\"%s\" id:\"%.12s\"", i ? ", " : "",
                                      n->endpoints.items[i]->sandbox->name, n->endpoints.items[i]->id);
                return mn_fail(err, MN_FORBIDDEN,
                               "error while removing network: network %s id %s has active endpoints (%s)",
                               n->doc.name, n->doc.id, mn_str_text(&names));
        }
        n->is_removing = true;
        *ret = n;
        return MN_OK;
}

/* The document goes last: what a crash leaves in the kernel still has an owner, and is made whole again. */
static mn_status finish_removal(network_manager *m, struct network *n, mn_err *err) {
        if (n->driver->remove)
                n->driver->remove(m, n);
        mn_status st = network_store_delete(m, n, err);
        if (st) {
                cleanup_err mn_err ignored = { 0 };
                if (n->driver->create && n->driver->create(m, n, &ignored))
                        mn_log(MN_LOG_ERROR, "a network that stays has no bridge", " network=%s error=\"%s\"",
                               n->doc.name, mn_err_text(&ignored));
                network_lock(m);
                n->is_removing = false;
                network_unlock(m);
                return st;
        }
        cleanup_err mn_err ignored = { 0 };
        if (network_firewall_rebuild(m, &ignored))
                mn_log(MN_LOG_WARN, "packet filter", " error=\"%s\"", mn_err_text(&ignored));
        network_notify(m, "destroy", n, NULL);
        network_lock(m);
        (void) mn_map_take(m->networks, n->doc.id);
        network_unlock(m);
        network_free(n);
        return MN_OK;
}

mn_status network_remove(network_manager *m, const char *name_or_id, mn_err *err) {
        struct network *n = NULL;
        pthread_mutex_lock(&m->create_lock);
        network_lock(m);
        mn_status st = begin_removal(m, name_or_id, &n, err);
        network_unlock(m);
        if (!st)
                st = finish_removal(m, n, err);
        pthread_mutex_unlock(&m->create_lock);
        return st;
}
