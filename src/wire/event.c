/* SPDX-License-Identifier: Apache-2.0 */
/* Field table of an event. */

#include "wire/event.h"

static const mn_field actor_fields[] = {
        { "ID", &mn_type_str, offsetof(wire_event_actor, id) },
        { "Attributes", &mn_type_str_map, offsetof(wire_event_actor, attributes), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type actor_type = MN_STRUCT(wire_event_actor, actor_fields);

#define EVENT(member) offsetof(wire_event, member)
static const mn_field event_fields[] = {
        { "status", &mn_type_str, EVENT(status), MN_OMIT_EMPTY, .until = 151 },
        { "id", &mn_type_str, EVENT(id), MN_OMIT_EMPTY, .until = 151 },
        { "from", &mn_type_str, EVENT(from), MN_OMIT_EMPTY, .until = 151 },
        { "Type", &mn_type_str, EVENT(type) },
        { "Action", &mn_type_str, EVENT(action) },
        { "Actor", &actor_type, EVENT(actor) },
        { "scope", &mn_type_str, EVENT(scope), MN_OMIT_EMPTY },
        { "time", &mn_type_i64, EVENT(time), MN_OMIT_EMPTY },
        { "timeNano", &mn_type_i64, EVENT(time_nano), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_event_type = MN_STRUCT(wire_event, event_fields);
