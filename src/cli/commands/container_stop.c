/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"

typedef struct container_stop_options {
        const char *signal;
        int64_t *timeout;
        int64_t *time;
} container_stop_options;

static const cli_option options[] = {
        { "signal", 's', CLI_STR, offsetof(container_stop_options, signal), "string",
          "Signal to send to the container" },
        { "timeout", 't', CLI_INT, offsetof(container_stop_options, timeout), "int",
          "Seconds to wait before killing the container" },
        { "time", 0, CLI_INT, offsetof(container_stop_options, time), "int",
          "Seconds to wait before killing the container", NULL, CLI_HIDDEN },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_stop_options *o = parsed;
        cleanup_str mn_str query = MN_STR_INIT(0);
        const int64_t *timeout = o->timeout ? o->timeout : o->time;
        client_add_query(&query, "signal", o->signal);
        if (timeout)
                client_add_query(&query, "t", mn_arena_printf(c->arena, "%lld", (long long) *timeout));
        const char *suffix = mn_arena_printf(c->arena, "/stop%s", mn_str_text(&query));
        return cli_for_all(c, args, &(cli_action){ "POST", "/containers", suffix, false });
}

const cli_command container_stop_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Stop one or more running containers",
        .aliases = "container stop, stop",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_stop_options),
        .completes = "running",
        .run = run,
};
