/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * config.json of the OCI runtime specification 1.3 (Linux), state.json and the process document of `exec`, as
 * structs with their JSON tables: oci_spec_type, oci_process_type, oci_state_type, oci_resources_type. The
 * engine writes config.json with them, the runtime reads it. Nullable scalars are pointers; a nil list has
 * items == NULL. Names follow the specification; values are checked by the runtime, not here.
 */

#include <stdbool.h>
#include <stdint.h>

#include "codec/json.h"

#define OCI_VERSION "1.3.0"
#define OCI_VERSION_MIN "1.0.0"

/* ---- process ---- */

typedef MN_LIST(uint32_t) oci_u32_list;

typedef struct oci_console_size {
        uint64_t height;
        uint64_t width;
} oci_console_size;

typedef struct oci_user {
        uint32_t uid;
        uint32_t gid;
        uint32_t *umask;
        oci_u32_list additional_gids;
        char *username; /* Windows; kept for round trips */
} oci_user;

/* Lists of "CAP_CHOWN" ...; NULL is an empty set. */
typedef struct oci_capabilities {
        char **bounding;
        char **effective;
        char **inheritable;
        char **permitted;
        char **ambient;
} oci_capabilities;

typedef struct oci_rlimit {
        char *type; /* "RLIMIT_NOFILE" ... */
        uint64_t hard;
        uint64_t soft;
} oci_rlimit;

typedef struct oci_scheduler {
        char *policy; /* "SCHED_OTHER" ... */
        int32_t nice;
        int32_t priority;
        char **flags;
        uint64_t runtime;
        uint64_t deadline;
        uint64_t period;
} oci_scheduler;

typedef struct oci_io_priority {
        char *klass; /* "IOPRIO_CLASS_BE" ... */
        int32_t priority;
} oci_io_priority;

typedef struct oci_cpu_affinity {
        char *initial;
        char *final;
} oci_cpu_affinity;

typedef struct oci_process {
        bool terminal;
        oci_console_size *console_size;
        oci_user user;
        char **args;
        char *command_line; /* Windows */
        char **env;
        char *cwd;
        oci_capabilities *capabilities;
        MN_LIST(oci_rlimit) rlimits;
        bool no_new_privileges;
        char *apparmor_profile;
        int32_t *oom_score_adj;
        oci_scheduler *scheduler;
        char *selinux_label;
        oci_io_priority *io_priority;
        oci_cpu_affinity *exec_cpu_affinity;
} oci_process;

/* ---- root file system and mounts ---- */

typedef struct oci_root {
        char *path; /* absolute, relative to the bundle, or "/proc/self/fd/N": a mount given by descriptor */
        bool readonly;
} oci_root;

typedef struct oci_id_mapping {
        uint32_t container_id;
        uint32_t host_id;
        uint32_t size;
} oci_id_mapping;

typedef MN_LIST(oci_id_mapping) oci_id_mappings;

typedef struct oci_mount {
        char *destination;
        char *type;
        char *source;
        char **options;
        oci_id_mappings uid_mappings;
        oci_id_mappings gid_mappings;
} oci_mount;

/* ---- hooks ---- */

typedef struct oci_hook {
        char *path;
        char **args;
        char **env;
        int64_t *timeout; /* seconds */
} oci_hook;

typedef MN_LIST(oci_hook) oci_hook_list;

typedef struct oci_hooks {
        oci_hook_list prestart; /* deprecated by the specification, still run */
        oci_hook_list create_runtime;
        oci_hook_list create_container;
        oci_hook_list start_container;
        oci_hook_list poststart;
        oci_hook_list poststop;
} oci_hooks;

/* ---- linux: devices and resources ---- */

typedef struct oci_device {
        char *path;
        char *type; /* "c", "u", "b", "p" */
        int64_t major;
        int64_t minor;
        uint32_t *file_mode;
        uint32_t *uid;
        uint32_t *gid;
} oci_device;

typedef struct oci_device_rule {
        bool allow;
        char *type;     /* "a", "c", "b"; NULL or "" is "a" */
        int64_t *major; /* NULL or -1: any */
        int64_t *minor;
        char *access; /* of "rwm"; NULL or "" is "rwm" */
} oci_device_rule;

typedef struct oci_memory {
        int64_t *limit;
        int64_t *reservation;
        int64_t *swap; /* memory plus swap, as on cgroup v1 */
        int64_t *kernel;
        int64_t *kernel_tcp;
        uint64_t *swappiness;
        bool *disable_oom_killer;
        bool *use_hierarchy;
        bool *check_before_update;
} oci_memory;

typedef struct oci_cpu {
        uint64_t *shares;
        int64_t *quota;
        uint64_t *burst;
        uint64_t *period;
        int64_t *realtime_runtime;
        uint64_t *realtime_period;
        char *cpus;
        char *mems;
        int64_t *idle;
} oci_cpu;

typedef struct oci_pids {
        int64_t *limit; /* 0 or less: no limit */
} oci_pids;

typedef struct oci_weight_device {
        int64_t major;
        int64_t minor;
        uint16_t *weight;
        uint16_t *leaf_weight;
} oci_weight_device;

typedef struct oci_throttle_device {
        int64_t major;
        int64_t minor;
        uint64_t rate;
} oci_throttle_device;

typedef MN_LIST(oci_throttle_device) oci_throttle_list;

typedef struct oci_block_io {
        uint16_t *weight;
        uint16_t *leaf_weight;
        MN_LIST(oci_weight_device) weight_device;
        oci_throttle_list throttle_read_bps;
        oci_throttle_list throttle_write_bps;
        oci_throttle_list throttle_read_iops;
        oci_throttle_list throttle_write_iops;
} oci_block_io;

typedef struct oci_hugepage_limit {
        char *page_size; /* "2MB" */
        uint64_t limit;
} oci_hugepage_limit;

typedef struct oci_interface_priority {
        char *name;
        uint32_t priority;
} oci_interface_priority;

typedef struct oci_network_resources {
        uint32_t *class_id;
        MN_LIST(oci_interface_priority) priorities;
} oci_network_resources;

typedef struct oci_rdma {
        uint32_t *hca_handles;
        uint32_t *hca_objects;
} oci_rdma;

typedef struct oci_resources {
        mn_str_map unified; /* cgroup v2 file name -> value */
        MN_LIST(oci_device_rule) devices;
        oci_memory *memory;
        oci_cpu *cpu;
        oci_pids *pids;
        oci_block_io *block_io;
        MN_LIST(oci_hugepage_limit) hugepage_limits;
        oci_network_resources *network;
        MN_KEYED(oci_rdma) rdma;
} oci_resources;

/* ---- linux: seccomp ---- */

typedef struct oci_seccomp_arg {
        uint32_t index;
        uint64_t value;
        uint64_t value_two;
        char *op; /* "SCMP_CMP_EQ" ... */
} oci_seccomp_arg;

typedef struct oci_seccomp_rule {
        char **names;
        char *action; /* "SCMP_ACT_ALLOW" ... */
        uint32_t *errno_ret;
        MN_LIST(oci_seccomp_arg) args;
} oci_seccomp_rule;

typedef struct oci_seccomp {
        char *default_action;
        uint32_t *default_errno_ret;
        char **architectures;
        char **flags;
        char *listener_path;
        char *listener_metadata;
        MN_LIST(oci_seccomp_rule) syscalls;
} oci_seccomp;

/* ---- linux: the rest ---- */

typedef struct oci_namespace {
        char *type; /* "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time" */
        char *path; /* join this one; NULL or "": make a new one */
} oci_namespace;

typedef struct oci_intel_rdt {
        char *clos_id;
        char **schemata;
        char *l3_cache_schema;
        char *mem_bw_schema;
        bool enable_monitoring;
} oci_intel_rdt;

typedef struct oci_memory_policy {
        char *mode;
        char *nodes;
        char **flags;
} oci_memory_policy;

typedef struct oci_personality {
        char *domain; /* "LINUX", "LINUX32" */
        char **flags;
} oci_personality;

typedef struct oci_time_offset {
        int64_t secs;
        uint32_t nanosecs;
} oci_time_offset;

typedef struct oci_net_device {
        char *name; /* name in the container; NULL or "": unchanged */
} oci_net_device;

typedef struct oci_linux {
        MN_LIST(oci_device) devices;
        MN_KEYED(oci_net_device) net_devices;
        oci_id_mappings uid_mappings;
        oci_id_mappings gid_mappings;
        mn_str_map sysctl;
        oci_resources *resources;
        char *cgroups_path;
        MN_LIST(oci_namespace) namespaces;
        oci_seccomp *seccomp;
        char *rootfs_propagation;
        char **masked_paths;
        char **readonly_paths;
        char *mount_label;
        oci_intel_rdt *intel_rdt;
        oci_memory_policy *memory_policy;
        oci_personality *personality;
        MN_KEYED(oci_time_offset) time_offsets; /* "monotonic", "boottime" */
} oci_linux;

/* ---- documents ---- */

/* config.json of a bundle. */
typedef struct oci_spec {
        char *oci_version;
        oci_process *process;
        oci_root *root;
        char *hostname;
        char *domainname;
        MN_LIST(oci_mount) mounts;
        oci_hooks *hooks;
        mn_str_map annotations;
        oci_linux *linux_;
} oci_spec;

/* What `state` prints and hooks read on standard input. */
typedef struct oci_state {
        char *oci_version;
        char *id;
        char *status; /* "creating", "created", "running", "paused", "stopped" */
        int32_t pid;  /* 0: none */
        char *bundle;
        char *rootfs;  /* as runc adds */
        char *created; /* as runc adds: RFC 3339 */
        char *owner;   /* as runc adds */
        mn_str_map annotations;
} oci_state;

/* What a seccomp listener's socket receives beside the descriptor. */
typedef struct oci_container_process_state {
        char *oci_version;
        char **fds;
        int32_t pid;
        char *metadata;
        oci_state state;
} oci_container_process_state;

extern const mn_type oci_spec_type, oci_process_type, oci_state_type, oci_resources_type, oci_seccomp_type,
        oci_hooks_type, oci_container_process_state_type;

/* Reads config.json (at most 8 MiB of text) into `arena`. Unknown members are ignored as the specification
   asks. MN_INVALID names the JSON path of the wrong value. */
mn_status oci_spec_parse(const char *text, size_t len, mn_arena *arena, oci_spec **ret,
                         mn_err *err) MN_MUST_USE;

/* The annotation by which Minato's engine asks its own runtime for the built-in default seccomp profile in
   place of a linux.seccomp section, which is then absent: "default". */
#define OCI_ANNOTATION_SECCOMP "io.minato.seccomp"

/* "delegate": the container may make cgroups below its own. In a read-only mount of type "cgroup" the v2
   hierarchy and the named one of systemd are then writable; nothing of the host's is. Needs a cgroup
   namespace of its own. */
#define OCI_ANNOTATION_CGROUP "io.minato.cgroup"
