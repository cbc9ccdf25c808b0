/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prune.h"

typedef struct volume_prune_options {
        bool all;
        char **filter;
        bool force;
} volume_prune_options;

static const cli_option options[] = {
        { "all", 'a', CLI_BOOL, offsetof(volume_prune_options, all), NULL,
          "Remove all unused volumes, not just anonymous ones" },
        { "filter", 0, CLI_LIST, offsetof(volume_prune_options, filter), "filter",
          "Provide filter values (e.g. \"label=<label>\")", NULL, 0, cli_check_filter },
        { "force", 'f', CLI_BOOL, offsetof(volume_prune_options, force), NULL,
          "Do not prompt for confirmation" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const volume_prune_options *o = parsed;
        const prune_spec spec = { .target = "/volumes/prune",
                                  .list = "VolumesDeleted",
                                  .heading = "Deleted Volumes:",
                                  .filters = o->filter,
                                  .filter_name = o->all ? "all" : NULL,
                                  .filter_value = "true" };
        const char *question =
                o->all ? "WARNING! This will remove all local volumes not used by at least one "
                         "container.\nAre you sure you want to continue?"
                       : "WARNING! This will remove anonymous local volumes not used by at least one "
                         "container.\nAre you sure you want to continue?";
        if (!o->force && !cli_confirm(question))
                return CLI_EXIT_OK;
        return prune_and_report(c, &spec);
}

const cli_command volume_prune_command = {
        .usage = "[OPTIONS]",
        .summary = "Remove unused local volumes",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(volume_prune_options),
        .run = run,
};
