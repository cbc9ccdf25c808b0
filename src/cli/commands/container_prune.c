/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prune.h"

typedef struct container_prune_options {
        char **filter;
        bool force;
} container_prune_options;

static const cli_option options[] = {
        { "filter", 0, CLI_LIST, offsetof(container_prune_options, filter), "filter",
          "Provide filter values (e.g. \"until=<timestamp>\")", NULL, 0, cli_check_filter },
        { "force", 'f', CLI_BOOL, offsetof(container_prune_options, force), NULL,
          "Do not prompt for confirmation" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const container_prune_options *o = parsed;
        const prune_spec spec = { .target = "/containers/prune",
                                  .list = "ContainersDeleted",
                                  .heading = "Deleted Containers:",
                                  .filters = o->filter };
        if (!o->force &&
            !cli_confirm(
                    "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?"))
                return CLI_EXIT_OK;
        return prune_and_report(c, &spec);
}

const cli_command container_prune_command = {
        .usage = "[OPTIONS]",
        .summary = "Remove all stopped containers",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(container_prune_options),
        .run = run,
};
