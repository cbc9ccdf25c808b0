/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing networks. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "network/firewall.h"

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

static void fill_document(struct network *n, const wire_network_create *r) {
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

/* Two of our networks on one interface would fight over it. */
static mn_status check_interface(network_manager *m, const struct network *n, mn_err *err) {
        size_t pos = 0;
        void *value;
        while (mn_map_next(m->networks, &pos, NULL, &value)) {
                const struct network *other = value;
                if (other->bridge.name[0] && strcmp(other->bridge.name, n->bridge.name) == 0)
                        return mn_fail(err, MN_FORBIDDEN,
                                       "cannot create network %.12s (%s): conflicts with network %.12s (%s): "
                                       "networks have "
                                       "same bridge name",
                                       n->doc.id, n->bridge.name, other->doc.id, other->bridge.name);
        }
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
        fill_document(n, r);
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

static mn_status finish_removal(network_manager *m, struct network *n, mn_err *err) {
        mn_status st = network_store_delete(m, n, err);
        if (st) {
                network_lock(m);
                n->is_removing = false;
                network_unlock(m);
                return st;
        }
        cleanup_err mn_err ignored = { 0 };
        if (network_firewall_rebuild(m, &ignored))
                mn_log(MN_LOG_WARN, "packet filter", " error=\"%s\"", mn_err_text(&ignored));
        if (n->driver->remove)
                n->driver->remove(m, n);
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

/* ---- the fixed networks ---- */

static void add_option(struct network *n, const char *key, const char *value) {
        mn_str_map_set(&n->doc.options, n->arena, key, value);
}

/* What the daemon's options say about the default bridge. */
static void describe_default_bridge(network_manager *m, struct network *n, wire_network_create *r,
                                    wire_ipam *ipam, wire_ipam_config configs[2]) {
        const network_options *o = &m->options;
        char mtu[16];
        mn_arena *a = n->arena;
        if (o->bip || o->fixed_cidr) {
                mn_net_address bip;
                char text[NETWORK_ADDRESS_TEXT_SIZE];
                wire_ipam_config *c = &configs[ipam->config.len++];
                if (network_cidr_parse(o->bip ? o->bip : o->fixed_cidr, &bip) >= 0) {
                        mn_net_address subnet = network_subnet_of(&bip);
                        c->subnet = mn_arena_strdup(a, network_cidr_format(&subnet, text));
                        c->gateway = o->bip ? mn_arena_strdup(a, network_address_format(&bip, text)) : NULL;
                }
                c->ip_range = o->fixed_cidr ? mn_arena_strdup(a, o->fixed_cidr) : NULL;
        }
        if (o->is_ipv6 && (o->bip6 || o->fixed_cidr_v6)) {
                mn_net_address bip;
                char text[NETWORK_ADDRESS_TEXT_SIZE];
                wire_ipam_config *c = &configs[ipam->config.len++];
                if (network_cidr_parse(o->bip6 ? o->bip6 : o->fixed_cidr_v6, &bip) >= 0) {
                        mn_net_address subnet = network_subnet_of(&bip);
                        c->subnet = mn_arena_strdup(a, network_cidr_format(&subnet, text));
                        c->gateway = o->bip6 ? mn_arena_strdup(a, network_address_format(&bip, text)) : NULL;
                }
                c->ip_range = o->fixed_cidr_v6 ? mn_arena_strdup(a, o->fixed_cidr_v6) : NULL;
        }
        ipam->config.items = configs;
        r->ipam = ipam;
        snprintf(mtu, sizeof(mtu), "%d", o->mtu ? o->mtu : 1500);
        add_option(n, "com.docker.network.bridge.default_bridge", "true");
        add_option(n, "com.docker.network.bridge.enable_icc", o->no_icc ? "false" : "true");
        add_option(n, "com.docker.network.bridge.enable_ip_masquerade", o->no_ip_masq ? "false" : "true");
        add_option(n, "com.docker.network.bridge.host_binding_ipv4",
                   o->default_ip ? o->default_ip : "0.0.0.0");
        cleanup_free char *name = o->bridge ? mn_strdup(o->bridge) : mn_asprintf("%s0", m->instance);
        add_option(n, "com.docker.network.bridge.name", name);
        add_option(n, "com.docker.network.driver.mtu", mtu);
}

/* Makes one of the three, or brings the stored one in line with the daemon's options; its id stays. */
static mn_status make_fixed(network_manager *m, const char *name, const struct network_driver *driver,
                            mn_err *err) {
        struct network *old = network_find_by_name(m, name), *n = network_new();
        bool is_bridge = driver == &network_bridge_driver, has_ipv6 = is_bridge && m->options.is_ipv6;
        wire_ipam ipam = { 0 };
        wire_ipam_config configs[2] = { 0 };
        wire_network_create request = { .name = (char *) (uintptr_t) name, .enable_ipv6 = &has_ipv6 };
        n->driver = driver;
        fill_document(n, &request);
        if (old) {
                n->doc.id = mn_arena_strdup(n->arena, old->doc.id);
                n->doc.created_ns = old->doc.created_ns;
        }
        if (is_bridge)
                describe_default_bridge(m, n, &request, &ipam, configs);
        /* A subnet found once is kept, unless the options now say otherwise. */
        if (is_bridge && old && !m->options.bip && !m->options.fixed_cidr && old->doc.has_ipv6 == has_ipv6)
                mn_json_copy(&wire_ipam_type, &old->doc.ipam, n->arena, &ipam);
        mn_status st = driver->configure(m, n, err);
        if (old) {
                (void) mn_map_take(m->networks, old->doc.id);
                network_free(old);
        }
        n->bridge.is_foreign = is_bridge && m->options.bridge;
        if (!st && is_bridge)
                st = network_assign_subnets(m, n, &ipam, err);
        if (!st)
                st = network_store_save(m, n, err);
        if (st) {
                network_free(n);
                return mn_err_prefix(err, st, "network %s", name);
        }
        mn_map_set(m->networks, n->doc.id, n);
        return MN_OK;
}

mn_status network_make_fixed(network_manager *m, mn_err *err) {
        mn_status st = make_fixed(m, "host", &network_host_driver, err);
        if (!st)
                st = make_fixed(m, "none", &network_none_driver, err);
        struct network *bridge = network_find_by_name(m, "bridge");
        if (!st && !mn_str_equal(m->options.bridge, "none"))
                return make_fixed(m, "bridge", &network_bridge_driver, err);
        if (!st && bridge) {
                (void) mn_map_take(m->networks, bridge->doc.id);
                network_free(bridge);
        }
        return st;
}
