/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "wire/network.h"

typedef struct network_disconnect_options {
        bool force;
} network_disconnect_options;

static const cli_option options[] = {
        { "force", 'f', CLI_BOOL, offsetof(network_disconnect_options, force), NULL,
          "Force the container to disconnect from a network" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const network_disconnect_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        const wire_network_disconnect request = { .container = args[1], .is_forced = o->force };
        if (cli_request_object(c, "POST", cli_target(c, "/networks", args[0], "/disconnect"),
                               &wire_network_disconnect_type, &request, NULL, &err))
                return cli_fail(&err);
        return CLI_EXIT_OK;
}

const cli_command network_disconnect_command = {
        .usage = "[OPTIONS] NETWORK CONTAINER",
        .summary = "Disconnect a container from a network",
        .min_args = 2,
        .max_args = 2,
        .options = options,
        .options_size = sizeof(network_disconnect_options),
        .completes = "networks",
        .run = run,
};
