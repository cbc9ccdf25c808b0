/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of the API's network documents, in the order Docker writes them. */

#include "wire/network.h"

/* ---- ports ---- */

static const mn_field port_binding_fields[] = {
        { "HostIp", &mn_type_str, offsetof(wire_port_binding, host_ip) },
        { "HostPort", &mn_type_str, offsetof(wire_port_binding, host_port) },
        { 0 },
};
const mn_type wire_port_binding_type = MN_STRUCT(wire_port_binding, port_binding_fields);
static const mn_type port_binding_list_type = MN_LIST_OF(&wire_port_binding_type);
const mn_type wire_port_map_type = MN_MAP_OF(&port_binding_list_type);

static const mn_field port_summary_fields[] = {
        { "IP", &mn_type_str, offsetof(wire_port_summary, ip), MN_OMIT_EMPTY },
        { "PrivatePort", &mn_type_u16, offsetof(wire_port_summary, private_port) },
        { "PublicPort", &mn_type_u16, offsetof(wire_port_summary, public_port), MN_OMIT_EMPTY },
        { "Type", &mn_type_str, offsetof(wire_port_summary, type) },
        { 0 },
};
static const mn_type port_summary_type = MN_STRUCT(wire_port_summary, port_summary_fields);
const mn_type wire_port_summary_list_type = MN_LIST_OF(&port_summary_type);

/* ---- endpoints ---- */

static const mn_field endpoint_ipam_fields[] = {
        { "IPv4Address", &mn_type_str, offsetof(wire_endpoint_ipam, ipv4_address), MN_OMIT_EMPTY },
        { "IPv6Address", &mn_type_str, offsetof(wire_endpoint_ipam, ipv6_address), MN_OMIT_EMPTY },
        { "LinkLocalIPs", &mn_type_strv, offsetof(wire_endpoint_ipam, link_local_ips), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type endpoint_ipam_type = MN_STRUCT(wire_endpoint_ipam, endpoint_ipam_fields);
static const mn_type endpoint_ipam_ptr_type = MN_PTR_TO(&endpoint_ipam_type);

#define ENDPOINT(member) offsetof(wire_endpoint_settings, member)
static const mn_field endpoint_fields[] = {
        { "IPAMConfig", &endpoint_ipam_ptr_type, ENDPOINT(ipam_config) },
        { "Links", &mn_type_strv, ENDPOINT(links) },
        { "Aliases", &mn_type_strv, ENDPOINT(aliases) },
        { "MacAddress", &mn_type_str, ENDPOINT(mac_address) },
        { "DriverOpts", &mn_type_str_map, ENDPOINT(driver_opts) },
        { "GwPriority", &mn_type_i64, ENDPOINT(gw_priority), .since = 148 },
        { "NetworkID", &mn_type_str, ENDPOINT(network_id) },
        { "EndpointID", &mn_type_str, ENDPOINT(endpoint_id) },
        { "Gateway", &mn_type_str, ENDPOINT(gateway) },
        { "IPAddress", &mn_type_str, ENDPOINT(ip_address) },
        { "IPPrefixLen", &mn_type_i32, ENDPOINT(ip_prefix_len) },
        { "IPv6Gateway", &mn_type_str, ENDPOINT(ipv6_gateway) },
        { "GlobalIPv6Address", &mn_type_str, ENDPOINT(global_ipv6_address) },
        { "GlobalIPv6PrefixLen", &mn_type_i64, ENDPOINT(global_ipv6_prefix_len) },
        { "DNSNames", &mn_type_strv, ENDPOINT(dns_names), .since = 144 },
        { 0 },
};
const mn_type wire_endpoint_settings_type = MN_STRUCT(wire_endpoint_settings, endpoint_fields);
const mn_type wire_endpoint_settings_ptr_type = MN_PTR_TO(&wire_endpoint_settings_type);
const mn_type wire_endpoints_type = MN_MAP_OF(&wire_endpoint_settings_ptr_type);

static const mn_field networking_config_fields[] = {
        { "EndpointsConfig", &wire_endpoints_type, offsetof(wire_networking_config, endpoints) },
        { 0 },
};
const mn_type wire_networking_config_type = MN_STRUCT(wire_networking_config, networking_config_fields);
const mn_type wire_networking_config_ptr_type = MN_PTR_TO(&wire_networking_config_type);

/* ---- networks ---- */

#define IPAM_CONFIG(member) offsetof(wire_ipam_config, member)
static const mn_field ipam_config_fields[] = {
        { "Subnet", &mn_type_str, IPAM_CONFIG(subnet), MN_OMIT_EMPTY },
        { "IPRange", &mn_type_str, IPAM_CONFIG(ip_range), MN_OMIT_EMPTY },
        { "Gateway", &mn_type_str, IPAM_CONFIG(gateway), MN_OMIT_EMPTY },
        { "AuxiliaryAddresses", &mn_type_str_map, IPAM_CONFIG(auxiliary_addresses), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type ipam_config_type = MN_STRUCT(wire_ipam_config, ipam_config_fields);
static const mn_type ipam_config_list_type = MN_LIST_OF(&ipam_config_type);

static const mn_field ipam_fields[] = {
        { "Driver", &mn_type_str, offsetof(wire_ipam, driver) },
        { "Options", &mn_type_str_map, offsetof(wire_ipam, options) },
        { "Config", &ipam_config_list_type, offsetof(wire_ipam, config), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_ipam_type = MN_STRUCT(wire_ipam, ipam_fields);
static const mn_type ipam_ptr_type = MN_PTR_TO(&wire_ipam_type);

static const mn_field config_reference_fields[] = {
        { "Network", &mn_type_str, offsetof(wire_config_reference, network) },
        { 0 },
};
static const mn_type config_reference_type = MN_STRUCT(wire_config_reference, config_reference_fields);
static const mn_type config_reference_ptr_type = MN_PTR_TO(&config_reference_type);

#define CREATE(member) offsetof(wire_network_create, member)
static const mn_field create_fields[] = {
        { "Name", &mn_type_str, CREATE(name) },
        { "CheckDuplicate", &mn_type_bool, CREATE(check_duplicate), MN_OMIT_EMPTY },
        { "Driver", &mn_type_str, CREATE(driver) },
        { "Scope", &mn_type_str, CREATE(scope) },
        { "EnableIPv4", &mn_type_bool_ptr, CREATE(enable_ipv4), MN_OMIT_EMPTY },
        { "EnableIPv6", &mn_type_bool_ptr, CREATE(enable_ipv6), MN_OMIT_EMPTY },
        { "IPAM", &ipam_ptr_type, CREATE(ipam) },
        { "Internal", &mn_type_bool, CREATE(is_internal) },
        { "Attachable", &mn_type_bool, CREATE(is_attachable) },
        { "Ingress", &mn_type_bool, CREATE(is_ingress) },
        { "ConfigOnly", &mn_type_bool, CREATE(is_config_only) },
        { "ConfigFrom", &config_reference_ptr_type, CREATE(config_from) },
        { "Options", &mn_type_str_map, CREATE(options) },
        { "Labels", &mn_type_str_map, CREATE(labels) },
        { 0 },
};
const mn_type wire_network_create_type = MN_STRUCT(wire_network_create, create_fields);

static const mn_field create_response_fields[] = {
        { "Id", &mn_type_str, offsetof(wire_network_create_response, id) },
        { "Warning", &mn_type_str, offsetof(wire_network_create_response, warning) },
        { 0 },
};
const mn_type wire_network_create_response_type = MN_STRUCT(wire_network_create_response,
                                                            create_response_fields);

#define RESOURCE(member) offsetof(wire_endpoint_resource, member)
static const mn_field endpoint_resource_fields[] = {
        { "Name", &mn_type_str, RESOURCE(name) },
        { "EndpointID", &mn_type_str, RESOURCE(endpoint_id) },
        { "MacAddress", &mn_type_str, RESOURCE(mac_address) },
        { "IPv4Address", &mn_type_str, RESOURCE(ipv4_address) },
        { "IPv6Address", &mn_type_str, RESOURCE(ipv6_address) },
        { 0 },
};
static const mn_type endpoint_resource_type = MN_STRUCT(wire_endpoint_resource, endpoint_resource_fields);
static const mn_type endpoint_resources_type = MN_MAP_OF(&endpoint_resource_type);

static const mn_field subnet_status_fields[] = {
        { "IPsInUse", &mn_type_u64, offsetof(wire_subnet_status, ips_in_use) },
        { "DynamicIPsAvailable", &mn_type_u64, offsetof(wire_subnet_status, dynamic_ips_available) },
        { 0 },
};
static const mn_type subnet_status_type = MN_STRUCT(wire_subnet_status, subnet_status_fields);
static const mn_type subnet_statuses_type = MN_MAP_OF(&subnet_status_type);
static const mn_field ipam_status_fields[] = {
        { "Subnets", &subnet_statuses_type, offsetof(wire_ipam_status, subnets), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type ipam_status_type = MN_STRUCT(wire_ipam_status, ipam_status_fields);
static const mn_field network_status_fields[] = {
        { "IPAM", &ipam_status_type, offsetof(wire_network_status, ipam) },
        { 0 },
};
static const mn_type network_status_type = MN_STRUCT(wire_network_status, network_status_fields);
static const mn_type network_status_ptr_type = MN_PTR_TO(&network_status_type);

#define NETWORK(member) offsetof(wire_network, member)
/* The list item lost its always empty "Containers" in v1.52; the inspect document keeps it. */
#define NETWORK_FIELDS(containers_until)                                                                     \
        { "Name", &mn_type_str, NETWORK(name) }, { "Id", &mn_type_str, NETWORK(id) },                        \
                { "Created", &mn_type_time, NETWORK(created_ns) },                                           \
                { "Scope", &mn_type_str, NETWORK(scope) }, { "Driver", &mn_type_str, NETWORK(driver) },      \
                { "EnableIPv4", &mn_type_bool, NETWORK(has_ipv4), .since = 147 },                            \
                { "EnableIPv6", &mn_type_bool, NETWORK(has_ipv6) },                                          \
                { "IPAM", &wire_ipam_type, NETWORK(ipam) },                                                  \
                { "Internal", &mn_type_bool, NETWORK(is_internal) },                                         \
                { "Attachable", &mn_type_bool, NETWORK(is_attachable) },                                     \
                { "Ingress", &mn_type_bool, NETWORK(is_ingress) },                                           \
                { "ConfigFrom", &config_reference_type, NETWORK(config_from) },                              \
                { "ConfigOnly", &mn_type_bool, NETWORK(is_config_only) },                                    \
                { "Containers", &endpoint_resources_type, NETWORK(containers), MN_EMPTY_NOT_NULL,            \
                  .until = (containers_until) },                                                             \
                { "Options", &mn_type_str_map, NETWORK(options), MN_EMPTY_NOT_NULL },                        \
                { "Labels", &mn_type_str_map, NETWORK(labels), MN_EMPTY_NOT_NULL },

static const mn_field network_fields[] = {
        NETWORK_FIELDS(0){ "Status", &network_status_ptr_type, NETWORK(status), MN_OMIT_EMPTY, .since = 152 },
        { 0 },
};
const mn_type wire_network_type = MN_STRUCT(wire_network, network_fields);

static const mn_field network_summary_fields[] = { NETWORK_FIELDS(151){ 0 } };
static const mn_type network_summary_type = MN_STRUCT(wire_network, network_summary_fields);
const mn_type wire_network_list_type = MN_LIST_OF(&network_summary_type);

static const mn_field connect_fields[] = {
        { "Container", &mn_type_str, offsetof(wire_network_connect, container) },
        { "EndpointConfig", &wire_endpoint_settings_ptr_type,
          offsetof(wire_network_connect, endpoint_config) },
        { 0 },
};
const mn_type wire_network_connect_type = MN_STRUCT(wire_network_connect, connect_fields);

static const mn_field disconnect_fields[] = {
        { "Container", &mn_type_str, offsetof(wire_network_disconnect, container) },
        { "Force", &mn_type_bool, offsetof(wire_network_disconnect, is_forced) },
        { 0 },
};
const mn_type wire_network_disconnect_type = MN_STRUCT(wire_network_disconnect, disconnect_fields);

static const mn_field prune_report_fields[] = {
        { "NetworksDeleted", &mn_type_strv, offsetof(wire_network_prune_report, networks_deleted) },
        { 0 },
};
const mn_type wire_network_prune_report_type = MN_STRUCT(wire_network_prune_report, prune_report_fields);
