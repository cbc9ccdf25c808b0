/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of Config, HostConfig and the requests that carry them, in the order Docker writes them. */

#include "wire/container_config.h"

/* ---- Config ---- */

#define HEALTH(member) offsetof(wire_health_config, member)
static const mn_field health_config_fields[] = {
        { "Test", &mn_type_strv, HEALTH(test), MN_OMIT_EMPTY },
        { "Interval", &mn_type_i64, HEALTH(interval_ns), MN_OMIT_EMPTY },
        { "Timeout", &mn_type_i64, HEALTH(timeout_ns), MN_OMIT_EMPTY },
        { "StartPeriod", &mn_type_i64, HEALTH(start_period_ns), MN_OMIT_EMPTY },
        { "StartInterval", &mn_type_i64, HEALTH(start_interval_ns), MN_OMIT_EMPTY, .since = 144 },
        { "Retries", &mn_type_i32, HEALTH(retries), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_health_config_type = MN_STRUCT(wire_health_config, health_config_fields);
static const mn_type health_config_ptr_type = MN_PTR_TO(&wire_health_config_type);

#define CONFIG(member) offsetof(wire_container_config, member)
static const mn_field config_fields[] = {
        { "Hostname", &mn_type_str, CONFIG(hostname) },
        { "Domainname", &mn_type_str, CONFIG(domainname) },
        { "User", &mn_type_str, CONFIG(user) },
        { "AttachStdin", &mn_type_bool, CONFIG(is_stdin_attached) },
        { "AttachStdout", &mn_type_bool, CONFIG(is_stdout_attached) },
        { "AttachStderr", &mn_type_bool, CONFIG(is_stderr_attached) },
        { "ExposedPorts", &mn_type_set, CONFIG(exposed_ports), MN_OMIT_EMPTY },
        { "Tty", &mn_type_bool, CONFIG(is_tty) },
        { "OpenStdin", &mn_type_bool, CONFIG(has_open_stdin) },
        { "StdinOnce", &mn_type_bool, CONFIG(is_stdin_once) },
        { "Env", &mn_type_strv, CONFIG(env) },
        { "Cmd", &mn_type_strv, CONFIG(cmd), MN_STR_OR_LIST },
        { "Healthcheck", &health_config_ptr_type, CONFIG(healthcheck), MN_OMIT_EMPTY },
        { "ArgsEscaped", &mn_type_bool, CONFIG(has_escaped_args), MN_OMIT_EMPTY },
        { "Image", &mn_type_str, CONFIG(image) },
        { "Volumes", &mn_type_set, CONFIG(volumes) },
        { "WorkingDir", &mn_type_str, CONFIG(working_dir) },
        { "Entrypoint", &mn_type_strv, CONFIG(entrypoint), MN_STR_OR_LIST },
        { "NetworkDisabled", &mn_type_bool, CONFIG(is_network_disabled), MN_OMIT_EMPTY },
        { "MacAddress", &mn_type_str, CONFIG(mac_address), MN_OMIT_EMPTY, .until = 151 },
        { "OnBuild", &mn_type_strv, CONFIG(on_build), MN_OMIT_EMPTY },
        { "Labels", &mn_type_str_map, CONFIG(labels), MN_EMPTY_NOT_NULL },
        { "StopSignal", &mn_type_str, CONFIG(stop_signal), MN_OMIT_EMPTY },
        { "StopTimeout", &mn_type_i64_ptr, CONFIG(stop_timeout), MN_OMIT_EMPTY },
        { "Shell", &mn_type_strv, CONFIG(shell), MN_OMIT_EMPTY | MN_STR_OR_LIST },
        { 0 },
};
const mn_type wire_container_config_type = MN_STRUCT(wire_container_config, config_fields);
const mn_type wire_container_config_ptr_type = MN_PTR_TO(&wire_container_config_type);

/* ---- Resources ---- */

static const mn_field weight_device_fields[] = {
        { "Path", &mn_type_str, offsetof(wire_weight_device, path) },
        { "Weight", &mn_type_u16, offsetof(wire_weight_device, weight) },
        { 0 },
};
static const mn_type weight_device_type = MN_STRUCT(wire_weight_device, weight_device_fields);
static const mn_type weight_device_list_type = MN_LIST_OF(&weight_device_type);

static const mn_field throttle_device_fields[] = {
        { "Path", &mn_type_str, offsetof(wire_throttle_device, path) },
        { "Rate", &mn_type_u64, offsetof(wire_throttle_device, rate) },
        { 0 },
};
static const mn_type throttle_device_type = MN_STRUCT(wire_throttle_device, throttle_device_fields);
static const mn_type throttle_list_type = MN_LIST_OF(&throttle_device_type);

static const mn_field device_mapping_fields[] = {
        { "PathOnHost", &mn_type_str, offsetof(wire_device_mapping, path_on_host) },
        { "PathInContainer", &mn_type_str, offsetof(wire_device_mapping, path_in_container) },
        { "CgroupPermissions", &mn_type_str, offsetof(wire_device_mapping, cgroup_permissions) },
        { 0 },
};
static const mn_type device_mapping_type = MN_STRUCT(wire_device_mapping, device_mapping_fields);
static const mn_type device_mapping_list_type = MN_LIST_OF(&device_mapping_type);

static const mn_type strv_list_type = MN_LIST_OF(&mn_type_strv);
static const mn_field device_request_fields[] = {
        { "Driver", &mn_type_str, offsetof(wire_device_request, driver) },
        { "Count", &mn_type_i32, offsetof(wire_device_request, count) },
        { "DeviceIDs", &mn_type_strv, offsetof(wire_device_request, device_ids) },
        { "Capabilities", &strv_list_type, offsetof(wire_device_request, capabilities) },
        { "Options", &mn_type_str_map, offsetof(wire_device_request, options) },
        { 0 },
};
static const mn_type device_request_type = MN_STRUCT(wire_device_request, device_request_fields);
static const mn_type device_request_list_type = MN_LIST_OF(&device_request_type);

static const mn_field ulimit_fields[] = {
        { "Name", &mn_type_str, offsetof(wire_ulimit, name) },
        { "Hard", &mn_type_i64, offsetof(wire_ulimit, hard) },
        { "Soft", &mn_type_i64, offsetof(wire_ulimit, soft) },
        { 0 },
};
static const mn_type ulimit_type = MN_STRUCT(wire_ulimit, ulimit_fields);
static const mn_type ulimit_list_type = MN_LIST_OF(&ulimit_type);

#define RESOURCE(member) offsetof(wire_resources, member)
static const mn_field resources_fields[] = {
        { "CpuShares", &mn_type_i64, RESOURCE(cpu_shares) },
        { "Memory", &mn_type_i64, RESOURCE(memory_bytes) },
        { "NanoCpus", &mn_type_i64, RESOURCE(nano_cpus) },
        { "CgroupParent", &mn_type_str, RESOURCE(cgroup_parent) },
        { "BlkioWeight", &mn_type_u16, RESOURCE(blkio_weight) },
        { "BlkioWeightDevice", &weight_device_list_type, RESOURCE(blkio_weight_device), MN_EMPTY_NOT_NULL },
        { "BlkioDeviceReadBps", &throttle_list_type, RESOURCE(blkio_device_read_bps), MN_EMPTY_NOT_NULL },
        { "BlkioDeviceWriteBps", &throttle_list_type, RESOURCE(blkio_device_write_bps), MN_EMPTY_NOT_NULL },
        { "BlkioDeviceReadIOps", &throttle_list_type, RESOURCE(blkio_device_read_iops), MN_EMPTY_NOT_NULL },
        { "BlkioDeviceWriteIOps", &throttle_list_type, RESOURCE(blkio_device_write_iops), MN_EMPTY_NOT_NULL },
        { "CpuPeriod", &mn_type_i64, RESOURCE(cpu_period_us) },
        { "CpuQuota", &mn_type_i64, RESOURCE(cpu_quota_us) },
        { "CpuRealtimePeriod", &mn_type_i64, RESOURCE(cpu_realtime_period_us) },
        { "CpuRealtimeRuntime", &mn_type_i64, RESOURCE(cpu_realtime_runtime_us) },
        { "CpusetCpus", &mn_type_str, RESOURCE(cpuset_cpus) },
        { "CpusetMems", &mn_type_str, RESOURCE(cpuset_mems) },
        { "Devices", &device_mapping_list_type, RESOURCE(devices) },
        { "DeviceCgroupRules", &mn_type_strv, RESOURCE(device_cgroup_rules) },
        { "DeviceRequests", &device_request_list_type, RESOURCE(device_requests) },
        { "KernelMemory", &mn_type_i64, RESOURCE(kernel_memory_bytes), MN_OMIT_EMPTY, .until = 141 },
        { "MemoryReservation", &mn_type_i64, RESOURCE(memory_reservation_bytes) },
        { "MemorySwap", &mn_type_i64, RESOURCE(memory_swap_bytes) },
        { "MemorySwappiness", &mn_type_i64_ptr, RESOURCE(memory_swappiness) },
        { "OomKillDisable", &mn_type_bool_ptr, RESOURCE(is_oom_kill_disabled) },
        { "PidsLimit", &mn_type_i64_ptr, RESOURCE(pids_limit) },
        { "Ulimits", &ulimit_list_type, RESOURCE(ulimits), MN_EMPTY_NOT_NULL },
        { "CpuCount", &mn_type_i64, RESOURCE(cpu_count) },
        { "CpuPercent", &mn_type_i64, RESOURCE(cpu_percent) },
        { "IOMaximumIOps", &mn_type_u64, RESOURCE(io_maximum_iops) },
        { "IOMaximumBandwidth", &mn_type_u64, RESOURCE(io_maximum_bandwidth) },
        { 0 },
};
static const mn_type resources_type = MN_STRUCT(wire_resources, resources_fields);

/* ---- Mounts ---- */

#define BIND(member) offsetof(wire_bind_options, member)
static const mn_field bind_options_fields[] = {
        { "Propagation", &mn_type_str, BIND(propagation), MN_OMIT_EMPTY },
        { "NonRecursive", &mn_type_bool, BIND(is_non_recursive), MN_OMIT_EMPTY },
        { "CreateMountpoint", &mn_type_bool, BIND(creates_mountpoint), MN_OMIT_EMPTY },
        { "ReadOnlyNonRecursive", &mn_type_bool, BIND(is_read_only_non_recursive), MN_OMIT_EMPTY,
          .since = 144 },
        { "ReadOnlyForceRecursive", &mn_type_bool, BIND(is_read_only_force_recursive), MN_OMIT_EMPTY,
          .since = 144 },
        { 0 },
};
static const mn_type bind_options_type = MN_STRUCT(wire_bind_options, bind_options_fields);
static const mn_type bind_options_ptr_type = MN_PTR_TO(&bind_options_type);

static const mn_field driver_config_fields[] = {
        { "Name", &mn_type_str, offsetof(wire_driver_config, name), MN_OMIT_EMPTY },
        { "Options", &mn_type_str_map, offsetof(wire_driver_config, options), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type driver_config_type = MN_STRUCT(wire_driver_config, driver_config_fields);
static const mn_type driver_config_ptr_type = MN_PTR_TO(&driver_config_type);

static const mn_field volume_options_fields[] = {
        { "NoCopy", &mn_type_bool, offsetof(wire_volume_options, has_no_copy), MN_OMIT_EMPTY },
        { "Labels", &mn_type_str_map, offsetof(wire_volume_options, labels), MN_OMIT_EMPTY },
        { "Subpath", &mn_type_str, offsetof(wire_volume_options, subpath), MN_OMIT_EMPTY, .since = 145 },
        { "DriverConfig", &driver_config_ptr_type, offsetof(wire_volume_options, driver_config),
          MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type volume_options_type = MN_STRUCT(wire_volume_options, volume_options_fields);
static const mn_type volume_options_ptr_type = MN_PTR_TO(&volume_options_type);

static const mn_field image_options_fields[] = {
        { "Subpath", &mn_type_str, offsetof(wire_image_options, subpath), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type image_options_type = MN_STRUCT(wire_image_options, image_options_fields);
static const mn_type image_options_ptr_type = MN_PTR_TO(&image_options_type);

static const mn_field tmpfs_options_fields[] = {
        { "SizeBytes", &mn_type_i64, offsetof(wire_tmpfs_options, size_bytes), MN_OMIT_EMPTY },
        { "Mode", &mn_type_u32, offsetof(wire_tmpfs_options, mode), MN_OMIT_EMPTY },
        { "Options", &strv_list_type, offsetof(wire_tmpfs_options, options), MN_OMIT_EMPTY, .since = 146 },
        { 0 },
};
static const mn_type tmpfs_options_type = MN_STRUCT(wire_tmpfs_options, tmpfs_options_fields);
static const mn_type tmpfs_options_ptr_type = MN_PTR_TO(&tmpfs_options_type);

#define MOUNT(member) offsetof(wire_mount, member)
static const mn_field mount_fields[] = {
        { "Type", &mn_type_str, MOUNT(type), MN_OMIT_EMPTY },
        { "Source", &mn_type_str, MOUNT(source), MN_OMIT_EMPTY },
        { "Target", &mn_type_str, MOUNT(target), MN_OMIT_EMPTY },
        { "ReadOnly", &mn_type_bool, MOUNT(is_read_only), MN_OMIT_EMPTY },
        { "Consistency", &mn_type_str, MOUNT(consistency), MN_OMIT_EMPTY },
        { "BindOptions", &bind_options_ptr_type, MOUNT(bind_options), MN_OMIT_EMPTY },
        { "VolumeOptions", &volume_options_ptr_type, MOUNT(volume_options), MN_OMIT_EMPTY },
        { "ImageOptions", &image_options_ptr_type, MOUNT(image_options), MN_OMIT_EMPTY, .since = 148 },
        { "TmpfsOptions", &tmpfs_options_ptr_type, MOUNT(tmpfs_options), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_mount_type = MN_STRUCT(wire_mount, mount_fields);
static const mn_type mount_list_type = MN_LIST_OF(&wire_mount_type);

/* ---- HostConfig ---- */

static const mn_field log_config_fields[] = {
        { "Type", &mn_type_str, offsetof(wire_log_config, type) },
        { "Config", &mn_type_str_map, offsetof(wire_log_config, config), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type log_config_type = MN_STRUCT(wire_log_config, log_config_fields);

static const mn_field restart_policy_fields[] = {
        { "Name", &mn_type_str, offsetof(wire_restart_policy, name) },
        { "MaximumRetryCount", &mn_type_i32, offsetof(wire_restart_policy, maximum_retry_count) },
        { 0 },
};
const mn_type wire_restart_policy_type = MN_STRUCT(wire_restart_policy, restart_policy_fields);

static const mn_type u64_list_type = MN_LIST_OF(&mn_type_u64);

#define HOST(member) offsetof(wire_host_config, member)
static const mn_field host_config_fields[] = {
        { "Binds", &mn_type_strv, HOST(binds) },
        { "ContainerIDFile", &mn_type_str, HOST(container_id_file) },
        { "LogConfig", &log_config_type, HOST(log_config) },
        { "NetworkMode", &mn_type_str, HOST(network_mode) },
        { "PortBindings", &wire_port_map_type, HOST(port_bindings), MN_EMPTY_NOT_NULL },
        { "RestartPolicy", &wire_restart_policy_type, HOST(restart_policy) },
        { "AutoRemove", &mn_type_bool, HOST(is_auto_remove) },
        { "VolumeDriver", &mn_type_str, HOST(volume_driver) },
        { "VolumesFrom", &mn_type_strv, HOST(volumes_from) },
        { "ConsoleSize", &u64_list_type, HOST(console_size) },
        { "Annotations", &mn_type_str_map, HOST(annotations), MN_OMIT_EMPTY, .since = 143 },
        { "CapAdd", &mn_type_strv, HOST(cap_add), MN_STR_OR_LIST },
        { "CapDrop", &mn_type_strv, HOST(cap_drop), MN_STR_OR_LIST },
        { "CgroupnsMode", &mn_type_str, HOST(cgroupns_mode), .since = 141 },
        { "Dns", &mn_type_strv, HOST(dns), MN_EMPTY_NOT_NULL },
        { "DnsOptions", &mn_type_strv, HOST(dns_options), MN_EMPTY_NOT_NULL },
        { "DnsSearch", &mn_type_strv, HOST(dns_search), MN_EMPTY_NOT_NULL },
        { "ExtraHosts", &mn_type_strv, HOST(extra_hosts) },
        { "GroupAdd", &mn_type_strv, HOST(group_add) },
        { "IpcMode", &mn_type_str, HOST(ipc_mode) },
        { "Cgroup", &mn_type_str, HOST(cgroup) },
        { "Links", &mn_type_strv, HOST(links) },
        { "OomScoreAdj", &mn_type_i32, HOST(oom_score_adj) },
        { "PidMode", &mn_type_str, HOST(pid_mode) },
        { "Privileged", &mn_type_bool, HOST(is_privileged) },
        { "PublishAllPorts", &mn_type_bool, HOST(publishes_all_ports) },
        { "ReadonlyRootfs", &mn_type_bool, HOST(is_rootfs_readonly) },
        { "SecurityOpt", &mn_type_strv, HOST(security_opt) },
        { "StorageOpt", &mn_type_str_map, HOST(storage_opt), MN_OMIT_EMPTY },
        { "Tmpfs", &mn_type_str_map, HOST(tmpfs), MN_OMIT_EMPTY },
        { "UTSMode", &mn_type_str, HOST(uts_mode) },
        { "UsernsMode", &mn_type_str, HOST(userns_mode) },
        { "ShmSize", &mn_type_i64, HOST(shm_size_bytes) },
        { "Sysctls", &mn_type_str_map, HOST(sysctls), MN_OMIT_EMPTY },
        { "Runtime", &mn_type_str, HOST(runtime), MN_OMIT_EMPTY },
        { "Isolation", &mn_type_str, HOST(isolation) },
        { "Resources", &resources_type, HOST(resources), MN_INLINE },
        { "Mounts", &mount_list_type, HOST(mounts), MN_OMIT_EMPTY },
        { "MaskedPaths", &mn_type_strv, HOST(masked_paths) },
        { "ReadonlyPaths", &mn_type_strv, HOST(readonly_paths) },
        { "Init", &mn_type_bool_ptr, HOST(has_init), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_host_config_type = MN_STRUCT(wire_host_config, host_config_fields);
const mn_type wire_host_config_ptr_type = MN_PTR_TO(&wire_host_config_type);

/* ---- requests ---- */

#define CREATE(member) offsetof(wire_container_create, member)
static const mn_field create_fields[] = {
        { "Config", &wire_container_config_type, CREATE(config), MN_INLINE },
        { "HostConfig", &wire_host_config_type, CREATE(host_config) },
        { "NetworkingConfig", &wire_networking_config_type, CREATE(networking_config) },
        { 0 },
};
const mn_type wire_container_create_type = MN_STRUCT(wire_container_create, create_fields);

static const mn_field create_response_fields[] = {
        { "Id", &mn_type_str, offsetof(wire_container_create_response, id) },
        { "Warnings", &mn_type_strv, offsetof(wire_container_create_response, warnings), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_container_create_response_type = MN_STRUCT(wire_container_create_response,
                                                              create_response_fields);

static const mn_field update_fields[] = {
        { "Resources", &resources_type, offsetof(wire_container_update, resources), MN_INLINE },
        { "RestartPolicy", &wire_restart_policy_type, offsetof(wire_container_update, restart_policy) },
        { 0 },
};
const mn_type wire_container_update_type = MN_STRUCT(wire_container_update, update_fields);

static const mn_field update_response_fields[] = {
        { "Warnings", &mn_type_strv, offsetof(wire_container_update_response, warnings), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_container_update_response_type = MN_STRUCT(wire_container_update_response,
                                                              update_response_fields);
