/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prune.h"

typedef struct network_prune_options {
        char **filter;
        bool force;
} network_prune_options;

static const cli_option options[] = {
        { "filter", 0, CLI_LIST, offsetof(network_prune_options, filter), "filter",
          "Provide filter values (e.g. \"until=<timestamp>\")", NULL, 0, cli_check_filter },
        { "force", 'f', CLI_BOOL, offsetof(network_prune_options, force), NULL,
          "Do not prompt for confirmation" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const network_prune_options *o = parsed;
        const prune_spec spec = { .target = "/networks/prune",
                                  .list = "NetworksDeleted",
                                  .heading = "Deleted Networks:",
                                  .filters = o->filter,
                                  .has_no_space = true };
        if (!o->force &&
            !cli_confirm("WARNING! This will remove all custom networks not used by at least one "
                         "container.\nAre you sure you want to continue?"))
                return CLI_EXIT_OK;
        return prune_and_report(c, &spec);
}

const cli_command network_prune_command = {
        .usage = "[OPTIONS]",
        .summary = "Remove all unused networks",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(network_prune_options),
        .run = run,
};
