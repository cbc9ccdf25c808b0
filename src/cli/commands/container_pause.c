/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"

static int run(cli *c, const void *options, char **args) {
        (void) options;
        return cli_for_all(c, args, &(cli_action){ "POST", "/containers", "/pause", false });
}

const cli_command container_pause_command = {
        .usage = "CONTAINER [CONTAINER...]",
        .summary = "Pause all processes within one or more containers",
        .aliases = "container pause, pause",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .completes = "running",
        .run = run,
};
