/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of a container's figures. */

#include "wire/stats.h"

static const mn_field blkio_entry_fields[] = {
        { "major", &mn_type_u64, offsetof(wire_blkio_entry, major) },
        { "minor", &mn_type_u64, offsetof(wire_blkio_entry, minor) },
        { "op", &mn_type_str, offsetof(wire_blkio_entry, op) },
        { "value", &mn_type_u64, offsetof(wire_blkio_entry, value) },
        { 0 },
};
static const mn_type blkio_entry_type = MN_STRUCT(wire_blkio_entry, blkio_entry_fields);
static const mn_type blkio_list_type = MN_LIST_OF(&blkio_entry_type);

#define BLKIO(name)                                                                                          \
        { #name, &blkio_list_type, offsetof(wire_blkio_stats, name) }
static const mn_field blkio_stats_fields[] = {
        { "io_service_bytes_recursive", &blkio_list_type,
          offsetof(wire_blkio_stats, io_service_bytes_recursive), MN_EMPTY_NOT_NULL },
        BLKIO(io_serviced_recursive),
        BLKIO(io_queue_recursive),
        BLKIO(io_service_time_recursive),
        BLKIO(io_wait_time_recursive),
        BLKIO(io_merged_recursive),
        BLKIO(io_time_recursive),
        BLKIO(sectors_recursive),
        { 0 },
};
static const mn_type blkio_stats_type = MN_STRUCT(wire_blkio_stats, blkio_stats_fields);

static const mn_field pids_stats_fields[] = {
        { "current", &mn_type_u64, offsetof(wire_pids_stats, current), MN_OMIT_EMPTY },
        { "limit", &mn_type_u64, offsetof(wire_pids_stats, limit), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type pids_stats_type = MN_STRUCT(wire_pids_stats, pids_stats_fields);

static const mn_type u64_list_type = MN_LIST_OF(&mn_type_u64);
static const mn_field cpu_usage_fields[] = {
        { "total_usage", &mn_type_u64, offsetof(wire_cpu_usage, total_usage) },
        { "percpu_usage", &u64_list_type, offsetof(wire_cpu_usage, percpu_usage), MN_OMIT_EMPTY },
        { "usage_in_kernelmode", &mn_type_u64, offsetof(wire_cpu_usage, usage_in_kernelmode) },
        { "usage_in_usermode", &mn_type_u64, offsetof(wire_cpu_usage, usage_in_usermode) },
        { 0 },
};
static const mn_type cpu_usage_type = MN_STRUCT(wire_cpu_usage, cpu_usage_fields);

static const mn_field throttling_fields[] = {
        { "periods", &mn_type_u64, offsetof(wire_throttling, periods) },
        { "throttled_periods", &mn_type_u64, offsetof(wire_throttling, throttled_periods) },
        { "throttled_time", &mn_type_u64, offsetof(wire_throttling, throttled_time_ns) },
        { 0 },
};
static const mn_type throttling_type = MN_STRUCT(wire_throttling, throttling_fields);

static const mn_field cpu_stats_fields[] = {
        { "cpu_usage", &cpu_usage_type, offsetof(wire_cpu_stats, cpu_usage) },
        { "system_cpu_usage", &mn_type_u64, offsetof(wire_cpu_stats, system_cpu_usage), MN_OMIT_EMPTY },
        { "online_cpus", &mn_type_u32, offsetof(wire_cpu_stats, online_cpus), MN_OMIT_EMPTY },
        { "throttling_data", &throttling_type, offsetof(wire_cpu_stats, throttling_data) },
        { 0 },
};
static const mn_type cpu_stats_type = MN_STRUCT(wire_cpu_stats, cpu_stats_fields);

static const mn_type u64_map_type = MN_MAP_OF(&mn_type_u64);
static const mn_field memory_stats_fields[] = {
        { "usage", &mn_type_u64, offsetof(wire_memory_stats, usage), MN_OMIT_EMPTY },
        { "max_usage", &mn_type_u64, offsetof(wire_memory_stats, max_usage), MN_OMIT_EMPTY },
        { "stats", &u64_map_type, offsetof(wire_memory_stats, stats), MN_OMIT_EMPTY },
        { "failcnt", &mn_type_u64, offsetof(wire_memory_stats, failcnt), MN_OMIT_EMPTY },
        { "limit", &mn_type_u64, offsetof(wire_memory_stats, limit), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type memory_stats_type = MN_STRUCT(wire_memory_stats, memory_stats_fields);

#define INTERFACE(name)                                                                                      \
        { #name, &mn_type_u64, offsetof(wire_interface_stats, name) }
static const mn_field interface_stats_fields[] = {
        INTERFACE(rx_bytes),   INTERFACE(rx_packets), INTERFACE(rx_errors),
        INTERFACE(rx_dropped), INTERFACE(tx_bytes),   INTERFACE(tx_packets),
        INTERFACE(tx_errors),  INTERFACE(tx_dropped), { 0 },
};
static const mn_type interface_stats_type = MN_STRUCT(wire_interface_stats, interface_stats_fields);
static const mn_type interface_stats_map_type = MN_MAP_OF(&interface_stats_type);

static const mn_field storage_stats_fields[] = {
        { "read_count_normalized", &mn_type_u64, offsetof(wire_storage_stats, read_count_normalized),
          MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type storage_stats_type = MN_STRUCT(wire_storage_stats, storage_stats_fields);

#define STATS(member) offsetof(wire_stats, member)
static const mn_field stats_fields[] = {
        { "id", &mn_type_str, STATS(id), MN_OMIT_EMPTY },
        { "name", &mn_type_str, STATS(name), MN_OMIT_EMPTY },
        { "os_type", &mn_type_str, STATS(os_type), MN_OMIT_EMPTY, .since = 152 },
        { "read", &mn_type_time, STATS(read_ns) },
        { "preread", &mn_type_time, STATS(preread_ns) },
        { "pids_stats", &pids_stats_type, STATS(pids_stats) },
        { "blkio_stats", &blkio_stats_type, STATS(blkio_stats) },
        { "num_procs", &mn_type_u32, STATS(num_procs) },
        { "storage_stats", &storage_stats_type, STATS(storage_stats) },
        { "cpu_stats", &cpu_stats_type, STATS(cpu_stats) },
        { "precpu_stats", &cpu_stats_type, STATS(precpu_stats) },
        { "memory_stats", &memory_stats_type, STATS(memory_stats) },
        { "networks", &interface_stats_map_type, STATS(networks), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_stats_type = MN_STRUCT(wire_stats, stats_fields);
