/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of this module share: networks, endpoints, sandboxes and the manager that holds them. */

#include <pthread.h>

#include "base/id.h"
#include "base/map.h"
#include "base/vec.h"
#include "network/ipam.h"
#include "network/dns.h"
#include "network/network.h"

struct network_driver;
struct network_thread;

/* ---- networks ---- */

/* How the bridge driver reads a network's options. */
struct bridge_settings {
        char name[MN_LINK_NAME_SIZE]; /* the interface */
        char interface_prefix[12];    /* of interfaces in containers: "eth" */
        uint32_t mtu;                 /* 0: the kernel's */
        bool is_icc;
        bool is_masquerading;
        bool is_nat_v4; /* false: routed, the address of a container is its own outside, too */
        bool is_nat_v6;
        bool is_open_v4; /* every port of a container may be reached by its own address */
        bool is_open_v6;
        bool is_inhibited;   /* the bridge has no address of ours */
        bool is_foreign;     /* an interface of the user's: never made, never removed */
        mn_net_address bind; /* host address for ports that name none */
        bool has_bind;
        char trusted[8][MN_LINK_NAME_SIZE]; /* interfaces from which containers may be reached directly */
        size_t ntrusted;
};

struct network {
        mn_arena *arena;
        wire_network doc; /* as stored and shown; containers and status are filled in on inspect */
        const struct network_driver *driver;
        struct bridge_settings bridge;
        MN_VEC(network_subnet) pools;
        MN_VEC(struct endpoint *) endpoints;
        bool is_removing; /* nobody may join any more */
};

/* ---- endpoints and sandboxes ---- */

struct endpoint {
        mn_arena *arena;
        char id[MN_ID_SIZE];
        struct network *network;
        struct sandbox *sandbox;
        wire_endpoint_settings wishes;
        char veth[MN_LINK_NAME_SIZE];      /* the end on the host, "" when the driver makes none */
        char interface[MN_LINK_NAME_SIZE]; /* the end in the container */
        uint8_t mac[MN_MAC_LEN];
        mn_net_address v4, v6;
        bool has_v4, has_v6, has_mac;
        int prepared_bridge; /* not 0: the interface was there before, on the bridge of this index, and gets
                                its hardware address when it goes up */
        char **dns_names;    /* names the name server knows it by, in `arena` */
};

/* One port reachable on the host. */
struct published_port {
        uint8_t protocol; /* IPPROTO_TCP ... */
        mn_net_address host;
        uint16_t host_port;
        mn_net_address target; /* the container's address */
        uint16_t container_port;
        bool is_direct; /* routed network: reached by the container's address, not by a host port */
        int reserve_fd; /* bound socket that keeps host programs from taking the port; -1: none */
        bool is_active; /* in the packet filter */
};

/* What the user wants published. */
struct port_wish {
        uint8_t protocol;
        uint16_t container_port;
        mn_net_address host;
        bool has_host;        /* false: every address of the host */
        uint16_t first, last; /* host ports that may be taken; 0: any free one */
};

struct sandbox {
        char *container_id;
        char *name;
        char *hostname;
        char **dns;   /* resolvers for the name server; NULL: the daemon's */
        bool is_host; /* the host's own network namespace */
        int netns_fd; /* -1: none */
        unsigned long netns_inode;
        MN_VEC(struct endpoint *) endpoints; /* in the order they joined */
        MN_VEC(struct port_wish) port_wishes;
        MN_VEC(struct published_port) ports;
        struct dns_listener *listener; /* NULL: no embedded name server */
};

/* ---- drivers ---- */

/* What kinds of network differ in. Functions that act on the kernel may block and are called without the
   manager's lock. */
struct network_driver {
        const char *name;
        bool is_single; /* there is one network of it, made by us */
        bool has_subnets;

        /* Checks the document's options and fills in what the driver reads from them. */
        mn_status (*configure)(network_manager *m, struct network *n, mn_err *err);
        /* Makes what the network needs in the kernel; what is there already is put right. NULL: nothing. */
        mn_status (*create)(network_manager *m, struct network *n, mn_err *err);
        void (*remove)(network_manager *m, struct network *n);
        /* Makes the endpoint's interface in the namespace, without addresses. NULL: it has none. */
        mn_status (*join)(network_manager *m, struct endpoint *e, int netns_fd, mn_err *err);
        /* Makes a prepared interface, a port of the network already, this endpoint's. NULL: there are none.
         */
        mn_status (*adopt)(network_manager *m, struct endpoint *e, mn_err *err);
        /* Takes it away from a container that goes on; a dying namespace takes its interfaces along. */
        void (*leave)(network_manager *m, struct endpoint *e, int container_rtnl);
};
extern const struct network_driver network_bridge_driver, network_host_driver, network_none_driver;

/* ---- the manager ---- */

struct prepared_slot {
        int kind; /* enum prepared_kind */
        struct prepared_namespace *namespace;
};

struct network_manager {
        network_options options;
        char instance[16];
        int home_netns_fd;
        int records_fd; /* <exec root>/network */
        char *records_path;

        /* Covers everything below; held for short sections only, never while waiting for the kernel. */
        pthread_mutex_t lock;
        struct mn_map *networks;  /* id to struct network */
        struct mn_map *sandboxes; /* container id to struct sandbox */
        uint16_t next_port;       /* where the search for a free host port goes on */
        bool is_started;
        bool has_enabled_forwarding; /* so what is not ours must not be forwarded */

        pthread_mutex_t create_lock;   /* one network is made or removed at a time */
        int firewall_fd;               /* netfilter socket, -1: not open; covered by firewall_lock */
        pthread_mutex_t firewall_lock; /* taken before `lock`: one packet filter transaction at a time */
        MN_VEC(struct prepared_slot) prepared; /* namespaces made ahead (prepared.h) */
        struct network_thread
                *thread; /* the name server and the watch over the packet filter; NULL: not started */
};

void network_lock(network_manager *m);
void network_unlock(network_manager *m);

/* Network by id, name or unique prefix; MN_NOT_FOUND "network NAME not found". With the lock held. */
mn_status network_find(network_manager *m, const char *name_or_id, struct network **ret,
                       mn_err *err) MN_MUST_USE;
struct network *network_find_by_name(network_manager *m, const char *name);
struct sandbox *network_find_sandbox(network_manager *m, const char *container_id);

struct network *network_new(void);
void network_free(struct network *n);
bool network_is_fixed(const struct network *n);        /* bridge, host, none */
bool network_is_user_defined(const struct network *n); /* its containers know each other by name */
bool network_is_default_bridge(const struct network *n);

/* The pool of one family, NULL when the network has none. The first one when there are several. */
network_subnet *network_pool_of(const struct network *n, uint8_t family);

void network_notify(network_manager *m, const char *action, const struct network *n,
                    const char *container_id);

/* Switches forwarding on for a family, unless the options forbid it. */
void network_enable_forwarding(network_manager *m, uint8_t family);

/* ---- stored documents (record.c) ---- */

mn_status network_store_save(network_manager *m, const struct network *n, mn_err *err) MN_MUST_USE;
mn_status network_store_delete(network_manager *m, const struct network *n, mn_err *err) MN_MUST_USE;
mn_status network_store_load(network_manager *m, mn_err *err) MN_MUST_USE;

/* Records of sandboxes in the exec root. */
mn_status network_record_save(network_manager *m, const struct sandbox *s, mn_err *err) MN_MUST_USE;
void network_record_delete(network_manager *m, const char *container_id);
/* Reads one back; its endpoints point to networks and hold their addresses. With the lock held. */
mn_status network_record_load(network_manager *m, const char *container_id, struct sandbox **ret,
                              mn_err *err) MN_MUST_USE;
void network_records_prune(network_manager *m);

/* ---- making networks (create.c, address_pool.c) ---- */

/* Turns the request's or the daemon's IPAM wishes into pools of `n` (and its document). With the lock held.
 */
mn_status network_assign_subnets(network_manager *m, struct network *n, const wire_ipam *wishes,
                                 mn_err *err) MN_MUST_USE;
/* Sets up the pools of a stored network from its document. */
mn_status network_load_subnets(struct network *n, mn_err *err) MN_MUST_USE;
/* Fills in what a request says, with a new id. */
void network_fill_document(struct network *n, const wire_network_create *r);
/* The fixed networks, as the daemon's options want them (fixed.c). */
mn_status network_make_fixed(network_manager *m, mn_err *err) MN_MUST_USE;

/* ---- endpoints (endpoint.c) ---- */

/* Takes addresses and makes the endpoint, linked into network and sandbox. With the lock held. */
mn_status network_endpoint_new(struct network *n, struct sandbox *s, const wire_endpoint_settings *wishes,
                               struct endpoint **ret, mn_err *err) MN_MUST_USE;
/* Unlinks it, gives its addresses back and frees it. With the lock held. */
void network_endpoint_free(struct endpoint *e);
/* Links one without addresses and names. */
struct endpoint *network_endpoint_alloc(struct network *n, struct sandbox *s,
                                        const wire_endpoint_settings *wishes);
void network_endpoint_update_names(struct endpoint *e);
/* Makes up a name for the host's end of a pair. */
void network_veth_name(char name[MN_LINK_NAME_SIZE]);
/* The endpoint whose network leads outside, NULL when there is none. */
struct endpoint *network_gateway_endpoint(const struct sandbox *s, uint8_t family);
/* Inspect's view; strings in `arena`. */
void network_endpoint_describe(const struct endpoint *e, mn_arena *arena, wire_endpoint_settings *ret);
mn_status network_check_wishes(const struct network *n, const wire_endpoint_settings *wishes,
                               mn_err *err) MN_MUST_USE;

/* ---- ports (ports.c) ---- */

/* Reads the port map (and, to publish all, the exposed ports) into the sandbox's wishes. */
mn_status network_ports_parse(struct sandbox *s, const wire_port_map *map, char *const *exposed,
                              bool publish_all, mn_err *err) MN_MUST_USE;
const char *network_protocol_name(uint8_t protocol);
/* Finds and reserves host ports for the wishes, with the endpoints that lead outside as targets. */
mn_status network_ports_reserve(network_manager *m, struct sandbox *s, mn_err *err) MN_MUST_USE;
/* Reserves what a taken-over sandbox has published already; says in the log where it cannot. */
void network_ports_reserve_again(struct sandbox *s);
/* Lets go of the host ports; they are out of the packet filter already. With the lock held. */
void network_ports_release(struct sandbox *s);

/* ---- sandboxes (sandbox.c) ---- */

struct sandbox *network_sandbox_new(const char *container_id, const char *name, const char *hostname,
                                    char *const *dns);
/* Closes and frees everything it holds in memory; its endpoints' addresses become free. With the lock held.
 */
void network_sandbox_free(struct sandbox *s);

/* Finds the network and takes a place in it; nothing happens in the kernel yet. With the lock held. */
mn_status network_attach(network_manager *m, struct sandbox *s, const network_attachment *a,
                         struct endpoint **ret, mn_err *err) MN_MUST_USE;
/* Makes the host's ends of its interfaces take effect at once. */
void network_settle(const struct sandbox *s);
/* Switches IPv6 on for an interface of the calling thread's namespace. */
void network_enable_ipv6(const char *interface);
/* Opens the name server of a sandbox that needs one and has none. */
mn_status network_sandbox_serve_dns(network_manager *m, struct sandbox *s, mn_err *err) MN_MUST_USE;

/* NULL for an unknown name. */
const struct network_driver *network_driver_find(const char *name);

/* Writes /proc/sys/net/<family>/conf/<interface>/<name> as the calling thread's namespace has it; a family
   the kernel lacks is passed over, other failures are logged. */
void network_put_sysctl(const char *family, const char *interface, const char *name, const char *value);
