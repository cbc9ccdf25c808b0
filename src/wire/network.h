/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Networks in the API: requests, list and inspect responses, and the endpoint settings and port maps that
 * containers carry. One struct per document; decoded ones live in an arena. Addresses are text here
 * ("172.17.0.2", "172.17.0.0/16") and are checked by the network module.
 */

#include "codec/json.h"

/* ---- ports ---- */

/* Where a container's port is published. HostPort is decimal text, "" for any free port, or a range "a-b". */
typedef struct wire_port_binding {
        char *host_ip;
        char *host_port;
} wire_port_binding;
typedef MN_LIST(wire_port_binding) wire_port_binding_list;

/* "80/tcp" to its bindings; a key without bindings is exposed but not published. */
typedef MN_KEYED(wire_port_binding_list) wire_port_map;

/* One published or exposed port as `GET /containers/json` lists it. */
typedef struct wire_port_summary {
        char *ip;              /* "" when not published */
        uint16_t private_port; /* in the container */
        uint16_t public_port;  /* on the host; 0 when not published */
        char *type;            /* tcp, udp, sctp */
} wire_port_summary;
typedef MN_LIST(wire_port_summary) wire_port_summary_list;

extern const mn_type wire_port_binding_type;
extern const mn_type wire_port_map_type;          /* wire_port_map */
extern const mn_type wire_port_summary_list_type; /* wire_port_summary_list */

/* ---- endpoints: a container's place in a network ---- */

/* Addresses the user asked for. */
typedef struct wire_endpoint_ipam {
        char *ipv4_address;
        char *ipv6_address;
        char **link_local_ips;
} wire_endpoint_ipam;

/* Asked for (upper half) and in effect (lower half: "" and 0 while the container does not run). */
typedef struct wire_endpoint_settings {
        wire_endpoint_ipam *ipam_config; /* NULL: no wishes */
        char **links;                    /* legacy, "container:alias" */
        char **aliases;
        char *mac_address; /* asked for or in effect */
        mn_str_map driver_opts;
        int64_t gw_priority;

        char *network_id;
        char *endpoint_id;
        char *gateway;
        char *ip_address;
        int32_t ip_prefix_len;
        char *ipv6_gateway;
        char *global_ipv6_address;
        int64_t global_ipv6_prefix_len;
        char **dns_names; /* every name the embedded DNS knows it by */
} wire_endpoint_settings;
/* Values are pointers: the key's network may be named with null ("no particular settings"). */
typedef MN_KEYED(wire_endpoint_settings *) wire_endpoints;

/* `NetworkingConfig` of a container create request. */
typedef struct wire_networking_config {
        wire_endpoints endpoints;
} wire_networking_config;

extern const mn_type wire_endpoint_settings_type;
extern const mn_type wire_endpoint_settings_ptr_type; /* wire_endpoint_settings * */
extern const mn_type wire_endpoints_type;             /* wire_endpoints: network name to settings */
extern const mn_type wire_networking_config_type;
extern const mn_type wire_networking_config_ptr_type; /* wire_networking_config * */

/* ---- networks ---- */

typedef struct wire_ipam_config {
        char *subnet;   /* CIDR */
        char *ip_range; /* CIDR inside the subnet: where dynamic addresses come from */
        char *gateway;
        mn_str_map auxiliary_addresses; /* name to address: reserved, never given out */
} wire_ipam_config;

typedef struct wire_ipam {
        char *driver;
        mn_str_map options;
        MN_LIST(wire_ipam_config) config;
} wire_ipam;

typedef struct wire_config_reference {
        char *network;
} wire_config_reference;

/* Body of POST /networks/create. */
typedef struct wire_network_create {
        char *name;
        bool check_duplicate; /* accepted and ignored: names are unique */
        char *driver;
        char *scope;
        bool *enable_ipv4; /* NULL: yes */
        bool *enable_ipv6; /* NULL: the daemon's default */
        wire_ipam *ipam;
        bool is_internal;
        bool is_attachable;
        bool is_ingress;
        bool is_config_only;
        wire_config_reference *config_from;
        mn_str_map options;
        mn_str_map labels;
} wire_network_create;

typedef struct wire_network_create_response {
        char *id;
        char *warning;
} wire_network_create_response;

/* A container in `GET /networks/{id}`. Addresses are in CIDR form. */
typedef struct wire_endpoint_resource {
        char *name;
        char *endpoint_id;
        char *mac_address;
        char *ipv4_address;
        char *ipv6_address;
} wire_endpoint_resource;

typedef struct wire_subnet_status {
        uint64_t ips_in_use;
        uint64_t dynamic_ips_available;
} wire_subnet_status;

typedef struct wire_ipam_status {
        MN_KEYED(wire_subnet_status) subnets; /* by CIDR */
} wire_ipam_status;

typedef struct wire_network_status {
        wire_ipam_status ipam;
} wire_network_status;

/* A network; list items are the same document without `containers` filled in and without `status`. */
typedef struct wire_network {
        char *name;
        char *id;
        int64_t created_ns;
        char *scope;
        char *driver;
        bool has_ipv4;
        bool has_ipv6;
        wire_ipam ipam;
        bool is_internal;
        bool is_attachable;
        bool is_ingress;
        wire_config_reference config_from;
        bool is_config_only;
        MN_KEYED(wire_endpoint_resource) containers; /* by container id */
        mn_str_map options;
        mn_str_map labels;
        wire_network_status *status;
} wire_network;
typedef MN_LIST(wire_network) wire_network_list;

/* Body of POST /networks/{id}/connect and /disconnect. */
typedef struct wire_network_connect {
        char *container;
        wire_endpoint_settings *endpoint_config;
} wire_network_connect;
typedef struct wire_network_disconnect {
        char *container;
        bool is_forced;
} wire_network_disconnect;

typedef struct wire_network_prune_report {
        char **networks_deleted;
} wire_network_prune_report;

extern const mn_type wire_ipam_type;
extern const mn_type wire_network_create_type;
extern const mn_type wire_network_create_response_type;
extern const mn_type wire_network_type;      /* GET /networks/{id} */
extern const mn_type wire_network_list_type; /* GET /networks: wire_network_list */
extern const mn_type wire_network_connect_type;
extern const mn_type wire_network_disconnect_type;
extern const mn_type wire_network_prune_report_type;
