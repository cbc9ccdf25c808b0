/* SPDX-License-Identifier: Apache-2.0 */
/* The route table. Literal paths stand before patterns that would match them too. */
#include "api/handlers.h"
#include "wire/system.h"

#define SWARM "this node is not a swarm manager (503), as Docker outside a swarm"
#define PLUGINS "managed plugins are not implemented (501)"
#define BUILD "building images is not implemented yet (501)"

#define GET_SWARM(p)                                                                                         \
        { .method = "GET", .path = p, .support = API_REFUSED, .note = SWARM, .handler = api_no_swarm }
#define POST_SWARM(p)                                                                                        \
        { .method = "POST", .path = p, .support = API_REFUSED, .note = SWARM, .handler = api_no_swarm }
#define DELETE_SWARM(p)                                                                                      \
        { .method = "DELETE", .path = p, .support = API_REFUSED, .note = SWARM, .handler = api_no_swarm }
#define PLUGIN(m, p, fn)                                                                                     \
        { .method = m, .path = p, .support = API_REFUSED, .note = PLUGINS, .handler = fn }

const api_route api_routes[] = {
        /* ---- system ---- */
        { .method = "GET", .path = "/_ping", .status = 200, .produces = "text/plain", .handler = api_ping },
        { .method = "HEAD", .path = "/_ping", .status = 200, .produces = "text/plain", .handler = api_ping },
        { .method = "GET",
          .path = "/version",
          .status = 200,
          .response = &wire_version_type,
          .handler = api_get_version },
        { .method = "GET",
          .path = "/info",
          .status = 200,
          .response = &wire_info_type,
          .handler = api_get_info },

        /* ---- what is not here ---- */
        { .method = "POST",
          .path = "/build",
          .body = API_BODY_RAW,
          .support = API_REFUSED,
          .note = BUILD,
          .handler = api_no_build },
        { .method = "POST",
          .path = "/build/prune",
          .support = API_REFUSED,
          .note = BUILD,
          .handler = api_no_build },
        { .method = "POST",
          .path = "/build/cancel",
          .support = API_REFUSED,
          .note = BUILD,
          .handler = api_no_build },
        { .method = "POST",
          .path = "/session",
          .support = API_REFUSED,
          .note = BUILD,
          .handler = api_no_build },
        { .method = "POST", .path = "/grpc", .support = API_REFUSED, .note = BUILD, .handler = api_no_build },

        { .method = "GET",
          .path = "/plugins",
          .params = "filters",
          .status = 200,
          .support = API_PARTLY,
          .note = "always empty: managed plugins are not implemented",
          .handler = api_list_plugins },
        PLUGIN("GET", "/plugins/privileges", api_no_plugins),
        PLUGIN("POST", "/plugins/pull", api_no_plugins),
        PLUGIN("POST", "/plugins/create", api_no_plugins),
        PLUGIN("GET", "/plugins/{name...}/json", api_no_such_plugin),
        PLUGIN("POST", "/plugins/{name...}/enable", api_no_such_plugin),
        PLUGIN("POST", "/plugins/{name...}/disable", api_no_such_plugin),
        PLUGIN("POST", "/plugins/{name...}/upgrade", api_no_such_plugin),
        PLUGIN("POST", "/plugins/{name...}/push", api_no_such_plugin),
        PLUGIN("POST", "/plugins/{name...}/set", api_no_such_plugin),
        PLUGIN("DELETE", "/plugins/{name...}", api_no_such_plugin),

        GET_SWARM("/swarm"),
        POST_SWARM("/swarm/init"),
        POST_SWARM("/swarm/join"),
        POST_SWARM("/swarm/leave"),
        POST_SWARM("/swarm/update"),
        GET_SWARM("/swarm/unlockkey"),
        POST_SWARM("/swarm/unlock"),
        GET_SWARM("/nodes"),
        GET_SWARM("/nodes/{id}"),
        DELETE_SWARM("/nodes/{id}"),
        POST_SWARM("/nodes/{id}/update"),
        GET_SWARM("/services"),
        POST_SWARM("/services/create"),
        GET_SWARM("/services/{id}"),
        DELETE_SWARM("/services/{id}"),
        POST_SWARM("/services/{id}/update"),
        GET_SWARM("/services/{id}/logs"),
        GET_SWARM("/tasks"),
        GET_SWARM("/tasks/{id}"),
        GET_SWARM("/tasks/{id}/logs"),
        GET_SWARM("/secrets"),
        POST_SWARM("/secrets/create"),
        GET_SWARM("/secrets/{id}"),
        DELETE_SWARM("/secrets/{id}"),
        POST_SWARM("/secrets/{id}/update"),
        GET_SWARM("/configs"),
        POST_SWARM("/configs/create"),
        GET_SWARM("/configs/{id}"),
        DELETE_SWARM("/configs/{id}"),
        POST_SWARM("/configs/{id}/update"),
};
const size_t api_nroutes = MN_ARRAY_LEN(api_routes);
