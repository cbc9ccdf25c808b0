/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/pairs.h"
#include "wire/network.h"

typedef struct network_connect_options {
        char **alias;
        char **driver_opt;
        int64_t *gw_priority;
        const char *ip;
        const char *ip6;
        char **link;
        char **link_local_ip;
} network_connect_options;

static const cli_option options[] = {
        { "alias", 0, CLI_CSV, offsetof(network_connect_options, alias), "strings",
          "Add network-scoped alias for the container" },
        { "driver-opt", 0, CLI_CSV, offsetof(network_connect_options, driver_opt), "strings",
          "driver options for the network" },
        { "gw-priority", 0, CLI_INT, offsetof(network_connect_options, gw_priority), "int",
          "Highest gw-priority provides the default gateway. Accepts positive and negative values." },
        { "ip", 0, CLI_STR, offsetof(network_connect_options, ip), "string",
          "IPv4 address (e.g., \"172.30.100.104\")" },
        { "ip6", 0, CLI_STR, offsetof(network_connect_options, ip6), "string",
          "IPv6 address (e.g., \"2001:db8::33\")" },
        { "link", 0, CLI_LIST, offsetof(network_connect_options, link), "list",
          "Add link to another container" },
        { "link-local-ip", 0, CLI_CSV, offsetof(network_connect_options, link_local_ip), "strings",
          "Add a link-local address for the container" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const network_connect_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        wire_endpoint_ipam ipam = { .ipv4_address = (char *) o->ip,
                                    .ipv6_address = (char *) o->ip6,
                                    .link_local_ips = o->link_local_ip };
        wire_endpoint_settings settings = { .ipam_config = &ipam,
                                            .links = o->link,
                                            .aliases = o->alias,
                                            .gw_priority = o->gw_priority ? *o->gw_priority : 0 };
        const wire_network_connect request = { .container = args[1], .endpoint_config = &settings };
        pairs_add(c->arena, &settings.driver_opts, o->driver_opt);
        if (cli_request_object(c, "POST", cli_target(c, "/networks", args[0], "/connect"),
                               &wire_network_connect_type, &request, NULL, &err))
                return cli_fail(&err);
        return CLI_EXIT_OK;
}

const cli_command network_connect_command = {
        .usage = "[OPTIONS] NETWORK CONTAINER",
        .summary = "Connect a container to a network",
        .min_args = 2,
        .max_args = 2,
        .options = options,
        .options_size = sizeof(network_connect_options),
        .completes = "networks",
        .run = run,
};
