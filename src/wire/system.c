/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/system.h"

#include <stddef.h>

#define FIELD(T, json, member, type, ...)                                                                    \
        { json, type, offsetof(T, member), __VA_ARGS__ }

static const mn_field error_fields[] = {
        { "message", &mn_type_str, offsetof(wire_error, message), MN_REQUIRED },
        { 0 },
};
const mn_type wire_error_type = MN_STRUCT(wire_error, error_fields);

static const mn_field id_fields[] = {
        { "Id", &mn_type_str, offsetof(wire_id, id), MN_REQUIRED },
        { 0 },
};
const mn_type wire_id_type = MN_STRUCT(wire_id, id_fields);

/* ---- version ---- */

static const mn_field component_fields[] = {
        FIELD(wire_component, "Name", name, &mn_type_str, 0),
        FIELD(wire_component, "Version", version, &mn_type_str, 0),
        FIELD(wire_component, "Details", details, &mn_type_str_map, MN_OMIT_EMPTY),
        { 0 },
};
static const mn_type component_type = MN_STRUCT(wire_component, component_fields);
static const mn_type component_list = MN_LIST_OF(&component_type);

static const mn_field platform_name_fields[] = {
        FIELD(wire_platform_name, "Name", name, &mn_type_str, 0),
        { 0 },
};
static const mn_type platform_name_type = MN_STRUCT(wire_platform_name, platform_name_fields);

static const mn_field version_fields[] = {
        FIELD(wire_version, "Platform", platform, &platform_name_type, 0, 135),
        FIELD(wire_version, "Components", components, &component_list, MN_OMIT_EMPTY, 135),
        FIELD(wire_version, "Version", version, &mn_type_str, 0),
        FIELD(wire_version, "ApiVersion", api_version, &mn_type_str, 0),
        FIELD(wire_version, "MinAPIVersion", min_api_version, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_version, "GitCommit", git_commit, &mn_type_str, 0),
        FIELD(wire_version, "GoVersion", go_version, &mn_type_str, 0),
        FIELD(wire_version, "Os", os, &mn_type_str, 0),
        FIELD(wire_version, "Arch", arch, &mn_type_str, 0),
        FIELD(wire_version, "KernelVersion", kernel_version, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_version, "Experimental", experimental, &mn_type_bool, MN_OMIT_EMPTY),
        FIELD(wire_version, "BuildTime", build_time, &mn_type_str, MN_OMIT_EMPTY),
        { 0 },
};
const mn_type wire_version_type = MN_STRUCT(wire_version, version_fields);

/* ---- info ---- */

static const mn_field plugins_fields[] = {
        FIELD(wire_plugins_info, "Volume", volume, &mn_type_strv, MN_EMPTY_NOT_NULL),
        FIELD(wire_plugins_info, "Network", network, &mn_type_strv, MN_EMPTY_NOT_NULL),
        FIELD(wire_plugins_info, "Authorization", authorization, &mn_type_strv, 0),
        FIELD(wire_plugins_info, "Log", log, &mn_type_strv, MN_EMPTY_NOT_NULL),
        { 0 },
};
static const mn_type plugins_type = MN_STRUCT(wire_plugins_info, plugins_fields);

static const mn_field index_fields[] = {
        FIELD(wire_index_info, "Name", name, &mn_type_str, 0),
        FIELD(wire_index_info, "Mirrors", mirrors, &mn_type_strv, MN_EMPTY_NOT_NULL),
        FIELD(wire_index_info, "Secure", secure, &mn_type_bool, 0),
        FIELD(wire_index_info, "Official", official, &mn_type_bool, 0),
        { 0 },
};
static const mn_type index_type = MN_STRUCT(wire_index_info, index_fields);
static const mn_type index_map = MN_MAP_OF(&index_type);

static const mn_field registry_fields[] = {
        FIELD(wire_registry_config, "InsecureRegistryCIDRs", insecure_registry_cidrs, &mn_type_strv,
              MN_EMPTY_NOT_NULL),
        FIELD(wire_registry_config, "IndexConfigs", index_configs, &index_map, MN_EMPTY_NOT_NULL),
        FIELD(wire_registry_config, "Mirrors", mirrors, &mn_type_strv, MN_EMPTY_NOT_NULL),
        { 0 },
};
const mn_type wire_registry_config_type = MN_STRUCT(wire_registry_config, registry_fields);

static const mn_field runtime_fields[] = {
        FIELD(wire_runtime, "path", path, &mn_type_str, 0),
        FIELD(wire_runtime, "runtimeArgs", runtime_args, &mn_type_strv, MN_OMIT_EMPTY),
        { 0 },
};
static const mn_type runtime_type = MN_STRUCT(wire_runtime, runtime_fields);
static const mn_type runtime_map = MN_MAP_OF(&runtime_type);

static const mn_field commit_fields[] = {
        FIELD(wire_commit, "ID", id, &mn_type_str, 0),
        FIELD(wire_commit, "Expected", id, &mn_type_str, MN_OMIT_EMPTY, 0, 148),
        { 0 },
};
static const mn_type commit_type = MN_STRUCT(wire_commit, commit_fields);

static const mn_field swarm_fields[] = {
        FIELD(wire_swarm_info, "NodeID", node_id, &mn_type_str, 0),
        FIELD(wire_swarm_info, "NodeAddr", node_addr, &mn_type_str, 0),
        FIELD(wire_swarm_info, "LocalNodeState", local_node_state, &mn_type_str, 0),
        FIELD(wire_swarm_info, "ControlAvailable", control_available, &mn_type_bool, 0),
        FIELD(wire_swarm_info, "Error", error, &mn_type_str, 0),
        FIELD(wire_swarm_info, "RemoteManagers", remote_managers, &mn_type_raw, 0),
        { 0 },
};
static const mn_type swarm_type = MN_STRUCT(wire_swarm_info, swarm_fields);

static const mn_field pool_fields[] = {
        FIELD(wire_address_pool, "Base", base, &mn_type_str, 0),
        FIELD(wire_address_pool, "Size", size, &mn_type_i64, 0),
        { 0 },
};
static const mn_type pool_type = MN_STRUCT(wire_address_pool, pool_fields);
static const mn_type pool_list = MN_LIST_OF(&pool_type);

static const mn_field firewall_fields[] = {
        FIELD(wire_firewall_info, "Driver", driver, &mn_type_str, 0),
        { 0 },
};
static const mn_type firewall_type = MN_STRUCT(wire_firewall_info, firewall_fields);
static const mn_type firewall_ptr = MN_PTR_TO(&firewall_type);
static const mn_type pair_list = MN_LIST_OF(&mn_type_strv);

static const mn_field info_fields[] = {
        FIELD(wire_info, "ID", id, &mn_type_str, 0),
        FIELD(wire_info, "Containers", containers, &mn_type_i64, 0),
        FIELD(wire_info, "ContainersRunning", containers_running, &mn_type_i64, 0),
        FIELD(wire_info, "ContainersPaused", containers_paused, &mn_type_i64, 0),
        FIELD(wire_info, "ContainersStopped", containers_stopped, &mn_type_i64, 0),
        FIELD(wire_info, "Images", images, &mn_type_i64, 0),
        FIELD(wire_info, "Driver", driver, &mn_type_str, 0),
        FIELD(wire_info, "DriverStatus", driver_status, &pair_list, MN_EMPTY_NOT_NULL),
        FIELD(wire_info, "DockerRootDir", docker_root_dir, &mn_type_str, 0),
        FIELD(wire_info, "Plugins", plugins, &plugins_type, 0),
        FIELD(wire_info, "MemoryLimit", memory_limit, &mn_type_bool, 0),
        FIELD(wire_info, "SwapLimit", swap_limit, &mn_type_bool, 0),
        FIELD(wire_info, "CpuCfsPeriod", cpu_cfs_period, &mn_type_bool, 0),
        FIELD(wire_info, "CpuCfsQuota", cpu_cfs_quota, &mn_type_bool, 0),
        FIELD(wire_info, "CPUShares", cpu_shares, &mn_type_bool, 0),
        FIELD(wire_info, "CPUSet", cpu_set, &mn_type_bool, 0),
        FIELD(wire_info, "PidsLimit", pids_limit, &mn_type_bool, 0),
        FIELD(wire_info, "OomKillDisable", oom_kill_disable, &mn_type_bool, 0),
        FIELD(wire_info, "IPv4Forwarding", ipv4_forwarding, &mn_type_bool, 0),
        FIELD(wire_info, "BridgeNfIptables", bridge_nf_iptables, &mn_type_bool, 0, 0, 149),
        FIELD(wire_info, "BridgeNfIp6tables", bridge_nf_ip6tables, &mn_type_bool, 0, 0, 149),
        FIELD(wire_info, "Debug", debug, &mn_type_bool, 0),
        FIELD(wire_info, "NFd", nfd, &mn_type_i64, 0),
        FIELD(wire_info, "NGoroutines", ngoroutines, &mn_type_i64, 0),
        FIELD(wire_info, "SystemTime", system_time, &mn_type_time, 0),
        FIELD(wire_info, "LoggingDriver", logging_driver, &mn_type_str, 0),
        FIELD(wire_info, "CgroupDriver", cgroup_driver, &mn_type_str, 0),
        FIELD(wire_info, "CgroupVersion", cgroup_version, &mn_type_str, MN_OMIT_EMPTY, 141),
        FIELD(wire_info, "NEventsListener", nevents_listener, &mn_type_i64, 0),
        FIELD(wire_info, "KernelVersion", kernel_version, &mn_type_str, 0),
        FIELD(wire_info, "OperatingSystem", operating_system, &mn_type_str, 0),
        FIELD(wire_info, "OSVersion", os_version, &mn_type_str, 0),
        FIELD(wire_info, "OSType", os_type, &mn_type_str, 0),
        FIELD(wire_info, "Architecture", architecture, &mn_type_str, 0),
        FIELD(wire_info, "IndexServerAddress", index_server_address, &mn_type_str, 0),
        FIELD(wire_info, "RegistryConfig", registry_config, &wire_registry_config_type, 0),
        FIELD(wire_info, "NCPU", ncpu, &mn_type_i64, 0),
        FIELD(wire_info, "MemTotal", mem_total, &mn_type_i64, 0),
        FIELD(wire_info, "GenericResources", generic_resources, &mn_type_raw, 0),
        FIELD(wire_info, "HttpProxy", http_proxy, &mn_type_str, 0),
        FIELD(wire_info, "HttpsProxy", https_proxy, &mn_type_str, 0),
        FIELD(wire_info, "NoProxy", no_proxy, &mn_type_str, 0),
        FIELD(wire_info, "Name", name, &mn_type_str, 0),
        FIELD(wire_info, "Labels", labels, &mn_type_strv, MN_EMPTY_NOT_NULL),
        FIELD(wire_info, "ExperimentalBuild", experimental_build, &mn_type_bool, 0),
        FIELD(wire_info, "ServerVersion", server_version, &mn_type_str, 0),
        FIELD(wire_info, "Runtimes", runtimes, &runtime_map, MN_EMPTY_NOT_NULL),
        FIELD(wire_info, "DefaultRuntime", default_runtime, &mn_type_str, 0),
        FIELD(wire_info, "Swarm", swarm, &swarm_type, 0),
        FIELD(wire_info, "LiveRestoreEnabled", live_restore_enabled, &mn_type_bool, 0),
        FIELD(wire_info, "Isolation", isolation, &mn_type_str, 0),
        FIELD(wire_info, "InitBinary", init_binary, &mn_type_str, 0),
        FIELD(wire_info, "ContainerdCommit", containerd_commit, &commit_type, 0),
        FIELD(wire_info, "RuncCommit", runc_commit, &commit_type, 0),
        FIELD(wire_info, "InitCommit", init_commit, &commit_type, 0),
        FIELD(wire_info, "SecurityOptions", security_options, &mn_type_strv, MN_EMPTY_NOT_NULL),
        FIELD(wire_info, "ProductLicense", product_license, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_info, "DefaultAddressPools", default_address_pools, &pool_list, MN_OMIT_EMPTY),
        FIELD(wire_info, "FirewallBackend", firewall_backend, &firewall_ptr, MN_OMIT_EMPTY, 149),
        FIELD(wire_info, "CDISpecDirs", cdi_spec_dirs, &mn_type_strv, MN_EMPTY_NOT_NULL, 144),
        FIELD(wire_info, "Warnings", warnings, &mn_type_strv, 0),
        { 0 },
};
const mn_type wire_info_type = MN_STRUCT(wire_info, info_fields);

/* ---- auth ---- */

static const mn_field auth_config_fields[] = {
        FIELD(wire_auth_config, "username", username, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_auth_config, "password", password, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_auth_config, "auth", auth, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_auth_config, "email", email, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_auth_config, "serveraddress", serveraddress, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_auth_config, "identitytoken", identitytoken, &mn_type_str, MN_OMIT_EMPTY),
        FIELD(wire_auth_config, "registrytoken", registrytoken, &mn_type_str, MN_OMIT_EMPTY),
        { 0 },
};
const mn_type wire_auth_config_type = MN_STRUCT(wire_auth_config, auth_config_fields);

static const mn_field auth_response_fields[] = {
        FIELD(wire_auth_response, "Status", status, &mn_type_str, MN_REQUIRED),
        FIELD(wire_auth_response, "IdentityToken", identity_token, &mn_type_str, MN_OMIT_EMPTY),
        { 0 },
};
const mn_type wire_auth_response_type = MN_STRUCT(wire_auth_response, auth_response_fields);
