/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of the API's container documents, in the order Docker writes them. */

#include "wire/container.h"

/* ---- inspect ---- */

static const mn_field health_result_fields[] = {
        { "Start", &mn_type_time, offsetof(wire_health_result, start_ns) },
        { "End", &mn_type_time, offsetof(wire_health_result, end_ns) },
        { "ExitCode", &mn_type_i32, offsetof(wire_health_result, exit_code) },
        { "Output", &mn_type_str, offsetof(wire_health_result, output) },
        { 0 },
};
static const mn_type health_result_type = MN_STRUCT(wire_health_result, health_result_fields);
static const mn_type health_result_list_type = MN_LIST_OF(&health_result_type);

static const mn_field health_fields[] = {
        { "Status", &mn_type_str, offsetof(wire_health, status) },
        { "FailingStreak", &mn_type_i32, offsetof(wire_health, failing_streak) },
        { "Log", &health_result_list_type, offsetof(wire_health, log), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_health_type = MN_STRUCT(wire_health, health_fields);
const mn_type wire_health_ptr_type = MN_PTR_TO(&wire_health_type);

#define STATE(member) offsetof(wire_container_state, member)
static const mn_field state_fields[] = {
        { "Status", &mn_type_str, STATE(status) },
        { "Running", &mn_type_bool, STATE(is_running) },
        { "Paused", &mn_type_bool, STATE(is_paused) },
        { "Restarting", &mn_type_bool, STATE(is_restarting) },
        { "OOMKilled", &mn_type_bool, STATE(is_oom_killed) },
        { "Dead", &mn_type_bool, STATE(is_dead) },
        { "Pid", &mn_type_i32, STATE(pid) },
        { "ExitCode", &mn_type_i32, STATE(exit_code) },
        { "Error", &mn_type_str, STATE(error) },
        { "StartedAt", &mn_type_time, STATE(started_at) },
        { "FinishedAt", &mn_type_time, STATE(finished_at) },
        { "Health", &wire_health_ptr_type, STATE(health), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_container_state_type = MN_STRUCT(wire_container_state, state_fields);

#define POINT(member) offsetof(wire_mount_point, member)
static const mn_field mount_point_fields[] = {
        { "Type", &mn_type_str, POINT(type), MN_OMIT_EMPTY },
        { "Name", &mn_type_str, POINT(name), MN_OMIT_EMPTY },
        { "Source", &mn_type_str, POINT(source) },
        { "Destination", &mn_type_str, POINT(destination) },
        { "Driver", &mn_type_str, POINT(driver), MN_OMIT_EMPTY },
        { "Mode", &mn_type_str, POINT(mode) },
        { "RW", &mn_type_bool, POINT(is_writable) },
        { "Propagation", &mn_type_str, POINT(propagation) },
        { 0 },
};
static const mn_type mount_point_type = MN_STRUCT(wire_mount_point, mount_point_fields);
const mn_type wire_mount_point_list_type = MN_LIST_OF(&mount_point_type);

#define NET(member) offsetof(wire_network_settings, member)
static const mn_field network_settings_fields[] = {
        { "Bridge", &mn_type_str, NET(bridge), .until = 151 },
        { "SandboxID", &mn_type_str, NET(sandbox_id) },
        { "SandboxKey", &mn_type_str, NET(sandbox_key) },
        { "Ports", &wire_port_map_type, NET(ports), MN_EMPTY_NOT_NULL },
        { "HairpinMode", &mn_type_bool, NET(has_hairpin), .until = 151 },
        { "LinkLocalIPv6Address", &mn_type_str, NET(link_local_ipv6_address), .until = 151 },
        { "LinkLocalIPv6PrefixLen", &mn_type_i32, NET(link_local_ipv6_prefix_len), .until = 151 },
        { "SecondaryIPAddresses", &mn_type_raw, NET(secondary_ip_addresses), .until = 151 },
        { "SecondaryIPv6Addresses", &mn_type_raw, NET(secondary_ipv6_addresses), .until = 151 },
        { "EndpointID", &mn_type_str, NET(endpoint_id), .until = 151 },
        { "Gateway", &mn_type_str, NET(gateway), .until = 151 },
        { "GlobalIPv6Address", &mn_type_str, NET(global_ipv6_address), .until = 151 },
        { "GlobalIPv6PrefixLen", &mn_type_i32, NET(global_ipv6_prefix_len), .until = 151 },
        { "IPAddress", &mn_type_str, NET(ip_address), .until = 151 },
        { "IPPrefixLen", &mn_type_i32, NET(ip_prefix_len), .until = 151 },
        { "IPv6Gateway", &mn_type_str, NET(ipv6_gateway), .until = 151 },
        { "MacAddress", &mn_type_str, NET(mac_address), .until = 151 },
        { "Networks", &wire_endpoints_type, NET(networks), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type network_settings_type = MN_STRUCT(wire_network_settings, network_settings_fields);

static const mn_field graph_driver_fields[] = {
        { "Data", &mn_type_str_map, offsetof(wire_graph_driver, data) },
        { "Name", &mn_type_str, offsetof(wire_graph_driver, name) },
        { 0 },
};
static const mn_type graph_driver_type = MN_STRUCT(wire_graph_driver, graph_driver_fields);

static const mn_field snapshot_fields[] = {
        { "Name", &mn_type_str, offsetof(wire_rootfs_snapshot, name), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type snapshot_type = MN_STRUCT(wire_rootfs_snapshot, snapshot_fields);
static const mn_type snapshot_ptr_type = MN_PTR_TO(&snapshot_type);
static const mn_field rootfs_storage_fields[] = {
        { "Snapshot", &snapshot_ptr_type, offsetof(wire_rootfs_storage, snapshot), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type rootfs_storage_type = MN_STRUCT(wire_rootfs_storage, rootfs_storage_fields);
static const mn_type rootfs_storage_ptr_type = MN_PTR_TO(&rootfs_storage_type);
static const mn_field storage_fields[] = {
        { "RootFS", &rootfs_storage_ptr_type, offsetof(wire_storage, rootfs), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type storage_type = MN_STRUCT(wire_storage, storage_fields);
static const mn_type storage_ptr_type = MN_PTR_TO(&storage_type);

#define INSPECT(member) offsetof(wire_container_inspect, member)
static const mn_field inspect_fields[] = {
        { "Id", &mn_type_str, INSPECT(id) },
        { "Created", &mn_type_time, INSPECT(created_ns) },
        { "Path", &mn_type_str, INSPECT(path) },
        { "Args", &mn_type_strv, INSPECT(args), MN_EMPTY_NOT_NULL },
        { "State", &wire_container_state_type, INSPECT(state) },
        { "Image", &mn_type_str, INSPECT(image) },
        { "ResolvConfPath", &mn_type_str, INSPECT(resolv_conf_path) },
        { "HostnamePath", &mn_type_str, INSPECT(hostname_path) },
        { "HostsPath", &mn_type_str, INSPECT(hosts_path) },
        { "LogPath", &mn_type_str, INSPECT(log_path) },
        { "Name", &mn_type_str, INSPECT(name) },
        { "RestartCount", &mn_type_i32, INSPECT(restart_count) },
        { "Driver", &mn_type_str, INSPECT(driver) },
        { "Platform", &mn_type_str, INSPECT(platform) },
        { "MountLabel", &mn_type_str, INSPECT(mount_label) },
        { "ProcessLabel", &mn_type_str, INSPECT(process_label) },
        { "AppArmorProfile", &mn_type_str, INSPECT(apparmor_profile) },
        { "ExecIDs", &mn_type_strv, INSPECT(exec_ids) },
        { "HostConfig", &wire_host_config_type, INSPECT(host_config) },
        { "GraphDriver", &graph_driver_type, INSPECT(graph_driver), .until = 151 },
        { "Storage", &storage_ptr_type, INSPECT(storage), MN_OMIT_EMPTY, .since = 152 },
        { "SizeRw", &mn_type_i64_ptr, INSPECT(size_rw), MN_OMIT_EMPTY },
        { "SizeRootFs", &mn_type_i64_ptr, INSPECT(size_root_fs), MN_OMIT_EMPTY },
        { "Mounts", &wire_mount_point_list_type, INSPECT(mounts), MN_EMPTY_NOT_NULL },
        { "Config", &wire_container_config_type, INSPECT(config) },
        { "NetworkSettings", &network_settings_type, INSPECT(network_settings) },
        { 0 },
};
const mn_type wire_container_inspect_type = MN_STRUCT(wire_container_inspect, inspect_fields);

/* ---- list ---- */

static const mn_field summary_host_config_fields[] = {
        { "NetworkMode", &mn_type_str, offsetof(wire_summary_host_config, network_mode), MN_OMIT_EMPTY },
        { "Annotations", &mn_type_str_map, offsetof(wire_summary_host_config, annotations), MN_OMIT_EMPTY,
          .since = 146 },
        { 0 },
};
static const mn_type summary_host_config_type = MN_STRUCT(wire_summary_host_config,
                                                          summary_host_config_fields);

static const mn_field summary_network_fields[] = {
        { "Networks", &wire_endpoints_type, offsetof(wire_summary_network_settings, networks),
          MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type summary_network_type = MN_STRUCT(wire_summary_network_settings, summary_network_fields);

static const mn_field summary_health_fields[] = {
        { "Status", &mn_type_str, offsetof(wire_summary_health, status) },
        { "FailingStreak", &mn_type_i32, offsetof(wire_summary_health, failing_streak) },
        { 0 },
};
static const mn_type summary_health_type = MN_STRUCT(wire_summary_health, summary_health_fields);
static const mn_type summary_health_ptr_type = MN_PTR_TO(&summary_health_type);

#define SUMMARY(member) offsetof(wire_container_summary, member)
static const mn_field summary_fields[] = {
        { "Id", &mn_type_str, SUMMARY(id) },
        { "Names", &mn_type_strv, SUMMARY(names), MN_EMPTY_NOT_NULL },
        { "Image", &mn_type_str, SUMMARY(image) },
        { "ImageID", &mn_type_str, SUMMARY(image_id) },
        { "Command", &mn_type_str, SUMMARY(command) },
        { "Created", &mn_type_i64, SUMMARY(created) },
        { "Ports", &wire_port_summary_list_type, SUMMARY(ports), MN_EMPTY_NOT_NULL },
        { "SizeRw", &mn_type_i64, SUMMARY(size_rw), MN_OMIT_EMPTY },
        { "SizeRootFs", &mn_type_i64, SUMMARY(size_root_fs), MN_OMIT_EMPTY },
        { "Labels", &mn_type_str_map, SUMMARY(labels), MN_EMPTY_NOT_NULL },
        { "State", &mn_type_str, SUMMARY(state) },
        { "Status", &mn_type_str, SUMMARY(status) },
        { "HostConfig", &summary_host_config_type, SUMMARY(host_config) },
        { "Health", &summary_health_ptr_type, SUMMARY(health), MN_OMIT_EMPTY, .since = 152 },
        { "NetworkSettings", &summary_network_type, SUMMARY(network_settings) },
        { "Mounts", &wire_mount_point_list_type, SUMMARY(mounts), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_container_summary_type = MN_STRUCT(wire_container_summary, summary_fields);
const mn_type wire_container_summary_list_type = MN_LIST_OF(&wire_container_summary_type);

/* ---- wait, top, changes, prune, archive ---- */

static const mn_field wait_error_fields[] = {
        { "Message", &mn_type_str, offsetof(wire_container_wait_error, message) },
        { 0 },
};
static const mn_type wait_error_type = MN_STRUCT(wire_container_wait_error, wait_error_fields);
static const mn_type wait_error_ptr_type = MN_PTR_TO(&wait_error_type);

static const mn_field wait_fields[] = {
        { "StatusCode", &mn_type_i64, offsetof(wire_container_wait_response, status_code) },
        { "Error", &wait_error_ptr_type, offsetof(wire_container_wait_response, error), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_container_wait_response_type = MN_STRUCT(wire_container_wait_response, wait_fields);

static const mn_type strv_list_type = MN_LIST_OF(&mn_type_strv);
static const mn_field top_fields[] = {
        { "Titles", &mn_type_strv, offsetof(wire_container_top, titles), MN_EMPTY_NOT_NULL },
        { "Processes", &strv_list_type, offsetof(wire_container_top, processes), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_container_top_type = MN_STRUCT(wire_container_top, top_fields);

static const mn_field prune_fields[] = {
        { "ContainersDeleted", &mn_type_strv, offsetof(wire_container_prune_report, containers_deleted),
          MN_EMPTY_NOT_NULL },
        { "SpaceReclaimed", &mn_type_u64, offsetof(wire_container_prune_report, space_reclaimed) },
        { 0 },
};
const mn_type wire_container_prune_report_type = MN_STRUCT(wire_container_prune_report, prune_fields);

static const mn_field path_stat_fields[] = {
        { "name", &mn_type_str, offsetof(wire_path_stat, name) },
        { "size", &mn_type_i64, offsetof(wire_path_stat, size) },
        { "mode", &mn_type_u32, offsetof(wire_path_stat, mode) },
        { "mtime", &mn_type_time, offsetof(wire_path_stat, mtime_ns) },
        { "linkTarget", &mn_type_str, offsetof(wire_path_stat, link_target) },
        { 0 },
};
const mn_type wire_path_stat_type = MN_STRUCT(wire_path_stat, path_stat_fields);

/* ---- exec ---- */

static const mn_type u64_list_type = MN_LIST_OF(&mn_type_u64);

#define EXEC(member) offsetof(wire_exec_create, member)
static const mn_field exec_create_fields[] = {
        { "User", &mn_type_str, EXEC(user) },
        { "Privileged", &mn_type_bool, EXEC(is_privileged) },
        { "Tty", &mn_type_bool, EXEC(is_tty) },
        { "ConsoleSize", &u64_list_type, EXEC(console_size), MN_OMIT_EMPTY },
        { "AttachStdin", &mn_type_bool, EXEC(is_stdin_attached) },
        { "AttachStderr", &mn_type_bool, EXEC(is_stderr_attached) },
        { "AttachStdout", &mn_type_bool, EXEC(is_stdout_attached) },
        { "Detach", &mn_type_bool, EXEC(is_detached) },
        { "DetachKeys", &mn_type_str, EXEC(detach_keys) },
        { "Env", &mn_type_strv, EXEC(env) },
        { "WorkingDir", &mn_type_str, EXEC(working_dir) },
        { "Cmd", &mn_type_strv, EXEC(cmd), MN_STR_OR_LIST },
        { 0 },
};
const mn_type wire_exec_create_type = MN_STRUCT(wire_exec_create, exec_create_fields);

static const mn_field exec_create_response_fields[] = {
        { "Id", &mn_type_str, offsetof(wire_exec_create_response, id) },
        { 0 },
};
const mn_type wire_exec_create_response_type = MN_STRUCT(wire_exec_create_response,
                                                         exec_create_response_fields);

static const mn_field exec_start_fields[] = {
        { "Detach", &mn_type_bool, offsetof(wire_exec_start, is_detached) },
        { "Tty", &mn_type_bool, offsetof(wire_exec_start, is_tty) },
        { "ConsoleSize", &u64_list_type, offsetof(wire_exec_start, console_size), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_exec_start_type = MN_STRUCT(wire_exec_start, exec_start_fields);

static const mn_field exec_process_fields[] = {
        { "tty", &mn_type_bool, offsetof(wire_exec_process, is_tty) },
        { "entrypoint", &mn_type_str, offsetof(wire_exec_process, entrypoint) },
        { "arguments", &mn_type_strv, offsetof(wire_exec_process, arguments), MN_EMPTY_NOT_NULL },
        { "privileged", &mn_type_bool, offsetof(wire_exec_process, is_privileged) },
        { "user", &mn_type_str, offsetof(wire_exec_process, user), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type exec_process_type = MN_STRUCT(wire_exec_process, exec_process_fields);

#define EXEC_INSPECT(member) offsetof(wire_exec_inspect, member)
static const mn_field exec_inspect_fields[] = {
        { "ID", &mn_type_str, EXEC_INSPECT(id) },
        { "Running", &mn_type_bool, EXEC_INSPECT(is_running) },
        { "ExitCode", &mn_type_i32_ptr, EXEC_INSPECT(exit_code) },
        { "ProcessConfig", &exec_process_type, EXEC_INSPECT(process_config) },
        { "OpenStdin", &mn_type_bool, EXEC_INSPECT(has_open_stdin) },
        { "OpenStderr", &mn_type_bool, EXEC_INSPECT(has_open_stderr) },
        { "OpenStdout", &mn_type_bool, EXEC_INSPECT(has_open_stdout) },
        { "CanRemove", &mn_type_bool, EXEC_INSPECT(is_removable) },
        { "ContainerID", &mn_type_str, EXEC_INSPECT(container_id) },
        { "DetachKeys", &mn_type_str, EXEC_INSPECT(detach_keys) },
        { "Pid", &mn_type_i32, EXEC_INSPECT(pid) },
        { 0 },
};
const mn_type wire_exec_inspect_type = MN_STRUCT(wire_exec_inspect, exec_inspect_fields);
