/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Documents about the daemon itself: GET /info, GET /version, POST /auth, and the two small ones every
 * operation may answer with. Field names in snake case are those of the API in camel case. */

#include <stdbool.h>
#include <stdint.h>

#include "codec/json.h"

/* What every failed operation answers: {"message": "..."}. */
typedef struct wire_error {
        char *message;
} wire_error;
extern const mn_type wire_error_type;

/* {"Id": "..."}: commit, exec create. */
typedef struct wire_id {
        char *id;
} wire_id;
extern const mn_type wire_id_type;

/* ---- GET /version ---- */

typedef struct wire_component {
        char *name, *version;
        mn_str_map details;
} wire_component;

typedef struct wire_platform_name {
        char *name;
} wire_platform_name;

typedef struct wire_version {
        wire_platform_name platform;
        MN_LIST(wire_component) components;
        char *version, *api_version, *min_api_version;
        char *git_commit, *go_version, *os, *arch, *kernel_version, *build_time;
        bool experimental;
} wire_version;
extern const mn_type wire_version_type;

/* ---- GET /info ---- */

typedef struct wire_plugins_info {
        char **volume, **network, **authorization, **log;
} wire_plugins_info;

typedef struct wire_index_info {
        char *name;
        char **mirrors;
        bool secure, official;
} wire_index_info;

typedef struct wire_registry_config {
        char **insecure_registry_cidrs;
        MN_KEYED(wire_index_info) index_configs;
        char **mirrors;
} wire_registry_config;

typedef struct wire_runtime {
        char *path;
        char **runtime_args;
} wire_runtime;

typedef struct wire_commit {
        char *id;
} wire_commit;

typedef struct wire_swarm_info {
        char *node_id, *node_addr, *local_node_state, *error;
        bool control_available;
        const mn_json *remote_managers; /* always null: no swarm */
} wire_swarm_info;

typedef struct wire_address_pool {
        char *base;
        int64_t size;
} wire_address_pool;

typedef struct wire_firewall_info {
        char *driver;
} wire_firewall_info;

typedef struct wire_info {
        char *id;
        int64_t containers, containers_running, containers_paused, containers_stopped, images;
        char *driver;
        MN_LIST(char **) driver_status; /* pairs */
        char *docker_root_dir;
        wire_plugins_info plugins;
        bool memory_limit, swap_limit, cpu_cfs_period, cpu_cfs_quota, cpu_shares, cpu_set, pids_limit,
                oom_kill_disable;
        bool ipv4_forwarding, bridge_nf_iptables, bridge_nf_ip6tables, debug;
        int64_t nfd, ngoroutines;
        int64_t system_time;
        char *logging_driver, *cgroup_driver, *cgroup_version;
        int64_t nevents_listener;
        char *kernel_version, *operating_system, *os_version, *os_type, *architecture;
        char *index_server_address;
        wire_registry_config registry_config;
        int64_t ncpu, mem_total;
        const mn_json *generic_resources; /* always null: no swarm */
        char *http_proxy, *https_proxy, *no_proxy;
        char *name;
        char **labels;
        bool experimental_build;
        char *server_version;
        MN_KEYED(wire_runtime) runtimes;
        char *default_runtime;
        wire_swarm_info swarm;
        bool live_restore_enabled;
        char *isolation, *init_binary;
        wire_commit containerd_commit, runc_commit, init_commit;
        char **security_options;
        char *product_license;
        MN_LIST(wire_address_pool) default_address_pools;
        wire_firewall_info *firewall_backend;
        char **cdi_spec_dirs;
        char **warnings;
} wire_info;
extern const mn_type wire_info_type;
extern const mn_type wire_registry_config_type;

/* ---- POST /auth ---- */

typedef struct wire_auth_config {
        char *username, *password, *auth, *email, *serveraddress, *identitytoken, *registrytoken;
} wire_auth_config;
extern const mn_type wire_auth_config_type;

typedef struct wire_auth_response {
        char *status, *identity_token;
} wire_auth_response;
extern const mn_type wire_auth_response_type;
