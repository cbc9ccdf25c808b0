/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/endpoint.h"

static int run(cli *c, const void *parsed, char **args) {
        (void) parsed;
        (void) args;
        printf("%s\n", endpoint_context(c));
        return CLI_EXIT_OK;
}

const cli_command context_show_command = {
        .usage = "",
        .summary = "Print the name of the current context",
        .min_args = 0,
        .max_args = 0,
        .run = run,
};
