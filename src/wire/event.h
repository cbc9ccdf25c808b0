/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One message of GET /events. */

#include "codec/json.h"

typedef struct wire_event_actor {
        char *id;
        mn_str_map attributes;
} wire_event_actor;

typedef struct wire_event {
        char *status; /* this and the next two repeat the rest for clients before v1.52 */
        char *id;
        char *from;
        char *type; /* container, image, volume, network, daemon */
        char *action;
        wire_event_actor actor;
        char *scope;  /* "local" */
        int64_t time; /* seconds since the epoch */
        int64_t time_nano;
} wire_event;

extern const mn_type wire_event_type;
