/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/create.h"

static int run(cli *c, const void *parsed, char **args) {
        const create_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        create_request request;
        const char *id;
        if (create_build(c, o, args, &request, &err))
                return create_report(c, &err, CLI_EXIT_DAEMON);
        if (create_container(c, o, &request, &id, &err))
                return cli_fail(&err);
        printf("%s\n", id);
        return CLI_EXIT_OK;
}

const cli_command container_create_command = {
        .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        .summary = "Create a new container",
        .aliases = "container create, create",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = run_option_table + CREATE_FIRST_OPTION,
        .options_size = sizeof(create_options),
        .completes = "images",
        .stops_at_argument = true,
        .run = run,
};
