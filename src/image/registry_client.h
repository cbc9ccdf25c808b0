/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The registry client's own state and what its configuration says about one registry. */

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "image/registry.h"
#include "image/registry_http.h"
#include "image/registry_url.h"

struct image_registry {
        mn_arena *arena; /* holds the copies of the configuration; with `lock` */
        /* Defaults filled in. A reload makes a new one; the old stays for those who look at it. */
        const image_registry_config *_Atomic config;
        char *partial_dir;             /* <tmp_dir>/partial */
        pthread_mutex_t lock;          /* of what follows */
        pthread_cond_t in_flight_done; /* a blob left `in_flight` */
        mn_map *tokens;                /* key of registry_token.c -> its token */
        mn_map *in_flight;             /* digest of a blob that is being fetched -> NULL */
        mn_map *plain_hosts; /* authority of an insecure registry found to speak plain HTTP -> NULL */
};

/* What the configuration says now. */
static inline const image_registry_config *registry_settings(const image_registry *registry) {
        return atomic_load(&registry->config);
}

/* One place where a registry can be reached. Strings live in the arena given to registry_endpoints_find. */
typedef struct registry_endpoint {
        const char
                *base; /* "https://registry-1.docker.io", "http://localhost:5000", "https://mirror/prefix" */
        registry_url url;
        bool is_mirror;
        bool is_insecure; /* certificate not checked; plain HTTP and plain token services allowed */
        registry_transport transport;
} registry_endpoint;

enum { REGISTRY_ENDPOINTS_MAX = 16 };

/* Where to look for `domain`, in order: its mirrors (when wanted), the registry itself by TLS and, only when
   it is insecure, by plain HTTP. Docker Hub's name is translated to its host. Returns how many (at least 1).
 */
size_t registry_endpoints_find(image_registry *registry, const char *domain, bool wants_mirrors,
                               mn_arena *arena, registry_endpoint endpoints[REGISTRY_ENDPOINTS_MAX]);

/* Trust, client certificate, proxy and time-outs for a server. */
void registry_transport_for(image_registry *registry, const registry_url *url, bool is_insecure,
                            mn_arena *arena, registry_transport *ret);

/* True when the configuration names `authority` ("host[:port]"), its host or a range that holds its address,
   and for loopback. */
bool registry_is_insecure(const image_registry *registry, const char *authority);
