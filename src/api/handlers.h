/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The handlers of the route table, by file. Each serves the operation its row in routes.c names. */

#include "api/route.h"

#define API_HANDLER(name) mn_status name(api_call *c, mn_err *err)

/* handle_system.c */
API_HANDLER(api_ping);
API_HANDLER(api_get_version);
API_HANDLER(api_get_info);
API_HANDLER(api_auth);

/* handle_df.c */
API_HANDLER(api_disk_usage);
API_HANDLER(api_system_check);

/* handle_container.c */
API_HANDLER(api_container_list);
API_HANDLER(api_container_create);
API_HANDLER(api_container_inspect);
API_HANDLER(api_container_start);
API_HANDLER(api_container_stop);
API_HANDLER(api_container_restart);
API_HANDLER(api_container_kill);
API_HANDLER(api_container_attach_ws);
API_HANDLER(api_container_pause);
API_HANDLER(api_container_unpause);
API_HANDLER(api_container_rename);
API_HANDLER(api_container_update);
API_HANDLER(api_container_resize);
API_HANDLER(api_container_remove);
API_HANDLER(api_container_prune);
API_HANDLER(api_container_top);
API_HANDLER(api_container_changes);
API_HANDLER(api_commit);
API_HANDLER(api_network_connect);
API_HANDLER(api_network_disconnect);

/* Parameters `h` and `w` of the two resize operations. */
mn_status api_read_size(api_call *c, int *ret_height, int *ret_width, mn_err *err) MN_MUST_USE;

/* handle_stream.c */
API_HANDLER(api_container_logs);
API_HANDLER(api_container_attach);
API_HANDLER(api_exec_create);
API_HANDLER(api_exec_start);
API_HANDLER(api_exec_resize);
API_HANDLER(api_exec_inspect);
API_HANDLER(api_container_wait);
API_HANDLER(api_container_stats);

/* handle_archive.c */
API_HANDLER(api_archive_stat);
API_HANDLER(api_archive_get);
API_HANDLER(api_archive_put);
API_HANDLER(api_container_export);

/* handle_volume.c */
API_HANDLER(api_volume_list);
API_HANDLER(api_volume_create);
API_HANDLER(api_volume_inspect);
API_HANDLER(api_volume_remove);
API_HANDLER(api_volume_prune);

/* handle_network.c */
API_HANDLER(api_network_list);
API_HANDLER(api_network_inspect);
API_HANDLER(api_network_create);
API_HANDLER(api_network_remove);
API_HANDLER(api_network_prune);

/* handle_events.c */
API_HANDLER(api_events);

/* handle_image.c */
API_HANDLER(api_image_list);
API_HANDLER(api_image_inspect);
API_HANDLER(api_image_history);
API_HANDLER(api_image_attestations);
API_HANDLER(api_image_tag);
API_HANDLER(api_image_squash);
API_HANDLER(api_image_remove);
API_HANDLER(api_image_prune);
API_HANDLER(api_image_search);
API_HANDLER(api_distribution);

/* The decoded X-Registry-Auth header, NULL when the request has none. */
struct image_auth;
mn_status api_image_auth(api_call *c, struct image_auth **ret, mn_err *err) MN_MUST_USE;

/* Values of a parameter of platforms as "os/arch[/variant]", NULL-terminated; they come so or as JSON of an
   OCI platform. */
mn_status api_image_platforms(api_call *c, const char *name, char *const **ret, mn_err *err) MN_MUST_USE;

/* The parameter `platform`; NULL when absent, MN_INVALID for more than one. */
mn_status api_image_platform(api_call *c, const char **ret, mn_err *err) MN_MUST_USE;

/* handle_transfer.c */
API_HANDLER(api_image_create);
API_HANDLER(api_image_push);
API_HANDLER(api_image_load);
API_HANDLER(api_image_save);
API_HANDLER(api_images_save);

/* handle_absent.c */
API_HANDLER(api_no_swarm);
API_HANDLER(api_no_swarm_mode);
API_HANDLER(api_no_swarm_to_leave);
API_HANDLER(api_no_build);
API_HANDLER(api_build_prune);
API_HANDLER(api_no_plugins);
API_HANDLER(api_list_plugins);
API_HANDLER(api_no_such_plugin);
