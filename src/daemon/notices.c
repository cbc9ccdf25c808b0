/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notices.h"

#include "events/events.h"

enum { MAX_ATTRIBUTES = 4 };

/* Adds an attribute unless its value is NULL. */
static void add(mn_str_map *map, const char *key, const char *value) {
        if (value)
                map->items[map->len++] = (mn_str_pair){ (char *) key, (char *) value };
}

void notice_volume(void *arg, const char *action, const char *name, const char *container_id) {
        mn_str_pair pairs[MAX_ATTRIBUTES];
        mn_str_map attributes = { .items = pairs };
        add(&attributes, "container", container_id);
        add(&attributes, "driver", "local");
        events_publish(arg, "volume", action, name, &attributes);
}

void notice_network(void *arg, const network_event *event) {
        mn_str_pair pairs[MAX_ATTRIBUTES];
        mn_str_map attributes = { .items = pairs };
        add(&attributes, "container", event->container_id);
        add(&attributes, "name", event->network_name);
        add(&attributes, "type", event->driver);
        events_publish(arg, "network", event->action, event->network_id, &attributes);
}

void notice_image(void *arg, const char *action, const char *image_id, const char *name) {
        mn_str_pair pairs[MAX_ATTRIBUTES];
        mn_str_map attributes = { .items = pairs };
        add(&attributes, "name", name);
        events_publish(arg, "image", action, image_id, &attributes);
}
