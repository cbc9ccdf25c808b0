/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prune.h"

typedef struct image_prune_options {
        bool all;
        char **filter;
        bool force;
} image_prune_options;

static const cli_option options[] = {
        { "all", 'a', CLI_BOOL, offsetof(image_prune_options, all), NULL,
          "Remove all unused images, not just dangling ones" },
        { "filter", 0, CLI_LIST, offsetof(image_prune_options, filter), "filter",
          "Provide filter values (e.g. \"until=<timestamp>\")", NULL, 0, cli_check_filter },
        { "force", 'f', CLI_BOOL, offsetof(image_prune_options, force), NULL,
          "Do not prompt for confirmation" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const image_prune_options *o = parsed;
        const prune_spec spec = { .target = "/images/prune",
                                  .list = "ImagesDeleted",
                                  .heading = "Deleted Images:",
                                  .filters = o->filter,
                                  .filter_name = "dangling",
                                  .filter_value = o->all ? "false" : "true" };
        const char *question =
                o->all ? "WARNING! This will remove all images without at least one container associated "
                         "to them.\nAre you sure you want to continue?"
                       : "WARNING! This will remove all dangling images.\nAre you sure you want to continue?";
        if (!o->force && !cli_confirm(question))
                return CLI_EXIT_OK;
        return prune_and_report(c, &spec);
}

const cli_command image_prune_command = {
        .usage = "[OPTIONS]",
        .summary = "Remove unused images",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(image_prune_options),
        .run = run,
};
