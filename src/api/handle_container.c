/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: documents and life. Streams are in handle_stream.c, files in handle_archive.c. */
#include "api/handlers.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "container/container.h"
#include "wire/system.h"

enum { PRIVATE_IPC_SINCE = 140, NO_KERNEL_MEMORY_SINCE = 142, IMAGE_MOUNTS_SINCE = 148 };

mn_status api_container_list(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_container_summary_list list = { 0 };
        container_list_spec spec = {
                .is_all = api_param_bool(c, "all"),
                .has_size = api_param_bool(c, "size"),
                .filters = &filters,
        };
        mn_status s = api_filters(c, container_list_filters, &filters, err);
        if (s == MN_OK)
                s = api_param_i64(c, "limit", 0, &spec.limit, err);
        if (s == MN_OK)
                s = container_list(c->engine->containers, &spec, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_container_create(api_call *c, mn_err *err) {
        wire_container_create_response response = { 0 };
        if (!c->has_body)
                return mn_fail(err, MN_INVALID, "config cannot be empty in order to create a container");
        wire_container_create *request = c->body;
        if (c->version < PRIVATE_IPC_SINCE && mn_str_is_empty(request->host_config.ipc_mode))
                request->host_config.ipc_mode = mn_arena_strdup(c->arena, "shareable");
        if (c->version >= NO_KERNEL_MEMORY_SINCE)
                request->host_config.resources.kernel_memory_bytes = 0;
        for (size_t i = 0; c->version < IMAGE_MOUNTS_SINCE && i < request->host_config.mounts.len; i++)
                if (mn_str_equal(request->host_config.mounts.items[i].type, "image"))
                        return mn_fail(err, MN_INVALID, "Mount type \"Image\" needs API v1.48 or newer");
        mn_status s = container_create(c->engine->containers, request, api_param(c, "name"),
                                       api_param(c, "platform"), c->arena, &response, err);
        return s == MN_OK ? api_reply(c, &response) : s;
}

mn_status api_container_inspect(api_call *c, mn_err *err) {
        wire_container_inspect container = { 0 };
        mn_status s = container_inspect(c->engine->containers, c->vars[0], api_param_bool(c, "size"),
                                        c->arena, &container, err);
        return s == MN_OK ? api_reply(c, &container) : s;
}

mn_status api_container_start(api_call *c, mn_err *err) {
        /* A client that sends "{}" or nothing means nothing by it; host configurations here are long gone. */
        if (c->head->framing == MN_HTTP_CHUNKED || c->head->content_length > 2)
                return mn_fail(
                        err, MN_INVALID,
                        "starting container with non-empty request body was deprecated since API v1.22 and "
                        "removed in v1.24");
        mn_status s = container_start(c->engine->containers, c->vars[0], api_param(c, "detachKeys"), err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

/* Parameters `signal` and `t`. */
static mn_status read_stop(api_call *c, container_stop_spec *spec, int64_t *timeout_s, mn_err *err) {
        const char *t = api_param(c, "t");
        spec->signal = api_param(c, "signal");
        spec->timeout_s = t && *t ? timeout_s : NULL;
        return api_param_i64(c, "t", 0, timeout_s, err);
}

mn_status api_container_stop(api_call *c, mn_err *err) {
        container_stop_spec spec;
        int64_t timeout_s;
        mn_status s = read_stop(c, &spec, &timeout_s, err);
        if (s == MN_OK)
                s = container_stop(c->engine->containers, c->vars[0], &spec, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_restart(api_call *c, mn_err *err) {
        container_stop_spec spec;
        int64_t timeout_s;
        mn_status s = read_stop(c, &spec, &timeout_s, err);
        if (s == MN_OK)
                s = container_restart(c->engine->containers, c->vars[0], &spec, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_kill(api_call *c, mn_err *err) {
        mn_status s = container_kill(c->engine->containers, c->vars[0], api_param(c, "signal"), err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_pause(api_call *c, mn_err *err) {
        mn_status s = container_pause(c->engine->containers, c->vars[0], err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_unpause(api_call *c, mn_err *err) {
        mn_status s = container_unpause(c->engine->containers, c->vars[0], err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_rename(api_call *c, mn_err *err) {
        const char *name = api_param(c, "name");
        mn_status s = container_rename(c->engine->containers, c->vars[0], name ? name : "", err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_update(api_call *c, mn_err *err) {
        wire_container_update_response response = { 0 };
        wire_container_update *request = c->body;
        if (c->version >= NO_KERNEL_MEMORY_SINCE)
                request->resources.kernel_memory_bytes = 0;
        mn_status s = container_update(c->engine->containers, c->vars[0], request, c->arena, &response, err);
        return s == MN_OK ? api_reply(c, &response) : s;
}

mn_status api_read_size(api_call *c, int *ret_height, int *ret_width, mn_err *err) {
        const char *h = api_param(c, "h"), *w = api_param(c, "w");
        if (mn_parse_int(h ? h : "", 0, UINT16_MAX, ret_height) < 0)
                return mn_fail(err, MN_INVALID, "invalid resize height \"%s\": invalid syntax", h ? h : "");
        if (mn_parse_int(w ? w : "", 0, UINT16_MAX, ret_width) < 0)
                return mn_fail(err, MN_INVALID, "invalid resize width \"%s\": invalid syntax", w ? w : "");
        return MN_OK;
}

mn_status api_container_resize(api_call *c, mn_err *err) {
        int height, width;
        mn_status s = api_read_size(c, &height, &width, err);
        if (s == MN_OK)
                s = container_resize(c->engine->containers, c->vars[0], height, width, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_remove(api_call *c, mn_err *err) {
        container_remove_spec spec = {
                .is_forced = api_param_bool(c, "force"),
                .removes_volumes = api_param_bool(c, "v"),
                .is_link = api_param_bool(c, "link"),
        };
        mn_status s = container_remove(c->engine->containers, c->vars[0], &spec, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_container_prune(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_container_prune_report report = { 0 };
        mn_status s = api_filters(c, container_prune_filters, &filters, err);
        if (s == MN_OK)
                s = container_prune(c->engine->containers, &filters, c->arena, &report, err);
        if (s == MN_OK)
                api_publish_prune(c, "container", report.space_reclaimed);
        return s == MN_OK ? api_reply(c, &report) : s;
}

mn_status api_container_top(api_call *c, mn_err *err) {
        wire_container_top top = { 0 };
        mn_status s = container_top(c->engine->containers, c->vars[0], api_param(c, "ps_args"), c->arena,
                                    &top, err);
        return s == MN_OK ? api_reply(c, &top) : s;
}

mn_status api_container_changes(api_call *c, mn_err *err) {
        wire_change_list changes = { 0 };
        mn_status s = container_changes(c->engine->containers, c->vars[0], c->arena, &changes, err);
        return s == MN_OK ? api_reply(c, &changes) : s;
}

mn_status api_commit(api_call *c, mn_err *err) {
        char id[IMAGE_ID_SIZE];
        const char *container = api_param(c, "container");
        container_commit_spec spec = {
                .repository = api_param(c, "repo"),
                .tag = api_param(c, "tag"),
                .comment = api_param(c, "comment"),
                .author = api_param(c, "author"),
                .changes = api_param_list(c, "changes"),
                .config = c->has_body ? c->body : NULL,
                .is_not_paused = !api_param_bool_or(c, "pause", true),
        };
        if (!container || !*container)
                return mn_fail(err, MN_INVALID, "the parameter \"container\" is required");
        mn_status s = container_commit(c->engine->containers, container, &spec, id, err);
        wire_id response = { .id = id };
        return s == MN_OK ? api_reply(c, &response) : s;
}

/* ---- networks of a container ---- */

mn_status api_network_connect(api_call *c, mn_err *err) {
        const wire_network_connect *request = c->body;
        if (!request->container || !*request->container)
                return mn_fail(err, MN_INVALID, "invalid container name or ID: value is empty");
        mn_status s = container_connect(c->engine->containers, request->container, c->vars[0],
                                        request->endpoint_config, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_network_disconnect(api_call *c, mn_err *err) {
        const wire_network_disconnect *request = c->body;
        if (!request->container || !*request->container)
                return mn_fail(err, MN_INVALID, "invalid container name or ID: value is empty");
        mn_status s = container_disconnect(c->engine->containers, request->container, c->vars[0],
                                           request->is_forced, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}
