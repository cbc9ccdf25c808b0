/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon says about itself. */
#include <string.h>

#include "api/handlers.h"
#include "api/host.h"
#include "base/strv.h"
#include "base/time.h"
#include "container/container.h"
#include "image/image.h"
#include "wire/system.h"

mn_status api_ping(api_call *c, mn_err *err) {
        (void) err;
        http_reply_header(c->request, "Builder-Version", "1");
        http_reply_header(c->request, "Swarm", "inactive");
        http_reply_header(c->request, "Cache-Control", "no-cache, no-store, must-revalidate");
        http_reply_header(c->request, "Pragma", "no-cache");
        http_reply(c->request, 200, "text/plain; charset=utf-8", "OK", 2);
        return MN_OK;
}

static char *version_text(mn_arena *arena, unsigned version) {
        return mn_arena_printf(arena, "%u.%u", version / 100, version % 100);
}

static void add_details(wire_component *component, mn_arena *arena, const wire_version *v) {
        mn_str_map *details = &component->details;
        mn_str_map_set(details, arena, "ApiVersion", v->api_version);
        mn_str_map_set(details, arena, "MinAPIVersion", v->min_api_version);
        mn_str_map_set(details, arena, "Os", v->os);
        mn_str_map_set(details, arena, "Arch", v->arch);
        mn_str_map_set(details, arena, "KernelVersion", v->kernel_version);
        mn_str_map_set(details, arena, "GitCommit", v->git_commit);
        mn_str_map_set(details, arena, "GoVersion", v->go_version);
        mn_str_map_set(details, arena, "BuildTime", v->build_time);
        mn_str_map_set(details, arena, "Experimental", "false");
}

mn_status api_get_version(api_call *c, mn_err *err) {
        host_facts host;
        char built[] = MINATO_VERSION;
        (void) err;
        host_facts_read(c->arena, &host);
        wire_component component = { .name = (char *) "Engine", .version = built };
        wire_version v = {
                .platform.name = (char *) "Minato Engine",
                .version = built,
                .api_version = version_text(c->arena, API_VERSION),
                .min_api_version = version_text(c->arena, API_MIN_VERSION),
                .git_commit = (char *) "unknown",
                .go_version = (char *) "none (C)",
                .os = (char *) "linux",
                .arch = (char *) host_go_arch(),
                .kernel_version = host.kernel_version,
                .build_time = (char *) "",
        };
        add_details(&component, c->arena, &v);
        v.components.items = &component;
        v.components.len = 1;
        return api_reply(c, &v);
}

/* ---- info ---- */

static void fill_host(wire_info *info, const host_facts *host) {
        info->kernel_version = host->kernel_version;
        info->operating_system = host->operating_system;
        info->os_version = host->os_version;
        info->os_type = (char *) "linux";
        info->architecture = host->architecture;
        info->name = host->name;
        info->ncpu = host->ncpu;
        info->mem_total = host->mem_total;
        info->cgroup_version = (char *) (host->is_cgroup_v2 ? "2" : "1");
        info->memory_limit = host->has_memory;
        info->swap_limit = host->has_swap;
        info->cpu_cfs_period = info->cpu_cfs_quota = info->cpu_shares = host->has_cpu;
        info->cpu_set = host->has_cpuset;
        info->pids_limit = host->has_pids;
        info->ipv4_forwarding = host->forwards_ipv4;
}

static void fill_runtimes(wire_info *info, mn_arena *arena, const api_facts *facts) {
        size_t n = mn_strv_len(facts->runtime_names);
        info->runtimes.items = mn_arena_array(arena, n, sizeof(*info->runtimes.items));
        info->runtimes.len = n;
        for (size_t i = 0; i < n; i++) {
                info->runtimes.items[i].key = facts->runtime_names[i];
                info->runtimes.items[i].value.path = facts->runtime_paths[i];
        }
        info->default_runtime = (char *) facts->default_runtime;
}

static void fill_pools(wire_info *info, mn_arena *arena, const api_facts *facts) {
        size_t n = mn_strv_len(facts->address_pool_bases);
        info->default_address_pools.items = mn_arena_array(arena, n, sizeof(wire_address_pool));
        info->default_address_pools.len = n;
        for (size_t i = 0; i < n; i++)
                info->default_address_pools.items[i] = (wire_address_pool){
                        .base = facts->address_pool_bases[i],
                        .size = facts->address_pool_sizes[i],
                };
}

static void fill_facts(wire_info *info, mn_arena *arena, const api_facts *facts) {
        static char *no_text[] = { NULL };
        info->id = (char *) facts->id;
        info->cgroup_driver = (char *) (facts->uses_systemd_cgroup ? "systemd" : "cgroupfs");
        info->driver = (char *) facts->storage_driver;
        info->docker_root_dir = (char *) facts->data_root;
        info->debug = facts->is_debug;
        info->logging_driver = (char *) facts->log_driver;
        info->labels = facts->labels ? (char **) facts->labels : no_text;
        info->server_version = (char *) MINATO_VERSION;
        info->live_restore_enabled = facts->is_live_restore;
        info->init_binary = (char *) facts->init_path;
        info->http_proxy = (char *) facts->http_proxy;
        info->https_proxy = (char *) facts->https_proxy;
        info->no_proxy = (char *) facts->no_proxy;
        info->warnings = (char **) facts->warnings;
        fill_runtimes(info, arena, facts);
        fill_pools(info, arena, facts);
}

static void fill_constants(wire_info *info) {
        static char *volume_drivers[] = { (char *) "local", NULL };
        static char *network_drivers[] = { (char *) "bridge", (char *) "host", (char *) "null", NULL };
        static char *log_drivers[] = { (char *) "json-file", (char *) "local", (char *) "none", NULL };
        static wire_firewall_info firewall = { .driver = (char *) "nftables" };
        info->plugins = (wire_plugins_info){ .volume = volume_drivers,
                                             .network = network_drivers,
                                             .log = log_drivers };
        info->index_server_address = (char *) "https://index.docker.io/v1/";
        info->swarm.local_node_state = (char *) "inactive";
        info->isolation = (char *) "";
        info->runc_commit.id = info->init_commit.id = (char *) MINATO_VERSION;
        info->containerd_commit.id = (char *) "";
        info->firewall_backend = &firewall;
}

static void fill_security(wire_info *info, mn_arena *arena, const host_facts *host) {
        char **options = mn_arena_array(arena, 4, sizeof(*options));
        size_t n = 0;
        if (container_has_apparmor())
                options[n++] = (char *) "name=apparmor";
        options[n++] = (char *) "name=seccomp,profile=builtin";
        if (host->is_cgroup_v2)
                options[n++] = (char *) "name=cgroupns";
        info->security_options = options;
}

static void fill_counts(wire_info *info, const api_engine *engine) {
        container_counts counts;
        container_count(engine->containers, &counts);
        info->containers = (int64_t) counts.total;
        info->containers_running = (int64_t) counts.running;
        info->containers_paused = (int64_t) counts.paused;
        info->containers_stopped = (int64_t) counts.stopped;
        info->images = (int64_t) image_count(engine->images);
}

/* The registry client describes itself as a document. */
static void fill_registry(wire_info *info, mn_arena *arena, const api_engine *engine) {
        cleanup_str mn_str json = { 0 };
        image_registry_info(engine->registry, &json);
        mn_status s = mn_json_decode_text(&wire_registry_config_type, mn_str_text(&json), json.len, NULL,
                                          arena, MN_UNKNOWN_IGNORE, &info->registry_config, NULL);
        (void) s; /* our own text; an empty member is shown when it cannot be read */
}

static void fill_storage(wire_info *info, mn_arena *arena, const api_engine *engine) {
        const char *const rows[][2] = { { "Layers read from", image_store_backing(engine->images) },
                                        { "Layer mounts", image_store_place(engine->images) } };
        info->driver_status.len = MN_ARRAY_LEN(rows);
        info->driver_status.items = mn_arena_array(arena, MN_ARRAY_LEN(rows), sizeof(char **));
        for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
                info->driver_status.items[i] = mn_arena_array(arena, 3, sizeof(char *));
                for (size_t k = 0; k < 2; k++)
                        info->driver_status.items[i][k] = mn_arena_strdup(arena, rows[i][k]);
        }
}

mn_status api_get_info(api_call *c, mn_err *err) {
        host_facts host;
        wire_info info = { 0 };
        (void) err;
        host_facts_read(c->arena, &host);
        fill_host(&info, &host);
        fill_facts(&info, c->arena, c->engine->facts);
        fill_storage(&info, c->arena, c->engine);
        fill_constants(&info);
        fill_counts(&info, c->engine);
        fill_registry(&info, c->arena, c->engine);
        fill_security(&info, c->arena, &host);
        info.system_time = mn_now_ns();
        info.nfd = host_count_fds();
        info.ngoroutines = host_count_threads();
        return api_reply(c, &info);
}
