/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace of one run. */

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "container/create.h"
#include "container/networking.h"

static mn_status share_network(container *c, const char *target, int *ret_netns_fd, mn_err *err) {
        char id[MN_ID_SIZE];
        mn_status status = container_resolve(c->engine, target, id, err);
        if (!status)
                status = network_sandbox_netns(c->engine->options.networks, id, ret_netns_fd, err);
        return status;
}

static mn_status make_sandbox(container *c, int *ret_netns_fd, mn_err *err) {
        const container_record *r = c->record;
        cleanup_free network_attachment *attachments = mn_alloc_array(r->endpoints.len + 1,
                                                                      sizeof *attachments);
        for (size_t i = 0; i < r->endpoints.len; i++)
                attachments[i] = (network_attachment){ r->endpoints.items[i].key,
                                                       r->endpoints.items[i].value };
        const network_sandbox_spec spec = {
                .container_id = c->id,
                .container_name = r->name,
                .hostname = r->config.hostname,
                .attachments = attachments,
                .nattachments = r->endpoints.len,
                .ports = &r->host_config.port_bindings,
                .exposed = r->config.exposed_ports,
                .publish_all = r->host_config.publishes_all_ports,
                .dns = r->host_config.dns,
        };
        return network_sandbox_create(c->engine->options.networks, &spec, ret_netns_fd, err);
}

mn_status container_network_start(container *c, int *ret_netns_fd, mn_err *err) {
        const char *target = container_mode_target(c->record->host_config.network_mode);
        c->has_sandbox = false;
        if (target)
                return share_network(c, target, ret_netns_fd, err);
        mn_status status = make_sandbox(c, ret_netns_fd, err);
        c->has_sandbox = !status;
        return status;
}

void container_network_stop(container *c) {
        if (c->has_sandbox)
                network_sandbox_release(c->engine->options.networks, c->id);
        c->has_sandbox = false;
}

mn_status container_network_restore(container *c, pid_t pid, mn_err *err) {
        if (container_mode_target(c->record->host_config.network_mode))
                return MN_OK;
        mn_status status = network_sandbox_restore(c->engine->options.networks, c->id, pid, err);
        c->has_sandbox = !status;
        return status;
}
