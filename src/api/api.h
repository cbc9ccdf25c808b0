/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The Docker Engine API over HTTP: an adapter between clients and the engine's modules. It owns no state but
 * its connections.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

/* Older versions down to API_TOLERATED_VERSION are served as the oldest, unless a newer one is the minimum:
 * some clients name one and use only what has not changed since (Debian 12's skopeo: v1.22). */
enum { API_VERSION = 155, API_MIN_VERSION = 124, API_TOLERATED_VERSION = 112 };

typedef struct api_server api_server;

/* What is true of the daemon as a whole; borrowed. */
typedef struct api_facts {
        const char *id; /* of this engine, kept in the data root */
        const char *data_root, *exec_root;
        const char *default_runtime;
        char *const *runtime_names; /* in the order of runtime_paths */
        char *const *runtime_paths;
        char *const *labels;
        char *const *registry_mirrors;
        char *const *insecure_registries;
        const char *log_driver, *storage_driver;
        const char *init_path;
        const char *http_proxy, *https_proxy, *no_proxy;
        bool is_debug, is_live_restore, uses_systemd_cgroup;
        char *const *address_pool_bases; /* in the order of address_pool_sizes; NULL: the defaults */
        const int64_t *address_pool_sizes;
        char *const *warnings;
} api_facts;

/* The engine's modules as the handlers use them; borrowed. */
struct container_engine;
struct image_store;
struct image_registry;
struct network_manager;
struct volume_store;
struct events_bus;
typedef struct api_engine {
        const api_facts *_Atomic facts; /* replaced on reload */
        struct container_engine *containers;
        struct image_store *images;
        struct image_registry *registry;
        struct network_manager *networks;
        struct volume_store *volumes;
        struct events_bus *events;
} api_engine;

typedef struct api_spec {
        loop *loop;
        const api_engine *engine;
        unsigned min_version;       /* 0: API_MIN_VERSION */
        char *const *allowed_names; /* further names a Host header on TCP may have */
} api_spec;

api_server *api_server_new(const api_spec *spec) __attribute__((returns_nonnull));

/* Where to listen. */
typedef struct api_listen_spec {
        const char
                *address;  /* "unix:///path", "tcp://host:port", "fd://" or "fd://NAME" (socket activation) */
        const char *group; /* group of a unix socket, by name or number; NULL or "": the daemon's */
        bool has_group;    /* the user asked for it: a group that does not exist is an error */
        bool has_tls;      /* for tcp */
        bool verifies_clients;
        bool is_insecure_allowed; /* tcp on an address that others reach, without verified clients */
        const char *ca_file, *cert_file, *key_file;
} api_listen_spec;

/* MN_INVALID for a wrong address or certificate, MN_CONFLICT when the address is in use. From the loop's
 * thread. */
mn_status api_listen(api_server *s, const api_listen_spec *spec, mn_err *err) MN_MUST_USE;

/* Stops accepting requests; those being served go on. From the loop's thread. */
void api_stop(api_server *s);

/* Requests that are being served. From any thread. */
size_t api_busy(api_server *s);

/* Breaks the connections of what is still served, so that streams end. */
void api_break(api_server *s);

/* Waits for the workers, frees, and removes the unix sockets. */
void api_server_free(api_server *s);

/* The OpenAPI 2.0 description of the API as this program serves it, from its own tables, as JSON. */
void api_print_openapi(mn_str *out);

/* The page docs/compatibility.md: every operation and how far it is supported. */
void api_print_compatibility(mn_str *out);
