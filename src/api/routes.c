/* SPDX-License-Identifier: Apache-2.0 */
/* The route table. Literal paths stand before patterns that would match them too. */
#include "api/handlers.h"
#include "image/image.h"
#include "wire/container.h"
#include "wire/check.h"
#include "wire/disk_usage.h"
#include "wire/event.h"
#include "wire/network.h"
#include "wire/stats.h"
#include "wire/system.h"
#include "wire/volume.h"

#define SWARM "503: this node is not a swarm manager, as Docker outside a swarm"
#define PLUGINS "managed plugins are not implemented (501; 404 for a name)"
#define BUILD "501: building images is not implemented yet"

#define JSON_STREAM "application/json"
#define RAW_STREAM "application/vnd.docker.raw-stream"
#define TAR "application/x-tar"

/* Rows that answer JSON, nothing, or refuse. Further members may follow. */
#define READ(p, type, fn, ...)                                                                               \
        { .method = "GET", .path = p, .status = 200, .response = type, .handler = fn, ##__VA_ARGS__ }
#define POST(p, code, type, fn, ...)                                                                         \
        { .method = "POST", .path = p, .status = code, .response = type, .handler = fn, ##__VA_ARGS__ }
#define DELETE(p, code, type, fn, ...)                                                                       \
        { .method = "DELETE", .path = p, .status = code, .response = type, .handler = fn, ##__VA_ARGS__ }
#define REFUSED(m, p, why, fn)                                                                               \
        { .method = m, .path = p, .support = API_REFUSED, .note = why, .handler = fn }
#define JSON_BODY(type) .body = API_BODY_JSON, .request = type
#define REQUIRED_BODY(type) .body = API_BODY_REQUIRED, .request = type

const api_route api_routes[] = {
        /* ---- system ---- */
        READ("/_ping", NULL, api_ping, .produces = "text/plain"),
        { .method = "HEAD", .path = "/_ping", .status = 200, .produces = "text/plain", .handler = api_ping },
        READ("/version", &wire_version_type, api_get_version),
        READ("/info", &wire_info_type, api_get_info),
        POST("/auth", 200, &wire_auth_response_type, api_auth, REQUIRED_BODY(&image_auth_type)),
        READ("/events", &wire_event_type, api_events, .params = "since until filters",
             .produces = JSON_STREAM, .may_wait = true),
        READ("/system/df", &wire_disk_usage_type, api_disk_usage, .params = "type verbose"),
        POST("/system/check", 200, &wire_check_report_type, api_system_check, .params = "data repair"),

        /* ---- containers ---- */
        READ("/containers/json", &wire_container_summary_list_type, api_container_list,
             .params = "all limit size filters"),
        POST("/containers/create", 201, &wire_container_create_response_type, api_container_create,
             JSON_BODY(&wire_container_create_type), .params = "name platform"),
        POST("/containers/prune", 200, &wire_container_prune_report_type, api_container_prune,
             .params = "filters"),
        READ("/containers/{id}/json", &wire_container_inspect_type, api_container_inspect, .params = "size"),
        READ("/containers/{id}/top", &wire_container_top_type, api_container_top, .params = "ps_args"),
        READ("/containers/{id}/logs", NULL, api_container_logs,
             .params = "follow stdout stderr since until timestamps tail details", .produces = RAW_STREAM,
             .may_wait = true),
        READ("/containers/{id}/changes", &wire_change_list_type, api_container_changes),
        READ("/containers/{id}/export", NULL, api_container_export, .produces = "application/octet-stream"),
        READ("/containers/{id}/stats", &wire_stats_type, api_container_stats, .params = "stream one-shot",
             .produces = JSON_STREAM, .may_wait = true),
        POST("/containers/{id}/resize", 200, NULL, api_container_resize, .params = "h w"),
        POST("/containers/{id}/start", 204, NULL, api_container_start, .params = "detachKeys"),
        POST("/containers/{id}/stop", 204, NULL, api_container_stop, .params = "signal t"),
        POST("/containers/{id}/restart", 204, NULL, api_container_restart, .params = "signal t"),
        POST("/containers/{id}/kill", 204, NULL, api_container_kill, .params = "signal"),
        POST("/containers/{id}/update", 200, &wire_container_update_response_type, api_container_update,
             JSON_BODY(&wire_container_update_type)),
        POST("/containers/{id}/rename", 204, NULL, api_container_rename, .params = "name"),
        POST("/containers/{id}/pause", 204, NULL, api_container_pause),
        POST("/containers/{id}/unpause", 204, NULL, api_container_unpause),
        POST("/containers/{id}/attach", 200, NULL, api_container_attach,
             .params = "detachKeys logs stream stdin stdout stderr", .produces = RAW_STREAM,
             .may_wait = true),
        { .method = "GET",
          .path = "/containers/{id}/attach/ws",
          .params = "detachKeys logs stream stdin stdout stderr",
          .status = 101,
          .produces = RAW_STREAM,
          .may_wait = true,
          .handler = api_container_attach_ws },
        POST("/containers/{id}/wait", 200, &wire_container_wait_response_type, api_container_wait,
             .params = "condition", .may_wait = true),
        DELETE("/containers/{id...}", 204, NULL, api_container_remove, .params = "v force link"),
        { .method = "HEAD",
          .path = "/containers/{id}/archive",
          .params = "path",
          .status = 200,
          .handler = api_archive_stat },
        READ("/containers/{id}/archive", NULL, api_archive_get, .params = "path", .produces = TAR),
        { .method = "PUT",
          .path = "/containers/{id}/archive",
          .params = "path noOverwriteDirNonDir copyUIDGID",
          .body = API_BODY_RAW,
          .status = 200,
          .handler = api_archive_put },

        /* ---- exec ---- */
        POST("/containers/{id}/exec", 201, &wire_exec_create_response_type, api_exec_create,
             REQUIRED_BODY(&wire_exec_create_type)),
        POST("/exec/{id}/start", 200, NULL, api_exec_start, JSON_BODY(&wire_exec_start_type),
             .produces = RAW_STREAM, .may_wait = true),
        POST("/exec/{id}/resize", 200, NULL, api_exec_resize, .params = "h w"),
        READ("/exec/{id}/json", &wire_exec_inspect_type, api_exec_inspect),

        /* ---- images ---- */
        READ("/images/json", &wire_image_summary_list_type, api_image_list,
             .params = "all filters shared-size digests manifests identity"),
        POST("/images/create", 200, NULL, api_image_create, .body = API_BODY_RAW,
             .params = "fromImage fromSrc repo tag message changes platform verify", .produces = JSON_STREAM),
        READ("/images/get", NULL, api_images_save, .params = "names platform", .produces = TAR),
        READ("/images/search", NULL, api_image_search, .params = "term limit filters",
             .produces = JSON_STREAM),
        POST("/images/load", 200, NULL, api_image_load, .body = API_BODY_RAW, .params = "quiet platform",
             .produces = JSON_STREAM),
        POST("/images/prune", 200, &wire_image_prune_type, api_image_prune, .params = "filters dry-run"),
        READ("/images/{name...}/json", &wire_image_inspect_type, api_image_inspect,
             .params = "manifests platform"),
        READ("/images/{name...}/attestations", NULL, api_image_attestations,
             .params = "platform type statement", .produces = JSON_STREAM, .since = 155),
        READ("/images/{name...}/history", &wire_image_history_list_type, api_image_history,
             .params = "platform"),
        READ("/images/{name...}/get", NULL, api_image_save, .params = "platform", .produces = TAR),
        POST("/images/{name...}/push", 200, NULL, api_image_push, .params = "tag platform",
             .produces = JSON_STREAM),
        POST("/images/{name...}/tag", 201, NULL, api_image_tag, .params = "repo tag"),
        POST("/images/{name...}/squash", 201, &wire_id_type, api_image_squash,
             .params = "repo tag message platform", .note = "our own: one layer of all"),
        DELETE("/images/{name...}", 200, &wire_image_delete_list_type, api_image_remove,
               .params = "force noprune platforms"),
        POST("/commit", 201, &wire_id_type, api_commit, JSON_BODY(&wire_container_config_type),
             .params = "container repo tag comment author pause changes"),
        READ("/distribution/{name...}/json", NULL, api_distribution, .produces = JSON_STREAM),

        /* ---- volumes ---- */
        READ("/volumes", &wire_volume_list_type, api_volume_list, .params = "filters"),
        POST("/volumes/create", 201, &wire_volume_type, api_volume_create,
             JSON_BODY(&wire_volume_create_type)),
        POST("/volumes/prune", 200, &wire_volume_prune_report_type, api_volume_prune, .params = "filters"),
        READ("/volumes/{name}", &wire_volume_type, api_volume_inspect),
        { .method = "PUT",
          .path = "/volumes/{name}",
          .params = "version",
          .support = API_REFUSED,
          .note = SWARM,
          .handler = api_no_swarm },
        DELETE("/volumes/{name}", 204, NULL, api_volume_remove, .params = "force"),

        /* ---- networks ---- */
        READ("/networks", &wire_network_list_type, api_network_list, .params = "filters"),
        POST("/networks/create", 201, &wire_network_create_response_type, api_network_create,
             REQUIRED_BODY(&wire_network_create_type)),
        POST("/networks/prune", 200, &wire_network_prune_report_type, api_network_prune, .params = "filters"),
        READ("/networks/{id}", &wire_network_type, api_network_inspect, .params = "verbose scope"),
        DELETE("/networks/{id}", 204, NULL, api_network_remove),
        POST("/networks/{id}/connect", 200, NULL, api_network_connect,
             REQUIRED_BODY(&wire_network_connect_type)),
        POST("/networks/{id}/disconnect", 200, NULL, api_network_disconnect,
             REQUIRED_BODY(&wire_network_disconnect_type)),

        /* ---- what is not here ---- */
        REFUSED("POST", "/build", BUILD, api_no_build),
        POST("/build/prune", 200, NULL, api_build_prune,
             .params = "all filters keep-storage reserved-space max-used-space min-free-space",
             .produces = JSON_STREAM, .support = API_PARTLY,
             .note = "nothing is built here yet, so there is never a cache to prune"),
        REFUSED("POST", "/build/cancel", BUILD, api_no_build),
        REFUSED("POST", "/session", BUILD, api_no_build),
        REFUSED("POST", "/grpc", BUILD, api_no_build),

        READ("/plugins", NULL, api_list_plugins, .params = "filters", .produces = JSON_STREAM,
             .support = API_PARTLY, .note = "always empty: managed plugins are not implemented"),
        REFUSED("GET", "/plugins/privileges", PLUGINS, api_no_plugins),
        REFUSED("POST", "/plugins/pull", PLUGINS, api_no_plugins),
        REFUSED("POST", "/plugins/create", PLUGINS, api_no_plugins),
        REFUSED("GET", "/plugins/{name...}/json", PLUGINS, api_no_such_plugin),
        REFUSED("POST", "/plugins/{name...}/enable", PLUGINS, api_no_such_plugin),
        REFUSED("POST", "/plugins/{name...}/disable", PLUGINS, api_no_such_plugin),
        REFUSED("POST", "/plugins/{name...}/upgrade", PLUGINS, api_no_such_plugin),
        REFUSED("POST", "/plugins/{name...}/push", PLUGINS, api_no_such_plugin),
        REFUSED("POST", "/plugins/{name...}/set", PLUGINS, api_no_such_plugin),
        REFUSED("DELETE", "/plugins/{name...}", PLUGINS, api_no_such_plugin),

        REFUSED("GET", "/swarm", SWARM, api_no_swarm),
        REFUSED("POST", "/swarm/init", "501: swarm mode is not implemented", api_no_swarm_mode),
        REFUSED("POST", "/swarm/join", "501: swarm mode is not implemented", api_no_swarm_mode),
        REFUSED("POST", "/swarm/leave", "503: this node is not part of a swarm", api_no_swarm_to_leave),
        REFUSED("POST", "/swarm/update", SWARM, api_no_swarm),
        REFUSED("GET", "/swarm/unlockkey", SWARM, api_no_swarm),
        REFUSED("POST", "/swarm/unlock", SWARM, api_no_swarm),
        REFUSED("GET", "/nodes", SWARM, api_no_swarm),
        REFUSED("GET", "/nodes/{id}", SWARM, api_no_swarm),
        REFUSED("DELETE", "/nodes/{id}", SWARM, api_no_swarm),
        REFUSED("POST", "/nodes/{id}/update", SWARM, api_no_swarm),
        REFUSED("GET", "/services", SWARM, api_no_swarm),
        REFUSED("POST", "/services/create", SWARM, api_no_swarm),
        REFUSED("GET", "/services/{id}", SWARM, api_no_swarm),
        REFUSED("DELETE", "/services/{id}", SWARM, api_no_swarm),
        REFUSED("POST", "/services/{id}/update", SWARM, api_no_swarm),
        REFUSED("GET", "/services/{id}/logs", SWARM, api_no_swarm),
        REFUSED("GET", "/tasks", SWARM, api_no_swarm),
        REFUSED("GET", "/tasks/{id}", SWARM, api_no_swarm),
        REFUSED("GET", "/tasks/{id}/logs", SWARM, api_no_swarm),
        REFUSED("GET", "/secrets", SWARM, api_no_swarm),
        REFUSED("POST", "/secrets/create", SWARM, api_no_swarm),
        REFUSED("GET", "/secrets/{id}", SWARM, api_no_swarm),
        REFUSED("DELETE", "/secrets/{id}", SWARM, api_no_swarm),
        REFUSED("POST", "/secrets/{id}/update", SWARM, api_no_swarm),
        REFUSED("GET", "/configs", SWARM, api_no_swarm),
        REFUSED("POST", "/configs/create", SWARM, api_no_swarm),
        REFUSED("GET", "/configs/{id}", SWARM, api_no_swarm),
        REFUSED("DELETE", "/configs/{id}", SWARM, api_no_swarm),
        REFUSED("POST", "/configs/{id}/update", SWARM, api_no_swarm),
};
const size_t api_nroutes = MN_ARRAY_LEN(api_routes);
