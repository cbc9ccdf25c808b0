/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Containers in the API: what list, inspect, wait, top, changes, exec and prune answer. Requests are in
 * container_config.h, figures in stats.h.
 */

#include "codec/json.h"
#include "wire/container_config.h"
#include "wire/image.h"
#include "wire/network.h"

/* ---- inspect ---- */

typedef struct wire_health_result {
        int64_t start_ns;
        int64_t end_ns;
        int32_t exit_code;
        char *output;
} wire_health_result;

typedef struct wire_health {
        char *status; /* none, starting, healthy, unhealthy */
        int32_t failing_streak;
        MN_LIST(wire_health_result) log; /* the last five probes */
} wire_health;

typedef struct wire_container_state {
        char *status; /* created, running, paused, restarting, removing, exited, dead */
        bool is_running;
        bool is_paused;
        bool is_restarting;
        bool is_oom_killed;
        bool is_dead;
        int32_t pid;
        int32_t exit_code;
        char *error;
        int64_t started_at;
        int64_t finished_at;
        wire_health *health; /* NULL: no health check */
} wire_container_state;

/* One thing mounted into the container, as inspect and list show it. */
typedef struct wire_mount_point {
        char *type;
        char *name; /* of the volume */
        char *source;
        char *destination;
        char *driver;
        char *mode;
        bool is_writable;
        char *propagation;
} wire_mount_point;
typedef MN_LIST(wire_mount_point) wire_mount_point_list;

/* Addresses on the default bridge stand beside the networks for clients before v1.52. */
typedef struct wire_network_settings {
        char *bridge;
        char *sandbox_id;
        char *sandbox_key;
        wire_port_map ports;
        bool has_hairpin;
        char *link_local_ipv6_address;
        int32_t link_local_ipv6_prefix_len;
        const mn_json *secondary_ip_addresses;
        const mn_json *secondary_ipv6_addresses;
        char *endpoint_id;
        char *gateway;
        char *global_ipv6_address;
        int32_t global_ipv6_prefix_len;
        char *ip_address;
        int32_t ip_prefix_len;
        char *ipv6_gateway;
        char *mac_address;
        wire_endpoints networks;
} wire_network_settings;

typedef struct wire_graph_driver {
        mn_str_map data;
        char *name;
} wire_graph_driver;

typedef struct wire_rootfs_snapshot {
        char *name;
} wire_rootfs_snapshot;
typedef struct wire_rootfs_storage {
        wire_rootfs_snapshot *snapshot;
} wire_rootfs_storage;
typedef struct wire_storage {
        wire_rootfs_storage *rootfs;
} wire_storage;

typedef struct wire_container_inspect {
        char *id;
        int64_t created_ns;
        char *path; /* argv[0] */
        char **args;
        wire_container_state state;
        char *image; /* its id */
        char *resolv_conf_path;
        char *hostname_path;
        char *hosts_path;
        char *log_path;
        char *name; /* with the leading slash */
        int32_t restart_count;
        char *driver;
        char *platform;
        char *mount_label;
        char *process_label;
        char *apparmor_profile;
        char **exec_ids;
        wire_host_config host_config;
        wire_graph_driver graph_driver; /* until v1.51 */
        wire_storage *storage;          /* since v1.52 */
        int64_t *size_rw;               /* bytes; NULL unless asked for */
        int64_t *size_root_fs;
        wire_mount_point_list mounts;
        wire_container_config config;
        wire_network_settings network_settings;
} wire_container_inspect;

extern const mn_type wire_health_type;
extern const mn_type wire_health_ptr_type; /* wire_health * */
extern const mn_type wire_container_state_type;
extern const mn_type wire_mount_point_list_type; /* wire_mount_point_list */
extern const mn_type wire_container_inspect_type;

/* ---- list ---- */

typedef struct wire_summary_host_config {
        char *network_mode;
        mn_str_map annotations;
} wire_summary_host_config;

typedef struct wire_summary_network_settings {
        wire_endpoints networks;
} wire_summary_network_settings;

typedef struct wire_summary_health {
        char *status;
        int32_t failing_streak;
} wire_summary_health;

typedef struct wire_container_summary {
        char *id;
        char **names; /* with the leading slash */
        char *image;
        char *image_id;
        char *command;
        int64_t created; /* seconds since the epoch */
        wire_port_summary_list ports;
        int64_t size_rw; /* bytes, 0 unless asked for */
        int64_t size_root_fs;
        mn_str_map labels;
        char *state;
        char *status; /* "Up 5 minutes (healthy)" */
        wire_summary_host_config host_config;
        wire_summary_health *health; /* since v1.52 */
        wire_summary_network_settings network_settings;
        wire_mount_point_list mounts;
} wire_container_summary;
typedef MN_LIST(wire_container_summary) wire_container_summary_list;

extern const mn_type wire_container_summary_type;
extern const mn_type wire_container_summary_list_type; /* wire_container_summary_list */

/* ---- wait, top, changes, prune ---- */

typedef struct wire_container_wait_error {
        char *message;
} wire_container_wait_error;

typedef struct wire_container_wait_response {
        int64_t status_code;
        wire_container_wait_error *error;
} wire_container_wait_response;

typedef struct wire_container_top {
        char **titles;
        MN_LIST(char **) processes;
} wire_container_top;

/* Values of wire_change.kind (wire/image.h). */
typedef enum wire_change_kind {
        WIRE_CHANGE_MODIFIED,
        WIRE_CHANGE_ADDED,
        WIRE_CHANGE_DELETED
} wire_change_kind;

typedef struct wire_container_prune_report {
        char **containers_deleted;
        uint64_t space_reclaimed; /* bytes */
} wire_container_prune_report;

/* What the X-Docker-Container-Path-Stat header carries (base64 of this). */
typedef struct wire_path_stat {
        char *name;
        int64_t size;
        uint32_t mode; /* Go's os.FileMode bits */
        int64_t mtime_ns;
        char *link_target;
} wire_path_stat;

extern const mn_type wire_container_wait_response_type;
extern const mn_type wire_container_top_type;
extern const mn_type wire_container_prune_report_type;
extern const mn_type wire_path_stat_type;

/* ---- exec ---- */

/* Body of POST /containers/{id}/exec. */
typedef struct wire_exec_create {
        char *user;
        bool is_privileged;
        bool is_tty;
        MN_LIST(uint64_t) console_size; /* height, width */
        bool is_stdin_attached;
        bool is_stdout_attached;
        bool is_stderr_attached;
        bool is_detached;
        char *detach_keys;
        char **env;
        char *working_dir;
        char **cmd;
} wire_exec_create;

typedef struct wire_exec_create_response {
        char *id;
} wire_exec_create_response;

/* Body of POST /exec/{id}/start. */
typedef struct wire_exec_start {
        bool is_detached;
        bool is_tty;
        MN_LIST(uint64_t) console_size; /* height, width */
} wire_exec_start;

typedef struct wire_exec_process {
        bool is_tty;
        char *entrypoint;
        char **arguments;
        bool is_privileged;
        char *user;
} wire_exec_process;

typedef struct wire_exec_inspect {
        char *id;
        bool is_running;
        int32_t *exit_code; /* NULL until it ended */
        wire_exec_process process_config;
        bool has_open_stdin;
        bool has_open_stderr;
        bool has_open_stdout;
        bool is_removable;
        char *container_id;
        char *detach_keys;
        int32_t pid;
} wire_exec_inspect;

extern const mn_type wire_exec_create_type;
extern const mn_type wire_exec_create_response_type;
extern const mn_type wire_exec_start_type;
extern const mn_type wire_exec_inspect_type;
