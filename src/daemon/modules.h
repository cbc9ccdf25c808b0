/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The engine's inside: its modules, and how they are opened with the configuration's values. */

#include "container/container.h"
#include "daemon/engine.h"
#include "events/events.h"
#include "image/image.h"
#include "network/network.h"
#include "store/store.h"
#include "volume/volume.h"

struct engine {
        const daemon_config *config;
        mn_arena *arena; /* what lives as long as the engine */
        loop *loop;
        api_facts *facts; /* in the arena */
        api_engine api;

        store *store;
        events_bus *events;
        volume_store *volumes;
        network_manager *networks;
        image_store *images;
        image_registry *registry;
        container_engine *containers;
};

/* Opens the modules in the order they need each other. */
mn_status modules_open(struct engine *e, mn_err *err) MN_MUST_USE;

/* Tells the modules what a reload of the configuration changed. */
void modules_reload(struct engine *e);

/* Ends what would go on: event streams, background work; containers too when the configuration says so.
 * Blocks. */
void modules_stop(struct engine *e);

/* Closes what was opened. */
void modules_close(struct engine *e);
