/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"

static int run(cli *c, const void *options, char **args) {
        (void) options;
        cleanup_err mn_err err = { 0 };
        bool was_there = false;
        const char *server = args[0] ? config_server_key(args[0]) : CONFIG_HUB;
        printf("Removing login credentials for %s\n", args[0] ? server : CONFIG_HUB);
        mn_status status = config_erase_auth(c, server, &was_there, &err);
        if (status) {
                mn_err_prefix(&err, status, "WARNING: could not erase credentials");
                return cli_fail(&err);
        }
        return CLI_EXIT_OK;
}

const cli_command logout_command = {
        .usage = "[SERVER]",
        .summary = "Log out from a registry.",
        .details = "If no server is specified, the default is defined by the daemon.\n",
        .min_args = 0,
        .max_args = 1,
        .run = run,
};
