/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/modules.h"

#include <string.h>

#include "base/alloc.h"
#include "daemon/notices.h"
#include "sys/file.h"

/* Daemons with different data roots may share a network namespace: each but the usual one gets names of its
 * own. */
static const char *instance_name(struct engine *e) {
        uint32_t hash = 2166136261; /* FNV-1a */
        if (strcmp(e->config->data_root, "/var/lib/minato") == 0)
                return "minato";
        for (const char *p = e->config->data_root; *p; p++)
                hash = (hash ^ (unsigned char) *p) * 16777619;
        return mn_arena_printf(e->arena, "mn%08x", hash);
}

static mn_status open_networks(struct engine *e, mn_err *err) {
        const daemon_config *c = e->config;
        network_pool *pools = mn_arena_array(e->arena, c->pools.len, sizeof(*pools));
        for (size_t i = 0; i < c->pools.len; i++)
                pools[i] = (network_pool){ .base = c->pools.items[i].base,
                                           .size = (int32_t) c->pools.items[i].size };
        network_options options = {
                .store = e->store,
                .exec_root = c->exec_root,
                .instance = instance_name(e),
                .bridge = c->bridge,
                .bip = c->bip,
                .bip6 = c->bip6,
                .fixed_cidr = c->fixed_cidr,
                .fixed_cidr_v6 = c->fixed_cidr_v6,
                .default_gateway = c->default_gateway,
                .default_gateway_v6 = c->default_gateway_v6,
                .default_ip = c->ip,
                .pools = c->pools.len ? pools : NULL,
                .npools = c->pools.len,
                .host_gateway_ip = c->host_gateway_ips ? c->host_gateway_ips[0] : NULL,
                .mtu = (int32_t) c->mtu,
                .no_icc = !c->icc,
                .no_ip_masq = !c->ip_masq,
                .no_ip_forward = !c->ip_forward,
                .no_firewall = !c->iptables,
                .no_firewall_v6 = !c->ip6tables,
                .is_ipv6 = c->ipv6,
                .dns = c->dns,
                .on_event = notice_network,
                .on_event_arg = e->events,
        };
        return network_open(&options, &e->networks, err);
}

static mn_status open_registry(struct engine *e, mn_err *err) {
        const daemon_config *c = e->config;
        image_registry_mirrors mirrors = { .registry = "docker.io", .urls = c->registry_mirrors };
        image_registry_config config = {
                .tmp_dir = mn_arena_printf(e->arena, "%s/tmp", c->data_root),
                .insecure_registries = c->insecure_registries,
                .mirrors = &mirrors,
                .nmirrors = c->registry_mirrors ? 1 : 0,
                .http_proxy = c->http_proxy,
                .https_proxy = c->https_proxy,
                .no_proxy = c->no_proxy,
                .max_downloads = (int) c->max_concurrent_downloads,
                .max_uploads = (int) c->max_concurrent_uploads,
                .max_attempts = (int) c->max_download_attempts,
        };
        int r = mn_mkdir_p(config.tmp_dir, 0700);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot make \"%s\"", config.tmp_dir);
        return image_registry_new(&config, &e->registry, err);
}

static mn_status open_images(struct engine *e, mn_err *err) {
        const char *driver = e->config->storage_driver;
        /* "overlay2" in a Docker configuration means "the usual one". */
        if (driver && (strcmp(driver, "overlay2") == 0 || strcmp(driver, "overlayfs") == 0))
                driver = NULL;
        image_store_config config = { .data_root = e->config->data_root,
                                      .store = e->store,
                                      .driver = driver };
        mn_status s = image_store_open(&config, &e->images, err);
        if (s == MN_OK)
                e->facts->storage_driver = image_store_driver(e->images);
        return s;
}

/* What images tell. */
static void on_image_event(void *arg, const char *action, const char *image_id, const char *name) {
        struct engine *e = arg;
        notice_image(e->events, action, image_id, name);
}

/* Takes over what runs, then lets the background work begin. */
static mn_status take_over(struct engine *e, mn_err *err) {
        image_hooks hooks = { .arg = e, .event = on_image_event };
        image_store_set_hooks(e->images, &hooks);
        return network_start(e->networks, err);
}

mn_status modules_open(struct engine *e, mn_err *err) {
        cleanup_free char *database = mn_asprintf("%s/state.db", e->config->data_root);
        e->events = events_bus_new();
        mn_status s = store_open(database, &e->store, err);
        if (s == MN_OK)
                s = open_images(e, err);
        if (s == MN_OK)
                s = open_registry(e, err);
        if (s == MN_OK)
                s = volume_store_open(e->store, e->config->data_root, notice_volume, e->events, &e->volumes,
                                      err);
        if (s == MN_OK)
                s = open_networks(e, err);
        if (s == MN_OK)
                s = take_over(e, err);
        if (s != MN_OK)
                return s;
        e->api = (api_engine){
                .facts = e->facts,
                .images = e->images,
                .registry = e->registry,
                .networks = e->networks,
                .volumes = e->volumes,
                .events = e->events,
        };
        return MN_OK;
}

void modules_stop(struct engine *e) {
        events_bus_shut_down(e->events);
}

void modules_close(struct engine *e) {
        network_close(e->networks);
        volume_store_free(e->volumes);
        image_registry_free(e->registry);
        image_store_close(e->images);
        store_close(e->store);
        if (e->events)
                events_bus_free(e->events);
}
