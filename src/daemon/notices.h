/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What modules tell about their objects, published as events in Docker's words. `arg` is the events_bus. */

#include "network/network.h"

void notice_volume(void *arg, const char *action, const char *name, const char *container_id);
void notice_network(void *arg, const network_event *event);
void notice_image(void *arg, const char *action, const char *image_id, const char *name);
