/* SPDX-License-Identifier: Apache-2.0 */
#include "events/match.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

/* Docker's fuzzy match: the value is one of the filter's, or begins with one. */
static bool matches_start(const wire_filters *filters, const char *key, const char *value) {
        return value && wire_filters_prefix(filters, key, value);
}

/* Identifier or name of the object, when events of this kind are filtered. */
static bool matches_object(const wire_event *event, const wire_filters *filters, const char *key) {
        if (!wire_filters_has(filters, key))
                return true;
        return matches_start(filters, key, event->actor.id) ||
               matches_start(filters, key, mn_str_map_get(&event->actor.attributes, "name"));
}

static bool matches_image(const wire_event *event, const wire_filters *filters) {
        if (!wire_filters_has(filters, "image"))
                return true;
        bool is_container = mn_str_equal(event->type, "container");
        const char *name = mn_str_map_get(&event->actor.attributes, is_container ? "image" : "name");
        const char *const candidates[] = { is_container ? NULL : event->actor.id, name };
        for (size_t i = 0; i < MN_ARRAY_LEN(candidates); i++) {
                const char *candidate = candidates[i];
                if (!candidate)
                        continue;
                const char *slash = strrchr(candidate, '/'), *colon = strrchr(candidate, ':');
                bool has_tag = colon && (!slash || colon > slash);
                cleanup_free char *untagged = mn_strndup(candidate, has_tag ? (size_t) (colon - candidate)
                                                                            : strlen(candidate));
                if (wire_filters_exact(filters, "image", candidate) ||
                    wire_filters_exact(filters, "image", untagged))
                        return true;
        }
        return false;
}

/* "exec_start: ls" and "health_status: healthy" are also found by what stands before the colon. */
static bool matches_action(const wire_event *event, const wire_filters *filters) {
        static const char *const with_detail[] = { "health_status", "exec_create", "exec_start" };
        if (wire_filters_exact(filters, "event", event->action))
                return true;
        for (size_t i = 0; i < MN_ARRAY_LEN(with_detail); i++)
                if (mn_str_has_prefix(event->action, with_detail[i]))
                        return matches_start(filters, "event", event->action);
        return false;
}

bool events_match(const wire_event *event, const wire_filters *filters) {
        static const char *const objects[] = { "container", "network", "volume", "daemon", "plugin",
                                               "service",   "node",    "secret", "config" };
        for (size_t i = 0; i < MN_ARRAY_LEN(objects); i++)
                if (!matches_object(event, filters, objects[i]))
                        return false;
        return wire_filters_exact(filters, "type", event->type) &&
               wire_filters_exact(filters, "scope", event->scope) && matches_action(event, filters) &&
               matches_image(event, filters) &&
               (!wire_filters_has(filters, "label") ||
                wire_filters_labels(filters, "label", &event->actor.attributes));
}
