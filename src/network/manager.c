/* SPDX-License-Identifier: Apache-2.0 */
/* The manager: opening, starting, closing, and finding what it holds. */

#include "network/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "network/firewall.h"
#include "network/prepared.h"
#include "network/thread.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/netns.h"

void network_lock(network_manager *m) {
        pthread_mutex_lock(&m->lock);
}

void network_unlock(network_manager *m) {
        pthread_mutex_unlock(&m->lock);
}

/* ---- networks in memory ---- */

struct network *network_new(void) {
        mn_arena *arena = mn_arena_new();
        struct network *n = mn_arena_alloc(arena, sizeof(*n));
        n->arena = arena;
        return n;
}

void network_free(struct network *n) {
        if (!n)
                return;
        for (size_t i = 0; i < n->pools.len; i++)
                network_subnet_release(&n->pools.items[i]);
        mn_vec_release(&n->pools);
        mn_vec_release(&n->endpoints);
        mn_arena_free(n->arena);
}

bool network_is_fixed(const struct network *n) {
        return n->driver->is_single || network_is_default_bridge(n);
}

bool network_is_default_bridge(const struct network *n) {
        return n->driver == &network_bridge_driver && mn_str_equal(n->doc.name, "bridge");
}

bool network_is_user_defined(const struct network *n) {
        return !network_is_fixed(n);
}

network_subnet *network_pool_of(const struct network *n, uint8_t family) {
        for (size_t i = 0; i < n->pools.len; i++)
                if (n->pools.items[i].subnet.family == family)
                        return &n->pools.items[i];
        return NULL;
}

struct network *network_find_by_name(network_manager *m, const char *name) {
        size_t pos = 0;
        void *value;
        while (mn_map_next(m->networks, &pos, NULL, &value))
                if (mn_str_equal(((struct network *) value)->doc.name, name))
                        return value;
        return NULL;
}

mn_status network_find(network_manager *m, const char *name_or_id, struct network **ret, mn_err *err) {
        if (mn_str_is_empty(name_or_id))
                return mn_fail(err, MN_INVALID, "invalid network name or ID supplied");
        struct network *n = mn_map_get(m->networks, name_or_id);
        if (!n)
                n = network_find_by_name(m, mn_str_equal(name_or_id, "default") ? "bridge" : name_or_id);
        size_t pos = 0, matches = 0;
        void *value;
        while (!n && mn_map_next(m->networks, &pos, NULL, &value)) {
                if (!mn_str_has_prefix(((struct network *) value)->doc.id, name_or_id))
                        continue;
                *ret = value;
                matches++;
        }
        if (matches > 1)
                return mn_fail(err, MN_INVALID,
                               "network %s is ambiguous (%zu matches found based on ID prefix)", name_or_id,
                               matches);
        if (n)
                *ret = n;
        return n || matches ? MN_OK : mn_fail(err, MN_NOT_FOUND, "network %s not found", name_or_id);
}

struct sandbox *network_find_sandbox(network_manager *m, const char *container_id) {
        return mn_map_get(m->sandboxes, container_id);
}

void network_notify(network_manager *m, const char *action, const struct network *n,
                    const char *container_id) {
        if (!m->options.on_event)
                return;
        network_event event = { .action = action,
                                .network_id = n->doc.id,
                                .network_name = n->doc.name,
                                .driver = n->doc.driver,
                                .container_id = container_id };
        m->options.on_event(m->options.on_event_arg, &event);
}

/* ---- opening ---- */

static mn_status check_options(network_manager *m, mn_err *err) {
        const network_options *o = &m->options;
        const char *instance = mn_str_is_empty(o->instance) ? "minato" : o->instance;
        mn_net_address a;
        if (strlen(instance) > 12 ||
            strspn(instance, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(instance))
                return mn_fail(err, MN_INVALID, "invalid instance name %s", instance);
        memcpy(m->instance, instance, strlen(instance) + 1);
        if (o->bip && network_cidr_parse(o->bip, &a) < 0)
                return mn_fail(err, MN_INVALID, "invalid bip %s: an address with a prefix length is expected",
                               o->bip);
        if (o->fixed_cidr && network_cidr_parse(o->fixed_cidr, &a) < 0)
                return mn_fail(err, MN_INVALID, "invalid fixed-cidr %s", o->fixed_cidr);
        if (o->default_ip && network_address_parse(o->default_ip, &a) < 0)
                return mn_fail(err, MN_INVALID, "invalid default ip %s", o->default_ip);
        for (size_t i = 0; i < o->npools; i++)
                if (network_cidr_parse(o->pools[i].base, &a) < 0 || o->pools[i].size < a.prefix_len ||
                    o->pools[i].size > (int32_t) network_address_bits(&a))
                        return mn_fail(err, MN_INVALID, "invalid default address pool %s, size %d",
                                       o->pools[i].base, o->pools[i].size);
        if (o->bridge && o->bip && strcmp(o->bridge, "none") != 0)
                return mn_fail(
                        err, MN_INVALID,
                        "you specified -b & --bip, mutually exclusive options. Please specify only one");
        return MN_OK;
}

static mn_status open_files(network_manager *m, mn_err *err) {
        cleanup_free char *path = mn_asprintf("%s/network", m->options.exec_root);
        m->home_netns_fd = mn_netns_self();
        if (m->home_netns_fd < 0)
                return mn_fail_errno(err, m->home_netns_fd, "network namespace of the daemon");
        int r = mn_mkdir_p(path, 0700);
        m->records_fd = r < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (m->records_fd < 0)
                return mn_fail_errno(err, r < 0 ? r : -errno, "%s", path);
        return MN_OK;
}

/* Switches a kernel parameter on; true when it was off. */
static bool switch_on(const char *path) {
        cleanup_free char *value = NULL;
        size_t len;
        if (mn_file_read(AT_FDCWD, path, 16, &value, &len) < 0 || value[0] != '0')
                return false;
        int r = mn_file_put(AT_FDCWD, path, "1");
        if (r < 0)
                mn_log(MN_LOG_WARN, "cannot switch on forwarding", " path=%s error=\"%s\"", path,
                       mn_strerror(r));
        return r >= 0;
}

/* Containers need a host that forwards. When it was us who switched that on, only containers get it; a mark
   in the exec root says so to the next daemon, for as long as the switch itself lasts. */
void network_enable_forwarding(network_manager *m, uint8_t family) {
        if (m->options.no_ip_forward)
                return;
        if (switch_on(family == AF_INET ? "/proc/sys/net/ipv4/ip_forward"
                                        : "/proc/sys/net/ipv6/conf/all/forwarding"))
                (void) mn_file_replace(m->records_fd, "forwarding", "", 0, 0600);
        m->has_enabled_forwarding = faccessat(m->records_fd, "forwarding", F_OK, 0) == 0;
}

static mn_status make_bridges(network_manager *m, mn_err *err) {
        size_t pos = 0;
        void *value;
        while (mn_map_next(m->networks, &pos, NULL, &value)) {
                struct network *n = value;
                cleanup_err mn_err problem = { 0 };
                mn_status st = n->driver->create ? n->driver->create(m, n, &problem) : MN_OK;
                if (!st)
                        continue;
                if (network_is_default_bridge(n))
                        return mn_fail(err, st, "%s", mn_err_text(&problem));
                mn_log(MN_LOG_ERROR, "a network cannot be set up", " network=%s error=\"%s\"", n->doc.name,
                       mn_err_text(&problem));
        }
        return MN_OK;
}

mn_status network_open(const network_options *options, network_manager **ret, mn_err *err) {
        network_manager *m = mn_alloc(sizeof(*m));
        m->options = *options;
        m->home_netns_fd = m->records_fd = m->firewall_fd = -1;
        pthread_mutex_init(&m->lock, NULL);
        pthread_mutex_init(&m->create_lock, NULL);
        pthread_mutex_init(&m->firewall_lock, NULL);
        m->networks = mn_map_new(NULL);
        m->sandboxes = mn_map_new(NULL);
        mn_status st = check_options(m, err);
        if (!st)
                st = open_files(m, err);
        if (!st)
                st = network_store_load(m, err);
        if (!st)
                st = network_make_fixed(m, err);
        if (!st) {
                network_enable_forwarding(m, AF_INET);
                st = make_bridges(m, err);
        }
        if (st)
                network_close(m);
        else
                *ret = m;
        return st;
}

static void serve_all_dns(network_manager *m) {
        size_t pos = 0;
        void *value;
        while (mn_map_next(m->sandboxes, &pos, NULL, &value)) {
                cleanup_err mn_err err = { 0 };
                if (network_sandbox_serve_dns(m, value, &err))
                        mn_log(MN_LOG_WARN, "a container has no name server", " error=\"%s\"",
                               mn_err_text(&err));
        }
}

mn_status network_start(network_manager *m, mn_err *err) {
        mn_status st = network_firewall_rebuild(m, err);
        if (!st)
                st = network_thread_start(m, err);
        if (st)
                return st;
        serve_all_dns(m);
        network_records_prune(m);
        return MN_OK;
}

void network_close(network_manager *m) {
        if (!m)
                return;
        network_thread_stop(m->thread);
        network_prepared_release(m);
        size_t pos = 0;
        void *value;
        while (m->sandboxes && mn_map_next(m->sandboxes, &pos, NULL, &value))
                network_sandbox_free(value);
        pos = 0;
        while (m->networks && mn_map_next(m->networks, &pos, NULL, &value))
                network_free(value);
        mn_map_free(m->sandboxes);
        mn_map_free(m->networks);
        mn_close(m->home_netns_fd);
        mn_close(m->records_fd);
        mn_close(m->firewall_fd);
        pthread_mutex_destroy(&m->lock);
        pthread_mutex_destroy(&m->create_lock);
        pthread_mutex_destroy(&m->firewall_lock);
        mn_freep(&m);
}
