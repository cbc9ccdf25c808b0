/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One sample of GET /containers/{id}/stats. Times of the CPU are nanoseconds, sizes bytes. */

#include "codec/json.h"

typedef struct wire_blkio_entry {
        uint64_t major;
        uint64_t minor;
        char *op; /* read, write, ... */
        uint64_t value;
} wire_blkio_entry;
typedef MN_LIST(wire_blkio_entry) wire_blkio_entry_list;

typedef struct wire_blkio_stats {
        wire_blkio_entry_list io_service_bytes_recursive;
        wire_blkio_entry_list io_serviced_recursive;
        wire_blkio_entry_list io_queue_recursive;
        wire_blkio_entry_list io_service_time_recursive;
        wire_blkio_entry_list io_wait_time_recursive;
        wire_blkio_entry_list io_merged_recursive;
        wire_blkio_entry_list io_time_recursive;
        wire_blkio_entry_list sectors_recursive;
} wire_blkio_stats;

typedef struct wire_pids_stats {
        uint64_t current;
        uint64_t limit; /* 0: none */
} wire_pids_stats;

typedef struct wire_cpu_usage {
        uint64_t total_usage;
        MN_LIST(uint64_t) percpu_usage; /* cgroup v1 only */
        uint64_t usage_in_kernelmode;
        uint64_t usage_in_usermode;
} wire_cpu_usage;

typedef struct wire_throttling {
        uint64_t periods;
        uint64_t throttled_periods;
        uint64_t throttled_time_ns;
} wire_throttling;

typedef struct wire_cpu_stats {
        wire_cpu_usage cpu_usage;
        uint64_t system_cpu_usage; /* of the whole machine */
        uint32_t online_cpus;
        wire_throttling throttling_data;
} wire_cpu_stats;

typedef MN_KEYED(uint64_t) wire_u64_map;

typedef struct wire_memory_stats {
        uint64_t usage;
        uint64_t max_usage; /* cgroup v1 only */
        wire_u64_map stats; /* memory.stat */
        uint64_t failcnt;   /* cgroup v1 only */
        uint64_t limit;
} wire_memory_stats;

typedef struct wire_interface_stats {
        uint64_t rx_bytes;
        uint64_t rx_packets;
        uint64_t rx_errors;
        uint64_t rx_dropped;
        uint64_t tx_bytes;
        uint64_t tx_packets;
        uint64_t tx_errors;
        uint64_t tx_dropped;
} wire_interface_stats;
typedef MN_KEYED(wire_interface_stats) wire_interface_stats_map;

typedef struct wire_storage_stats {
        uint64_t read_count_normalized; /* Windows only; always 0 */
} wire_storage_stats;

typedef struct wire_stats {
        char *id;
        char *name; /* with the leading slash */
        char *os_type;
        int64_t read_ns;    /* when this was sampled */
        int64_t preread_ns; /* when precpu_stats was; 0: not at all */
        wire_pids_stats pids_stats;
        wire_blkio_stats blkio_stats;
        uint32_t num_procs; /* Windows only; always 0 */
        wire_storage_stats storage_stats;
        wire_cpu_stats cpu_stats;
        wire_cpu_stats precpu_stats;
        wire_memory_stats memory_stats;
        wire_interface_stats_map networks; /* by interface name */
} wire_stats;

extern const mn_type wire_stats_type;
