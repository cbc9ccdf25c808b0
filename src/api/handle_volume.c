/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include "volume/volume.h"

static const char *const list_filters[] = { "dangling", "driver", "label", "label!", "name", NULL };
static const char *const prune_filters[] = { "all", "label", "label!", NULL };

mn_status api_volume_list(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_volume_list list = { 0 };
        mn_status s = api_filters(c, list_filters, &filters, err);
        if (s == MN_OK)
                s = volume_list(c->engine->volumes, &filters, false, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_volume_create(api_call *c, mn_err *err) {
        wire_volume volume = { 0 };
        const wire_volume_create *request = c->body;
        if (request->cluster_volume_spec && request->cluster_volume_spec->kind != MN_JSON_NULL)
                return api_no_swarm(c, err);
        mn_status s = volume_create(c->engine->volumes, request, c->arena, &volume, err);
        return s == MN_OK ? api_reply(c, &volume) : s;
}

mn_status api_volume_inspect(api_call *c, mn_err *err) {
        wire_volume volume = { 0 };
        mn_status s = volume_inspect(c->engine->volumes, c->vars[0], c->arena, &volume, err);
        return s == MN_OK ? api_reply(c, &volume) : s;
}

mn_status api_volume_remove(api_call *c, mn_err *err) {
        mn_status s = volume_remove(c->engine->volumes, c->vars[0], api_param_bool(c, "force"), err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_volume_prune(api_call *c, mn_err *err) {
        enum { ONLY_ANONYMOUS_SINCE = 142 };
        wire_filters filters;
        wire_volume_prune_report report = { 0 };
        mn_status s = api_filters(c, prune_filters, &filters, err);
        if (s != MN_OK)
                return s;
        if (c->version < ONLY_ANONYMOUS_SINCE && !wire_filters_has(&filters, "all"))
                wire_filters_add(&filters, c->arena, "all", "true");
        s = volume_prune(c->engine->volumes, &filters, c->arena, &report, err);
        if (s == MN_OK)
                api_publish_prune(c, "volume", report.space_reclaimed);
        return s == MN_OK ? api_reply(c, &report) : s;
}
