/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/runtime_spec.h"

enum { MAX_SPEC_BYTES = 8 << 20 };

/* Shorthands for the tables below only: F is a field that is always written, O is left out when empty, R must
   be there. */
#define F(T, json, member, t)                                                                                \
        { json, t, offsetof(T, member), 0 }
#define O(T, json, member, t)                                                                                \
        { json, t, offsetof(T, member), MN_OMIT_EMPTY }
#define R(T, json, member, t)                                                                                \
        { json, t, offsetof(T, member), MN_REQUIRED }
#define STRUCT_TYPE(name, T) static const mn_type name = MN_STRUCT(T, name##_fields)
#define PTR_TYPE(name) static const mn_type name##_ptr = MN_PTR_TO(&name)
#define LIST_TYPE(name) static const mn_type name##_list = MN_LIST_OF(&name)

static const mn_type u16_ptr = MN_PTR_TO(&mn_type_u16);
static const mn_type u32_list = MN_LIST_OF(&mn_type_u32);

/* ---- process ---- */

static const mn_field console_size_fields[] = {
        F(oci_console_size, "height", height, &mn_type_u64),
        F(oci_console_size, "width", width, &mn_type_u64),
        { 0 },
};
STRUCT_TYPE(console_size, oci_console_size);
PTR_TYPE(console_size);

static const mn_field user_fields[] = {
        F(oci_user, "uid", uid, &mn_type_u32),
        F(oci_user, "gid", gid, &mn_type_u32),
        O(oci_user, "umask", umask, &mn_type_u32_ptr),
        O(oci_user, "additionalGids", additional_gids, &u32_list),
        O(oci_user, "username", username, &mn_type_str),
        { 0 },
};
STRUCT_TYPE(user, oci_user);

static const mn_field capabilities_fields[] = {
        O(oci_capabilities, "bounding", bounding, &mn_type_strv),
        O(oci_capabilities, "effective", effective, &mn_type_strv),
        O(oci_capabilities, "inheritable", inheritable, &mn_type_strv),
        O(oci_capabilities, "permitted", permitted, &mn_type_strv),
        O(oci_capabilities, "ambient", ambient, &mn_type_strv),
        { 0 },
};
STRUCT_TYPE(capabilities, oci_capabilities);
PTR_TYPE(capabilities);

static const mn_field rlimit_fields[] = {
        R(oci_rlimit, "type", type, &mn_type_str),
        F(oci_rlimit, "hard", hard, &mn_type_u64),
        F(oci_rlimit, "soft", soft, &mn_type_u64),
        { 0 },
};
STRUCT_TYPE(rlimit, oci_rlimit);
LIST_TYPE(rlimit);

static const mn_field scheduler_fields[] = {
        R(oci_scheduler, "policy", policy, &mn_type_str),
        O(oci_scheduler, "nice", nice, &mn_type_i32),
        O(oci_scheduler, "priority", priority, &mn_type_i32),
        O(oci_scheduler, "flags", flags, &mn_type_strv),
        O(oci_scheduler, "runtime", runtime, &mn_type_u64),
        O(oci_scheduler, "deadline", deadline, &mn_type_u64),
        O(oci_scheduler, "period", period, &mn_type_u64),
        { 0 },
};
STRUCT_TYPE(scheduler, oci_scheduler);
PTR_TYPE(scheduler);

static const mn_field io_priority_fields[] = {
        R(oci_io_priority, "class", klass, &mn_type_str),
        F(oci_io_priority, "priority", priority, &mn_type_i32),
        { 0 },
};
STRUCT_TYPE(io_priority, oci_io_priority);
PTR_TYPE(io_priority);

static const mn_field cpu_affinity_fields[] = {
        O(oci_cpu_affinity, "initial", initial, &mn_type_str),
        O(oci_cpu_affinity, "final", final, &mn_type_str),
        { 0 },
};
STRUCT_TYPE(cpu_affinity, oci_cpu_affinity);
PTR_TYPE(cpu_affinity);

static const mn_field process_fields[] = {
        O(oci_process, "terminal", terminal, &mn_type_bool),
        O(oci_process, "consoleSize", console_size, &console_size_ptr),
        F(oci_process, "user", user, &user),
        O(oci_process, "args", args, &mn_type_strv),
        O(oci_process, "commandLine", command_line, &mn_type_str),
        O(oci_process, "env", env, &mn_type_strv),
        R(oci_process, "cwd", cwd, &mn_type_str),
        O(oci_process, "capabilities", capabilities, &capabilities_ptr),
        O(oci_process, "rlimits", rlimits, &rlimit_list),
        O(oci_process, "noNewPrivileges", no_new_privileges, &mn_type_bool),
        O(oci_process, "apparmorProfile", apparmor_profile, &mn_type_str),
        O(oci_process, "oomScoreAdj", oom_score_adj, &mn_type_i32_ptr),
        O(oci_process, "scheduler", scheduler, &scheduler_ptr),
        O(oci_process, "selinuxLabel", selinux_label, &mn_type_str),
        O(oci_process, "ioPriority", io_priority, &io_priority_ptr),
        O(oci_process, "execCPUAffinity", exec_cpu_affinity, &cpu_affinity_ptr),
        { 0 },
};
const mn_type oci_process_type = MN_STRUCT(oci_process, process_fields);
static const mn_type process_ptr = MN_PTR_TO(&oci_process_type);

/* ---- root file system, mounts, hooks ---- */

static const mn_field root_fields[] = {
        R(oci_root, "path", path, &mn_type_str),
        O(oci_root, "readonly", readonly, &mn_type_bool),
        { 0 },
};
STRUCT_TYPE(root, oci_root);
PTR_TYPE(root);

static const mn_field id_mapping_fields[] = {
        F(oci_id_mapping, "containerID", container_id, &mn_type_u32),
        F(oci_id_mapping, "hostID", host_id, &mn_type_u32),
        F(oci_id_mapping, "size", size, &mn_type_u32),
        { 0 },
};
STRUCT_TYPE(id_mapping, oci_id_mapping);
LIST_TYPE(id_mapping);

static const mn_field mount_fields[] = {
        R(oci_mount, "destination", destination, &mn_type_str),
        O(oci_mount, "type", type, &mn_type_str),
        O(oci_mount, "source", source, &mn_type_str),
        O(oci_mount, "options", options, &mn_type_strv),
        O(oci_mount, "uidMappings", uid_mappings, &id_mapping_list),
        O(oci_mount, "gidMappings", gid_mappings, &id_mapping_list),
        { 0 },
};
STRUCT_TYPE(mount, oci_mount);
LIST_TYPE(mount);

static const mn_field hook_fields[] = {
        R(oci_hook, "path", path, &mn_type_str),
        O(oci_hook, "args", args, &mn_type_strv),
        O(oci_hook, "env", env, &mn_type_strv),
        O(oci_hook, "timeout", timeout, &mn_type_i64_ptr),
        { 0 },
};
STRUCT_TYPE(hook, oci_hook);
LIST_TYPE(hook);

static const mn_field hooks_fields[] = {
        O(oci_hooks, "prestart", prestart, &hook_list),
        O(oci_hooks, "createRuntime", create_runtime, &hook_list),
        O(oci_hooks, "createContainer", create_container, &hook_list),
        O(oci_hooks, "startContainer", start_container, &hook_list),
        O(oci_hooks, "poststart", poststart, &hook_list),
        O(oci_hooks, "poststop", poststop, &hook_list),
        { 0 },
};
const mn_type oci_hooks_type = MN_STRUCT(oci_hooks, hooks_fields);
static const mn_type hooks_ptr = MN_PTR_TO(&oci_hooks_type);

/* ---- linux: devices and resources ---- */

static const mn_field device_fields[] = {
        R(oci_device, "path", path, &mn_type_str),
        R(oci_device, "type", type, &mn_type_str),
        F(oci_device, "major", major, &mn_type_i64),
        F(oci_device, "minor", minor, &mn_type_i64),
        O(oci_device, "fileMode", file_mode, &mn_type_u32_ptr),
        O(oci_device, "uid", uid, &mn_type_u32_ptr),
        O(oci_device, "gid", gid, &mn_type_u32_ptr),
        { 0 },
};
STRUCT_TYPE(device, oci_device);
LIST_TYPE(device);

static const mn_field device_rule_fields[] = {
        F(oci_device_rule, "allow", allow, &mn_type_bool),
        O(oci_device_rule, "type", type, &mn_type_str),
        O(oci_device_rule, "major", major, &mn_type_i64_ptr),
        O(oci_device_rule, "minor", minor, &mn_type_i64_ptr),
        O(oci_device_rule, "access", access, &mn_type_str),
        { 0 },
};
STRUCT_TYPE(device_rule, oci_device_rule);
LIST_TYPE(device_rule);

static const mn_field memory_fields[] = {
        O(oci_memory, "limit", limit, &mn_type_i64_ptr),
        O(oci_memory, "reservation", reservation, &mn_type_i64_ptr),
        O(oci_memory, "swap", swap, &mn_type_i64_ptr),
        O(oci_memory, "kernel", kernel, &mn_type_i64_ptr),
        O(oci_memory, "kernelTCP", kernel_tcp, &mn_type_i64_ptr),
        O(oci_memory, "swappiness", swappiness, &mn_type_u64_ptr),
        O(oci_memory, "disableOOMKiller", disable_oom_killer, &mn_type_bool_ptr),
        O(oci_memory, "useHierarchy", use_hierarchy, &mn_type_bool_ptr),
        O(oci_memory, "checkBeforeUpdate", check_before_update, &mn_type_bool_ptr),
        { 0 },
};
STRUCT_TYPE(memory, oci_memory);
PTR_TYPE(memory);

static const mn_field cpu_fields[] = {
        O(oci_cpu, "shares", shares, &mn_type_u64_ptr),
        O(oci_cpu, "quota", quota, &mn_type_i64_ptr),
        O(oci_cpu, "burst", burst, &mn_type_u64_ptr),
        O(oci_cpu, "period", period, &mn_type_u64_ptr),
        O(oci_cpu, "realtimeRuntime", realtime_runtime, &mn_type_i64_ptr),
        O(oci_cpu, "realtimePeriod", realtime_period, &mn_type_u64_ptr),
        O(oci_cpu, "cpus", cpus, &mn_type_str),
        O(oci_cpu, "mems", mems, &mn_type_str),
        O(oci_cpu, "idle", idle, &mn_type_i64_ptr),
        { 0 },
};
STRUCT_TYPE(cpu, oci_cpu);
PTR_TYPE(cpu);

static const mn_field pids_fields[] = {
        O(oci_pids, "limit", limit, &mn_type_i64_ptr),
        { 0 },
};
STRUCT_TYPE(pids, oci_pids);
PTR_TYPE(pids);

static const mn_field weight_device_fields[] = {
        F(oci_weight_device, "major", major, &mn_type_i64),
        F(oci_weight_device, "minor", minor, &mn_type_i64),
        O(oci_weight_device, "weight", weight, &u16_ptr),
        O(oci_weight_device, "leafWeight", leaf_weight, &u16_ptr),
        { 0 },
};
STRUCT_TYPE(weight_device, oci_weight_device);
LIST_TYPE(weight_device);

static const mn_field throttle_device_fields[] = {
        F(oci_throttle_device, "major", major, &mn_type_i64),
        F(oci_throttle_device, "minor", minor, &mn_type_i64),
        F(oci_throttle_device, "rate", rate, &mn_type_u64),
        { 0 },
};
STRUCT_TYPE(throttle_device, oci_throttle_device);
LIST_TYPE(throttle_device);

static const mn_field block_io_fields[] = {
        O(oci_block_io, "weight", weight, &u16_ptr),
        O(oci_block_io, "leafWeight", leaf_weight, &u16_ptr),
        O(oci_block_io, "weightDevice", weight_device, &weight_device_list),
        O(oci_block_io, "throttleReadBpsDevice", throttle_read_bps, &throttle_device_list),
        O(oci_block_io, "throttleWriteBpsDevice", throttle_write_bps, &throttle_device_list),
        O(oci_block_io, "throttleReadIOPSDevice", throttle_read_iops, &throttle_device_list),
        O(oci_block_io, "throttleWriteIOPSDevice", throttle_write_iops, &throttle_device_list),
        { 0 },
};
STRUCT_TYPE(block_io, oci_block_io);
PTR_TYPE(block_io);

static const mn_field hugepage_limit_fields[] = {
        R(oci_hugepage_limit, "pageSize", page_size, &mn_type_str),
        F(oci_hugepage_limit, "limit", limit, &mn_type_u64),
        { 0 },
};
STRUCT_TYPE(hugepage_limit, oci_hugepage_limit);
LIST_TYPE(hugepage_limit);

static const mn_field interface_priority_fields[] = {
        R(oci_interface_priority, "name", name, &mn_type_str),
        F(oci_interface_priority, "priority", priority, &mn_type_u32),
        { 0 },
};
STRUCT_TYPE(interface_priority, oci_interface_priority);
LIST_TYPE(interface_priority);

static const mn_field network_resources_fields[] = {
        O(oci_network_resources, "classID", class_id, &mn_type_u32_ptr),
        O(oci_network_resources, "priorities", priorities, &interface_priority_list),
        { 0 },
};
STRUCT_TYPE(network_resources, oci_network_resources);
PTR_TYPE(network_resources);

static const mn_field rdma_fields[] = {
        O(oci_rdma, "hcaHandles", hca_handles, &mn_type_u32_ptr),
        O(oci_rdma, "hcaObjects", hca_objects, &mn_type_u32_ptr),
        { 0 },
};
STRUCT_TYPE(rdma, oci_rdma);
static const mn_type rdma_map = MN_MAP_OF(&rdma);

static const mn_field resources_fields[] = {
        O(oci_resources, "unified", unified, &mn_type_str_map),
        O(oci_resources, "devices", devices, &device_rule_list),
        O(oci_resources, "memory", memory, &memory_ptr),
        O(oci_resources, "cpu", cpu, &cpu_ptr),
        O(oci_resources, "pids", pids, &pids_ptr),
        O(oci_resources, "blockIO", block_io, &block_io_ptr),
        O(oci_resources, "hugepageLimits", hugepage_limits, &hugepage_limit_list),
        O(oci_resources, "network", network, &network_resources_ptr),
        O(oci_resources, "rdma", rdma, &rdma_map),
        { 0 },
};
const mn_type oci_resources_type = MN_STRUCT(oci_resources, resources_fields);
static const mn_type resources_ptr = MN_PTR_TO(&oci_resources_type);

/* ---- linux: seccomp ---- */

static const mn_field seccomp_arg_fields[] = {
        F(oci_seccomp_arg, "index", index, &mn_type_u32),
        F(oci_seccomp_arg, "value", value, &mn_type_u64),
        O(oci_seccomp_arg, "valueTwo", value_two, &mn_type_u64),
        R(oci_seccomp_arg, "op", op, &mn_type_str),
        { 0 },
};
STRUCT_TYPE(seccomp_arg, oci_seccomp_arg);
LIST_TYPE(seccomp_arg);

static const mn_field seccomp_rule_fields[] = {
        R(oci_seccomp_rule, "names", names, &mn_type_strv),
        R(oci_seccomp_rule, "action", action, &mn_type_str),
        O(oci_seccomp_rule, "errnoRet", errno_ret, &mn_type_u32_ptr),
        O(oci_seccomp_rule, "args", args, &seccomp_arg_list),
        { 0 },
};
STRUCT_TYPE(seccomp_rule, oci_seccomp_rule);
LIST_TYPE(seccomp_rule);

static const mn_field seccomp_fields[] = {
        R(oci_seccomp, "defaultAction", default_action, &mn_type_str),
        O(oci_seccomp, "defaultErrnoRet", default_errno_ret, &mn_type_u32_ptr),
        O(oci_seccomp, "architectures", architectures, &mn_type_strv),
        O(oci_seccomp, "flags", flags, &mn_type_strv),
        O(oci_seccomp, "listenerPath", listener_path, &mn_type_str),
        O(oci_seccomp, "listenerMetadata", listener_metadata, &mn_type_str),
        O(oci_seccomp, "syscalls", syscalls, &seccomp_rule_list),
        { 0 },
};
const mn_type oci_seccomp_type = MN_STRUCT(oci_seccomp, seccomp_fields);
static const mn_type seccomp_ptr = MN_PTR_TO(&oci_seccomp_type);

/* ---- linux: the rest ---- */

static const mn_field namespace_fields[] = {
        R(oci_namespace, "type", type, &mn_type_str),
        O(oci_namespace, "path", path, &mn_type_str),
        { 0 },
};
STRUCT_TYPE(namespace, oci_namespace);
LIST_TYPE(namespace);

static const mn_field intel_rdt_fields[] = {
        O(oci_intel_rdt, "closID", clos_id, &mn_type_str),
        O(oci_intel_rdt, "schemata", schemata, &mn_type_strv),
        O(oci_intel_rdt, "l3CacheSchema", l3_cache_schema, &mn_type_str),
        O(oci_intel_rdt, "memBwSchema", mem_bw_schema, &mn_type_str),
        O(oci_intel_rdt, "enableMonitoring", enable_monitoring, &mn_type_bool),
        { 0 },
};
STRUCT_TYPE(intel_rdt, oci_intel_rdt);
PTR_TYPE(intel_rdt);

static const mn_field memory_policy_fields[] = {
        R(oci_memory_policy, "mode", mode, &mn_type_str),
        O(oci_memory_policy, "nodes", nodes, &mn_type_str),
        O(oci_memory_policy, "flags", flags, &mn_type_strv),
        { 0 },
};
STRUCT_TYPE(memory_policy, oci_memory_policy);
PTR_TYPE(memory_policy);

static const mn_field personality_fields[] = {
        R(oci_personality, "domain", domain, &mn_type_str),
        O(oci_personality, "flags", flags, &mn_type_strv),
        { 0 },
};
STRUCT_TYPE(personality, oci_personality);
PTR_TYPE(personality);

static const mn_field time_offset_fields[] = {
        F(oci_time_offset, "secs", secs, &mn_type_i64),
        F(oci_time_offset, "nanosecs", nanosecs, &mn_type_u32),
        { 0 },
};
STRUCT_TYPE(time_offset, oci_time_offset);
static const mn_type time_offset_map = MN_MAP_OF(&time_offset);

static const mn_field net_device_fields[] = {
        O(oci_net_device, "name", name, &mn_type_str),
        { 0 },
};
STRUCT_TYPE(net_device, oci_net_device);
static const mn_type net_device_map = MN_MAP_OF(&net_device);

static const mn_field linux_fields[] = {
        O(oci_linux, "devices", devices, &device_list),
        O(oci_linux, "netDevices", net_devices, &net_device_map),
        O(oci_linux, "uidMappings", uid_mappings, &id_mapping_list),
        O(oci_linux, "gidMappings", gid_mappings, &id_mapping_list),
        O(oci_linux, "sysctl", sysctl, &mn_type_str_map),
        O(oci_linux, "resources", resources, &resources_ptr),
        O(oci_linux, "cgroupsPath", cgroups_path, &mn_type_str),
        O(oci_linux, "namespaces", namespaces, &namespace_list),
        O(oci_linux, "seccomp", seccomp, &seccomp_ptr),
        O(oci_linux, "rootfsPropagation", rootfs_propagation, &mn_type_str),
        O(oci_linux, "maskedPaths", masked_paths, &mn_type_strv),
        O(oci_linux, "readonlyPaths", readonly_paths, &mn_type_strv),
        O(oci_linux, "mountLabel", mount_label, &mn_type_str),
        O(oci_linux, "intelRdt", intel_rdt, &intel_rdt_ptr),
        O(oci_linux, "memoryPolicy", memory_policy, &memory_policy_ptr),
        O(oci_linux, "personality", personality, &personality_ptr),
        O(oci_linux, "timeOffsets", time_offsets, &time_offset_map),
        { 0 },
};
static const mn_type linux_type = MN_STRUCT(oci_linux, linux_fields);
static const mn_type linux_ptr = MN_PTR_TO(&linux_type);

/* ---- documents ---- */

static const mn_field spec_fields[] = {
        R(oci_spec, "ociVersion", oci_version, &mn_type_str),
        O(oci_spec, "process", process, &process_ptr),
        O(oci_spec, "root", root, &root_ptr),
        O(oci_spec, "hostname", hostname, &mn_type_str),
        O(oci_spec, "domainname", domainname, &mn_type_str),
        O(oci_spec, "mounts", mounts, &mount_list),
        O(oci_spec, "hooks", hooks, &hooks_ptr),
        O(oci_spec, "annotations", annotations, &mn_type_str_map),
        O(oci_spec, "linux", linux_, &linux_ptr),
        { 0 },
};
const mn_type oci_spec_type = MN_STRUCT(oci_spec, spec_fields);

static const mn_field state_fields[] = {
        R(oci_state, "ociVersion", oci_version, &mn_type_str),
        R(oci_state, "id", id, &mn_type_str),
        F(oci_state, "pid", pid, &mn_type_i32),
        R(oci_state, "status", status, &mn_type_str),
        R(oci_state, "bundle", bundle, &mn_type_str),
        O(oci_state, "rootfs", rootfs, &mn_type_str),
        O(oci_state, "created", created, &mn_type_str),
        O(oci_state, "annotations", annotations, &mn_type_str_map),
        O(oci_state, "owner", owner, &mn_type_str),
        { 0 },
};
const mn_type oci_state_type = MN_STRUCT(oci_state, state_fields);

static const mn_field container_process_state_fields[] = {
        F(oci_container_process_state, "ociVersion", oci_version, &mn_type_str),
        F(oci_container_process_state, "fds", fds, &mn_type_strv),
        F(oci_container_process_state, "pid", pid, &mn_type_i32),
        O(oci_container_process_state, "metadata", metadata, &mn_type_str),
        F(oci_container_process_state, "state", state, &oci_state_type),
        { 0 },
};
const mn_type oci_container_process_state_type = MN_STRUCT(oci_container_process_state,
                                                           container_process_state_fields);

mn_status oci_spec_parse(const char *text, size_t len, mn_arena *arena, oci_spec **ret, mn_err *err) {
        if (len > MAX_SPEC_BYTES)
                return mn_fail(err, MN_INVALID, "config.json: larger than %d bytes", MAX_SPEC_BYTES);
        oci_spec *spec = mn_arena_alloc(arena, sizeof(*spec));
        mn_status st = mn_json_decode_text(&oci_spec_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, spec,
                                           err);
        if (st)
                return mn_err_prefix(err, st, "config.json");
        if (!spec->oci_version) /* the document is null */
                return mn_fail(err, MN_INVALID, "config.json: ociVersion: missing");
        *ret = spec;
        return MN_OK;
}
