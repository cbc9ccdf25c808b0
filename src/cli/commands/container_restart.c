/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"

typedef struct container_restart_options {
        const char *signal;
        int64_t *timeout;
        int64_t *time;
} container_restart_options;

static const cli_option options[] = {
        { "signal", 's', CLI_STR, offsetof(container_restart_options, signal), "string",
          "Signal to send to the container" },
        { "timeout", 't', CLI_INT, offsetof(container_restart_options, timeout), "int",
          "Seconds to wait before killing the container" },
        { "time", 0, CLI_INT, offsetof(container_restart_options, time), "int",
          "Seconds to wait before killing the container", NULL, CLI_HIDDEN },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_restart_options *o = parsed;
        cleanup_str mn_str query = MN_STR_INIT(0);
        const int64_t *timeout = o->timeout ? o->timeout : o->time;
        client_add_query(&query, "signal", o->signal);
        if (timeout)
                client_add_query(&query, "t", mn_arena_printf(c->arena, "%lld", (long long) *timeout));
        return cli_for_each(c, args, "POST", "/containers", "/restart", &query);
}

const cli_command container_restart_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Restart one or more containers",
        .aliases = "container restart, restart",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_restart_options),
        .completes = "containers",
        .run = run,
};
