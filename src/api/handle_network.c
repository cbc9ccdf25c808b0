/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <string.h>

#include "network/network.h"

mn_status api_network_list(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_network_list list = { 0 };
        mn_status s = api_filters(c, network_list_filters, &filters, err);
        if (s == MN_OK)
                s = network_list(c->engine->networks, &filters, c->arena, &list, err);
        return s == MN_OK ? api_reply(c, &list) : s;
}

mn_status api_network_inspect(api_call *c, mn_err *err) {
        wire_network network = { 0 };
        const char *scope = api_param(c, "scope");
        if (scope && *scope && strcmp(scope, "local") != 0)
                return mn_fail(err, MN_NOT_FOUND, "network %s not found", c->vars[0]);
        mn_status s = network_inspect(c->engine->networks, c->vars[0], c->arena, &network, err);
        return s == MN_OK ? api_reply(c, &network) : s;
}

mn_status api_network_create(api_call *c, mn_err *err) {
        char *id = NULL, *warning = NULL;
        mn_status s = network_create(c->engine->networks, c->body, c->arena, &id, &warning, err);
        wire_network_create_response response = { .id = id, .warning = warning };
        return s == MN_OK ? api_reply(c, &response) : s;
}

mn_status api_network_remove(api_call *c, mn_err *err) {
        mn_status s = network_remove(c->engine->networks, c->vars[0], err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_network_prune(api_call *c, mn_err *err) {
        wire_filters filters;
        wire_network_prune_report report = { 0 };
        mn_status s = api_filters(c, network_prune_filters, &filters, err);
        if (s == MN_OK)
                s = network_prune(c->engine->networks, &filters, c->arena, &report, err);
        if (s == MN_OK)
                api_publish_prune(c, "network", 0);
        return s == MN_OK ? api_reply(c, &report) : s;
}
