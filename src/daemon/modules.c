/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/modules.h"

#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/size.h"
#include "daemon/notices.h"
#include "daemon/programs.h"
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

/* One entry per mirror, in the order given: "https://mirror" is docker.io's, "quay.io=https://mirror" another
   registry's. */
static size_t read_mirrors(char *const *list, mn_arena *arena, image_registry_mirrors **ret) {
        size_t n = mn_strv_len(list);
        *ret = mn_arena_array(arena, n + 1, sizeof(**ret));
        for (size_t i = 0; i < n; i++) {
                const char *equals = strchr(list[i], '=');
                bool has_registry = equals && memchr(list[i], '/', (size_t) (equals - list[i])) == NULL;
                char **urls = mn_arena_array(arena, 2, sizeof(*urls));
                urls[0] = mn_arena_strdup(arena, has_registry ? equals + 1 : list[i]);
                (*ret)[i].urls = urls;
                (*ret)[i].registry = has_registry
                                             ? mn_arena_strndup(arena, list[i], (size_t) (equals - list[i]))
                                             : MN_REFERENCE_DEFAULT_DOMAIN;
        }
        return n;
}

/* What the configuration says of registries; strings live in the engine's arena. */
static image_registry_config registry_config_of(struct engine *e) {
        const daemon_config *c = e->config;
        image_registry_mirrors *mirrors;
        size_t nmirrors = read_mirrors(c->registry_mirrors, e->arena, &mirrors);
        return (image_registry_config){
                .tmp_dir = mn_arena_printf(e->arena, "%s/tmp", c->data_root),
                .insecure_registries = c->insecure_registries,
                .mirrors = mirrors,
                .nmirrors = nmirrors,
                .token_realms = c->token_realms,
                .policy_file = c->verification_policy,
                .http_proxy = c->http_proxy,
                .https_proxy = c->https_proxy,
                .no_proxy = c->no_proxy,
                .max_downloads = (int) c->max_concurrent_downloads,
                .max_uploads = (int) c->max_concurrent_uploads,
                .max_attempts = (int) c->max_download_attempts,
        };
}

static mn_status open_registry(struct engine *e, mn_err *err) {
        image_registry_config config = registry_config_of(e);
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
                                      .driver = driver,
                                      .driver_options = e->config->storage_opts,
                                      .keeps_compressed = e->config->keeps_compressed_layers,
                                      .unpack_path = program_path(e->arena, "minato-unpack"),
                                      .decompress_path = program_path(e->arena, "minato-decompress") };
        mn_status s = image_store_open(&config, &e->images, err);
        if (s == MN_OK)
                e->facts->storage_driver = image_store_driver(e->images);
        return s;
}

/* ---- containers ---- */

/* runc's option for the systemd driver, which every runtime of its command line takes. */
static char **runtime_args(struct engine *e, char *const *own) {
        size_t n = mn_strv_len(own);
        char **args = mn_arena_array(e->arena, n + 2, sizeof(*args));
        for (size_t i = 0; i < n; i++)
                args[i] = own[i];
        if (e->config->uses_systemd_cgroup)
                args[n] = (char *) "--systemd-cgroup";
        return args;
}

static const container_runtime *list_runtimes(struct engine *e) {
        const daemon_config *c = e->config;
        container_runtime *list = mn_arena_array(e->arena, c->runtimes.len + 1, sizeof(*list));
        list[0] = (container_runtime){ .name = "minato",
                                       .path = program_path(e->arena, "minato-runtime"),
                                       .args = runtime_args(e, NULL) };
        for (size_t i = 0; i < c->runtimes.len; i++)
                list[i + 1] = (container_runtime){
                        .name = c->runtimes.items[i].name,
                        .path = c->runtimes.items[i].path,
                        .args = runtime_args(e, c->runtimes.items[i].args),
                        .is_foreign = true,
                };
        return list;
}

static const wire_ulimit *list_ulimits(struct engine *e) {
        const daemon_config *c = e->config;
        wire_ulimit *list = mn_arena_array(e->arena, c->default_ulimits.len, sizeof(*list));
        for (size_t i = 0; i < c->default_ulimits.len; i++)
                list[i] = (wire_ulimit){
                        .name = c->default_ulimits.items[i].name,
                        .soft = c->default_ulimits.items[i].soft,
                        .hard = c->default_ulimits.items[i].hard,
                };
        return list;
}

static mn_status open_containers(struct engine *e, mn_err *err) {
        const daemon_config *c = e->config;
        int64_t shm_size_bytes = 0;
        mn_status s = c->default_shm_size ? mn_size_parse(c->default_shm_size, &shm_size_bytes, err) : MN_OK;
        if (s != MN_OK)
                return mn_err_prefix(err, s, "default-shm-size");
        container_engine_options options = {
                .store = e->store,
                .images = e->images,
                .networks = e->networks,
                .volumes = e->volumes,
                .events = e->events,
                .loop = e->loop,
                .data_root = c->data_root,
                .exec_root = c->exec_root,
                .shim_path = program_path(e->arena, "minato-shim"),
                .init_path = c->init_path ? c->init_path : program_path(e->arena, "minato-init"),
                .runtimes = list_runtimes(e),
                .nruntimes = c->runtimes.len + 1,
                .default_runtime = c->default_runtime,
                .log_driver = c->log_driver,
                .log_options = c->log_opts,
                .cgroup_parent = c->cgroup_parent,
                .uses_systemd_cgroup = c->uses_systemd_cgroup,
                .cgroupns_mode = c->default_cgroupns_mode,
                .ipc_mode = c->default_ipc_mode,
                .seccomp_profile = c->seccomp_profile,
                .shm_size_bytes = shm_size_bytes,
                .ulimits = list_ulimits(e),
                .nulimits = c->default_ulimits.len,
                .stop_timeout_s = c->default_stop_timeout,
                .has_init = c->init,
                .has_no_new_privileges = c->no_new_privileges,
        };
        return container_engine_open(&options, &e->containers, err);
}

/* Images ask who uses them, and tell what happens to them. */
static size_t count_users(void *arg, const char *image_id, char ret_container[MN_ID_SIZE],
                          bool *ret_is_running) {
        struct engine *e = arg;
        return container_count_image_users(e->containers, image_id, ret_container, ret_is_running);
}

static char **list_users(void *arg, const char *image_id, mn_arena *arena) {
        struct engine *e = arg;
        return container_list_image_users(e->containers, image_id, arena);
}

static void on_image_event(void *arg, const char *action, const char *image_id, const char *name) {
        struct engine *e = arg;
        notice_image(e->events, action, image_id, name);
}

/* Takes over what runs, then lets the background work begin. */
static mn_status take_over(struct engine *e, mn_err *err) {
        image_hooks hooks = {
                .arg = e, .count_users = count_users, .list_users = list_users, .event = on_image_event
        };
        image_store_set_hooks(e->images, &hooks);
        mn_status s = container_engine_restore(e->containers, err);
        if (s == MN_OK)
                s = network_start(e->networks, err);
        if (s == MN_OK)
                container_engine_start(e->containers);
        return s;
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
                s = open_containers(e, err);
        if (s == MN_OK)
                s = take_over(e, err);
        if (s != MN_OK)
                return s;
        e->api = (api_engine){
                .facts = e->facts,
                .containers = e->containers,
                .images = e->images,
                .registry = e->registry,
                .networks = e->networks,
                .volumes = e->volumes,
                .events = e->events,
        };
        return MN_OK;
}

void modules_reload(struct engine *e) {
        image_registry_config config = registry_config_of(e);
        image_registry_reload(e->registry, &config);
        image_store_keep_compressed(e->images, e->config->keeps_compressed_layers);
}

void modules_stop(struct engine *e) {
        events_bus_shut_down(e->events);
        container_engine_shut_down(e->containers, !e->config->live_restore);
}

void modules_close(struct engine *e) {
        container_engine_free(e->containers);
        network_close(e->networks);
        volume_store_free(e->volumes);
        image_registry_free(e->registry);
        image_store_close(e->images);
        store_close(e->store);
        if (e->events)
                events_bus_free(e->events);
}
