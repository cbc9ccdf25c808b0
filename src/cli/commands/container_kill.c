/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"

typedef struct container_kill_options {
        const char *signal;
} container_kill_options;

static const cli_option options[] = {
        { "signal", 's', CLI_STR, offsetof(container_kill_options, signal), "string",
          "Signal to send to the container" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_kill_options *o = parsed;
        cleanup_str mn_str query = MN_STR_INIT(0);
        client_add_query(&query, "signal", o->signal);
        const char *suffix = mn_arena_printf(c->arena, "/kill%s", mn_str_text(&query));
        return cli_for_all(c, args, &(cli_action){ "POST", "/containers", suffix, false });
}

const cli_command container_kill_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Kill one or more running containers",
        .aliases = "container kill, kill",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_kill_options),
        .completes = "running",
        .run = run,
};
