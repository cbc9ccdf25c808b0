/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"

static int run(cli *c, const void *options, char **args) {
        (void) options;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str query = MN_STR_INIT(0);
        if (!*args[0] || !*args[1])
                return cli_failf("Error: Neither old nor new names may be empty");
        client_add_query(&query, "name", args[1]);
        const char *target = cli_target(c, "/containers", args[0], "/rename");
        if (cli_request(c, "POST", mn_arena_printf(c->arena, "%s%s", target, mn_str_text(&query)), NULL,
                        &err)) {
                cli_fail(&err);
                return cli_failf("Error: failed to rename container named %s", args[0]);
        }
        return CLI_EXIT_OK;
}

const cli_command container_rename_command = {
        .usage = "CONTAINER NEW_NAME",
        .summary = "Rename a container",
        .aliases = "container rename, rename",
        .min_args = 2,
        .max_args = 2,
        .completes = "containers",
        .run = run,
};
