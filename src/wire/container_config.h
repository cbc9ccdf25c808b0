/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a container is asked to be: `Config` and `HostConfig` of the API, the create and update requests. The
 * same documents are stored and shown by inspect. One struct per document; decoded ones live in an arena.
 */

#include "codec/json.h"
#include "wire/network.h"

/* ---- Config: what an image may say, too ---- */

/* A probe of the container's health. Times are nanoseconds; 0 inherits (from the image, then the default). */
typedef struct wire_health_config {
        char **test; /* {"NONE"}, {"CMD", args...} or {"CMD-SHELL", line}; NULL inherits */
        int64_t interval_ns;
        int64_t timeout_ns;
        int64_t start_period_ns;
        int64_t start_interval_ns;
        int32_t retries;
} wire_health_config;

typedef struct wire_container_config {
        char *hostname;
        char *domainname;
        char *user; /* "name|uid[:group|gid]" */
        bool is_stdin_attached;
        bool is_stdout_attached;
        bool is_stderr_attached;
        char **exposed_ports; /* set of "80/tcp" */
        bool is_tty;
        bool has_open_stdin;
        bool is_stdin_once;
        char **env;
        char **cmd;
        wire_health_config *healthcheck; /* NULL: the image's */
        bool has_escaped_args;           /* Windows only, kept as given */
        char *image;                     /* as the user wrote it */
        char **volumes;                  /* set of paths that get an anonymous volume */
        char *working_dir;
        char **entrypoint;
        bool is_network_disabled;
        char *mac_address; /* until v1.43; later in the endpoint's settings */
        char **on_build;
        mn_str_map labels;
        char *stop_signal;
        int64_t *stop_timeout; /* seconds; NULL: the daemon's default, negative: for ever */
        char **shell;
} wire_container_config;

extern const mn_type wire_health_config_type;
extern const mn_type wire_container_config_type;
extern const mn_type wire_container_config_ptr_type; /* wire_container_config * */

/* ---- HostConfig: what only this machine's user may say ---- */

typedef struct wire_log_config {
        char *type;
        mn_str_map config;
} wire_log_config;

typedef struct wire_restart_policy {
        char *name; /* "", "no", "always", "unless-stopped", "on-failure" */
        int32_t maximum_retry_count;
} wire_restart_policy;

typedef struct wire_weight_device {
        char *path;
        uint16_t weight;
} wire_weight_device;

typedef struct wire_throttle_device {
        char *path;
        uint64_t rate;
} wire_throttle_device;
typedef MN_LIST(wire_throttle_device) wire_throttle_device_list;

typedef struct wire_device_mapping {
        char *path_on_host;
        char *path_in_container;
        char *cgroup_permissions;
} wire_device_mapping;

typedef struct wire_device_request {
        char *driver;
        int32_t count;
        char **device_ids;
        MN_LIST(char **) capabilities;
        mn_str_map options;
} wire_device_request;

typedef struct wire_ulimit {
        char *name;
        int64_t hard;
        int64_t soft;
} wire_ulimit;

/* Limits and shares; the part of HostConfig that `update` can change. Zero or NULL: no limit. */
typedef struct wire_resources {
        int64_t cpu_shares;
        int64_t memory_bytes;
        int64_t nano_cpus;
        char *cgroup_parent;
        uint16_t blkio_weight;
        MN_LIST(wire_weight_device) blkio_weight_device;
        wire_throttle_device_list blkio_device_read_bps;
        wire_throttle_device_list blkio_device_write_bps;
        wire_throttle_device_list blkio_device_read_iops;
        wire_throttle_device_list blkio_device_write_iops;
        int64_t cpu_period_us;
        int64_t cpu_quota_us;
        int64_t cpu_realtime_period_us;
        int64_t cpu_realtime_runtime_us;
        char *cpuset_cpus;
        char *cpuset_mems;
        MN_LIST(wire_device_mapping) devices;
        char **device_cgroup_rules;
        MN_LIST(wire_device_request) device_requests;
        int64_t kernel_memory_bytes; /* until v1.41; the kernel has no such limit any more */
        int64_t memory_reservation_bytes;
        int64_t memory_swap_bytes; /* memory and swap together; -1: unlimited */
        int64_t *memory_swappiness;
        bool *is_oom_kill_disabled;
        int64_t *pids_limit;
        MN_LIST(wire_ulimit) ulimits;
        int64_t cpu_count; /* this and the next three: Windows only, kept as given */
        int64_t cpu_percent;
        uint64_t io_maximum_iops;
        uint64_t io_maximum_bandwidth;
} wire_resources;

typedef struct wire_bind_options {
        char *propagation;
        bool is_non_recursive;
        bool creates_mountpoint;
        bool is_read_only_non_recursive;
        bool is_read_only_force_recursive;
} wire_bind_options;

typedef struct wire_driver_config {
        char *name;
        mn_str_map options;
} wire_driver_config;

typedef struct wire_volume_options {
        bool has_no_copy;
        mn_str_map labels;
        wire_driver_config *driver_config;
        char *subpath;
} wire_volume_options;

typedef struct wire_image_options {
        char *subpath;
} wire_image_options;

typedef struct wire_tmpfs_options {
        int64_t size_bytes;
        uint32_t mode;
        MN_LIST(char **) options; /* each {"name"} or {"name", "value"} */
} wire_tmpfs_options;

/* One entry of HostConfig.Mounts (`--mount`). */
typedef struct wire_mount {
        char *type; /* bind, volume, tmpfs, image, npipe, cluster */
        char *source;
        char *target;
        bool is_read_only;
        char *consistency;
        wire_bind_options *bind_options;
        wire_volume_options *volume_options;
        wire_image_options *image_options;
        wire_tmpfs_options *tmpfs_options;
} wire_mount;

typedef struct wire_host_config {
        char **binds; /* "source:target[:options]" */
        char *container_id_file;
        wire_log_config log_config;
        char *network_mode; /* "default", "bridge", "none", "host", "container:ID" or a network's name */
        wire_port_map port_bindings;
        wire_restart_policy restart_policy;
        bool is_auto_remove;
        char *volume_driver;
        char **volumes_from;
        MN_LIST(uint64_t) console_size; /* height, width */
        mn_str_map annotations;
        char **cap_add;
        char **cap_drop;
        char *cgroupns_mode; /* "", "private", "host" */
        char **dns;
        char **dns_options;
        char **dns_search;
        char **extra_hosts; /* "name:address" */
        char **group_add;
        char *ipc_mode;
        char *cgroup; /* unused by Docker, kept as given */
        char **links;
        int32_t oom_score_adj;
        char *pid_mode;
        bool is_privileged;
        bool publishes_all_ports;
        bool is_rootfs_readonly;
        char **security_opt;
        mn_str_map storage_opt;
        mn_str_map tmpfs; /* path to mount options */
        char *uts_mode;
        char *userns_mode;
        int64_t shm_size_bytes; /* 0: 64 MiB */
        mn_str_map sysctls;
        char *runtime;
        char *isolation;
        wire_resources resources;
        MN_LIST(wire_mount) mounts;
        char **masked_paths;   /* NULL: the default list; empty: none */
        char **readonly_paths; /* likewise */
        bool *has_init;        /* NULL: the daemon's default */
} wire_host_config;

extern const mn_type wire_restart_policy_type;
extern const mn_type wire_mount_type;
extern const mn_type wire_host_config_type;
extern const mn_type wire_host_config_ptr_type; /* wire_host_config * */

/* ---- requests ---- */

/* Body of POST /containers/create. */
typedef struct wire_container_create {
        wire_container_config config;
        wire_host_config host_config;
        wire_networking_config networking_config;
} wire_container_create;

typedef struct wire_container_create_response {
        char *id;
        char **warnings;
} wire_container_create_response;

/* Body of POST /containers/{id}/update. */
typedef struct wire_container_update {
        wire_resources resources;
        wire_restart_policy restart_policy; /* name "" leaves it */
} wire_container_update;

typedef struct wire_container_update_response {
        char **warnings;
} wire_container_update_response;

extern const mn_type wire_container_create_type;
extern const mn_type wire_container_create_response_type;
extern const mn_type wire_container_update_type;
extern const mn_type wire_container_update_response_type;
