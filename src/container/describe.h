/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Parts that list and inspect show alike. State lock held for all of them; results in the arena. */

#include "container/engine.h"

/* What is mounted into the container beside what every container gets. */
void container_describe_mounts(const container *c, mn_arena *arena, wire_mount_point_list *ret);

/* "Up 5 minutes (healthy)", "Exited (0) 2 hours ago", "Created" ... */
char *container_describe_status(const container *c, mn_arena *arena);

/* Networks with their addresses while it runs, with the wishes for them otherwise. */
void container_describe_networks(const container *c, mn_arena *arena, wire_endpoints *ret_networks,
                                 wire_port_map *ret_ports);

/* "running", and whatever else State.Running says true for. */
bool container_counts_as_running(const container *c);
