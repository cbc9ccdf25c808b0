/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Networks and the network side of containers.
 *
 * A *network* is a bridge with address pools (or one of the fixed networks "host" and "none"); it lives in
 * the state database. A *sandbox* is the network namespace of one running container; an *endpoint* is its
 * place in one network. Sandboxes and endpoints exist while their container runs: a record of each in the
 * exec root lets the next daemon take them over, and a reboot takes them away together with the containers.
 *
 * What the user wished for (which networks, which addresses) belongs to the container's configuration and is
 * handed in at every start; nothing here remembers a stopped container.
 *
 * Every function may be called from any thread and may block for the milliseconds the kernel needs. Calls on
 * one container are serialised by the caller (the container's operation lock); calls on different ones run in
 * parallel.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "wire/filter.h"
#include "wire/network.h"

typedef struct network_manager network_manager;
struct store;

/* ---- the manager ---- */

/* One pool that networks without a subnet of their own are cut from. */
typedef struct network_pool {
        char *base;   /* CIDR, v4 or v6 */
        int32_t size; /* prefix length of each network */
} network_pool;

/* What happened, for the event stream. Strings are borrowed for the time of the call. */
typedef struct network_event {
        const char *action; /* create, connect, disconnect, destroy */
        const char *network_id;
        const char *network_name;
        const char *driver;
        const char *container_id; /* NULL for create and destroy */
} network_event;

/* The daemon's options; zero means Docker's default. Strings are borrowed until network_close. */
typedef struct network_options {
        struct store *store;
        const char *exec_root; /* records go to <exec_root>/network */
        const char
                *instance;  /* names our tables ("minato") and the default bridge ("minato0"); NULL: "minato".
                               Daemons in one network namespace need different ones: at most 12 of [a-z0-9]. */
        const char *bridge; /* name of an interface to use as default bridge, "none" for no default bridge */
        const char *bip;    /* address of the default bridge in CIDR form */
        const char *bip6;
        const char *fixed_cidr; /* where its dynamic addresses come from */
        const char *fixed_cidr_v6;
        const char
                *default_gateway; /* of containers on the default bridge, when it is not the bridge itself */
        const char *default_gateway_v6;
        const char
                *default_ip; /* host address ports are published on when none is named; NULL: 0.0.0.0, [::] */
        const network_pool *pools;
        size_t npools;
        const char *host_gateway_ip; /* what --add-host NAME:host-gateway means; NULL: the default bridge */
        int32_t mtu;                 /* 0: 1500 */
        bool no_icc;                 /* containers on the default bridge do not reach each other */
        bool no_ip_masq;
        bool no_ip_forward;  /* leave the host's forwarding switches alone */
        bool no_firewall;    /* --iptables=false: no rules at all, so no published ports and no isolation */
        bool no_firewall_v6; /* --ip6tables=false */
        bool is_ipv6;        /* the default bridge has IPv6 */
        char *const *dns;    /* resolvers for containers that name none, NULL: the host's */
        bool no_prepared;    /* make no namespaces ahead of the starts that will want them */
        void (*on_event)(void *arg, const network_event *event); /* NULL: nobody listens */
        void *on_event_arg;
} network_options;

/* Reads the networks from the store (making the three fixed ones the first time), and their bridges are there
   when it returns. Running containers are taken over with network_sandbox_restore, then network_start is
   called once. MN_INVALID for options that make no sense. */
mn_status network_open(const network_options *options, network_manager **ret, mn_err *err) MN_MUST_USE;

/* Ends the take-over: replaces the packet filter tables in one transaction, drops the records of containers
   that were not taken over, starts the name server thread. */
mn_status network_start(network_manager *m, mn_err *err) MN_MUST_USE;

/* Ends the thread and frees everything in memory; the kernel's state stays as it is for running containers.
   NULL is accepted. */
void network_close(network_manager *m);

/* ---- networks ---- */

/* POST /networks/create. Docker's rules and messages; `*ret_warning` is NULL or a text in `arena`. */
mn_status network_create(network_manager *m, const wire_network_create *request, mn_arena *arena,
                         char **ret_id, char **ret_warning, mn_err *err) MN_MUST_USE;

/* DELETE /networks/{id}. MN_FORBIDDEN while containers are attached and for the fixed networks. */
mn_status network_remove(network_manager *m, const char *name_or_id, mn_err *err) MN_MUST_USE;

/* Filters that network_list and network_prune know; for wire_filters_parse. */
extern const char *const network_list_filters[];
extern const char *const network_prune_filters[];

/* GET /networks; sorted by name. Strings live in `arena`. */
mn_status network_list(network_manager *m, const wire_filters *filters, mn_arena *arena,
                       wire_network_list *ret, mn_err *err) MN_MUST_USE;

/* GET /networks/{id}: by id, name or unique prefix of an id. MN_NOT_FOUND "network NAME not found". */
mn_status network_inspect(network_manager *m, const char *name_or_id, mn_arena *arena, wire_network *ret,
                          mn_err *err) MN_MUST_USE;

/* POST /networks/prune: removes networks without containers; names of those removed. */
mn_status network_prune(network_manager *m, const wire_filters *filters, mn_arena *arena,
                        wire_network_prune_report *ret, mn_err *err) MN_MUST_USE;

/* Whether a container may be created with this endpoint: the network exists, the wishes are well-formed,
   static addresses lie in a subnet the user configured, aliases are allowed there. `*ret_id` and `*ret_name`
   are the network's, in `arena`. `network` may also be "default" (the default bridge). */
mn_status network_check_endpoint(network_manager *m, const char *network,
                                 const wire_endpoint_settings *settings, mn_arena *arena, char **ret_id,
                                 char **ret_name, mn_err *err) MN_MUST_USE;

/* Whether a port map is well-formed: "80/tcp" keys, host addresses, ports and ranges. MN_INVALID with
   Docker's words. */
mn_status network_check_ports(const wire_port_map *ports, mn_err *err) MN_MUST_USE;

/* ---- sandboxes ---- */

/* One network a container joins. */
typedef struct network_attachment {
        const char *network;                    /* name or id */
        const wire_endpoint_settings *settings; /* wishes, or NULL */
} network_attachment;

/* A container that starts. Nothing is kept by reference. */
typedef struct network_sandbox_spec {
        const char *container_id;
        const char *container_name; /* without the '/' */
        const char *hostname;       /* known to the name server, too; may be NULL */
        const network_attachment *attachments;
        size_t nattachments;
        const wire_port_map *ports; /* HostConfig.PortBindings; NULL: none */
        char *const *exposed;       /* "80/tcp", ...; used by publish_all */
        bool publish_all;
        char *const *dns; /* resolvers the name server asks; NULL: the daemon's, then the host's */
} network_sandbox_spec;

/* Makes the network namespace with everything in it. `*ret_netns_fd` is the caller's to close; it is -1 when
   the only network is "host". On failure nothing is left. A container that already has a sandbox loses the
   old one. MN_NOT_FOUND for a missing network; "driver failed programming external connectivity on endpoint
   ..." for a port in use. */
mn_status network_sandbox_create(network_manager *m, const network_sandbox_spec *spec, int *ret_netns_fd,
                                 mn_err *err) MN_MUST_USE;

/* Takes over the sandbox of a container that ran through the daemon's restart. `pid` is its first process
   (0 for a container on the host's network). MN_NOT_FOUND when there is no record of it or the process is in
   another namespace. Between network_open and network_start. */
mn_status network_sandbox_restore(network_manager *m, const char *container_id, pid_t pid,
                                  mn_err *err) MN_MUST_USE;

/* Frees what a container holds: ports, addresses, names, the namespace. Does nothing without a sandbox. */
void network_sandbox_release(network_manager *m, const char *container_id);

/* A new descriptor of the namespace, for `--network container:ID`; the caller closes it. MN_CONFLICT when the
   container does not run or has the host's network. */
mn_status network_sandbox_netns(network_manager *m, const char *container_id, int *ret_fd,
                                mn_err *err) MN_MUST_USE;

/* Joins or leaves one network while the container runs. `settings` may be NULL. MN_FORBIDDEN when already
   connected, or not connected; MN_CONFLICT for the fixed networks. */
mn_status network_connect(network_manager *m, const char *container_id, const char *network,
                          const wire_endpoint_settings *settings, mn_err *err) MN_MUST_USE;
mn_status network_disconnect(network_manager *m, const char *container_id, const char *network,
                             mn_err *err) MN_MUST_USE;

/* Says that a container was renamed: the name server follows. */
void network_sandbox_rename(network_manager *m, const char *container_id, const char *name);

/* The networks and ports of a running container as inspect shows them. Both are filled from scratch; they are
   empty when the container has no sandbox. Wishes are included (aliases, IPAMConfig ...). */
void network_sandbox_describe(network_manager *m, const char *container_id, mn_arena *arena,
                              wire_endpoints *ret_endpoints, wire_port_map *ret_ports);

/* Its ports as `GET /containers/json` lists them; exposed ones without a binding are the caller's to add. */
void network_sandbox_ports(network_manager *m, const char *container_id, mn_arena *arena,
                           wire_port_summary_list *ret);

/* Counters of one interface of a container, for stats. */
typedef struct network_counters {
        char name[16];
        uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
        uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
} network_counters;

/* Interfaces of the sandbox except lo, in `arena`; none for a container on the host's network. */
void network_sandbox_counters(network_manager *m, const char *container_id, mn_arena *arena,
                              network_counters **ret, size_t *ret_len);

/* ---- the files in /etc ---- */

/* What resolv.conf depends on. */
typedef struct network_resolv_spec {
        const char *container_id; /* whose sandbox tells whether the embedded name server is there */
        bool is_host_network;
        char *const *dns;     /* --dns */
        char *const *search;  /* --dns-search; "." alone means none */
        char *const *options; /* --dns-option */
} network_resolv_spec;

/* Text of the container's resolv.conf, after network_sandbox_create. */
mn_status network_resolv_conf(network_manager *m, const network_resolv_spec *spec, mn_str *out,
                              mn_err *err) MN_MUST_USE;

/* Text of the container's hosts file. `extra` are --add-host values "name:ip" ("name:host-gateway"). The host
   names are given to every address of the sandbox. */
mn_status network_hosts_file(network_manager *m, const char *container_id, const char *hostname,
                             const char *domainname, char *const *extra, mn_str *out,
                             mn_err *err) MN_MUST_USE;

/* Whether --add-host, --dns, --dns-search and --dns-option values are well-formed (no spaces, no line ends, a
   valid address). MN_INVALID with Docker's words. For container create. */
mn_status network_check_hosts(char *const *extra, mn_err *err) MN_MUST_USE;
mn_status network_check_dns(char *const *dns, char *const *search, char *const *options,
                            mn_err *err) MN_MUST_USE;
