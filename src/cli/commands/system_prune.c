/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prune.h"
#include "codec/size.h"

typedef struct system_prune_options {
        bool all;
        char **filter;
        bool force;
        bool volumes;
} system_prune_options;

static const cli_option options[] = {
        { "all", 'a', CLI_BOOL, offsetof(system_prune_options, all), NULL,
          "Remove all unused images not just dangling ones" },
        { "filter", 0, CLI_LIST, offsetof(system_prune_options, filter), "filter",
          "Provide filter values (e.g. \"label=<key>=<value>\")", NULL, 0, cli_check_filter },
        { "force", 'f', CLI_BOOL, offsetof(system_prune_options, force), NULL,
          "Do not prompt for confirmation" },
        { "volumes", 0, CLI_BOOL, offsetof(system_prune_options, volumes), NULL, "Prune anonymous volumes" },
        { 0 },
};

static void print_warning(const system_prune_options *o, mn_str *out) {
        mn_str_add(out, "WARNING! This will remove:\n");
        mn_str_add(out, "  - all stopped containers\n");
        mn_str_add(out, "  - all networks not used by at least one container\n");
        if (o->volumes)
                mn_str_add(out, "  - all anonymous volumes not used by at least one container\n");
        mn_str_add(out, o->all ? "  - all images without at least one container associated to them\n"
                               : "  - all dangling images\n");
        if (o->filter && *o->filter) {
                mn_str_add(out, "\n  Items to be pruned will be filtered with:\n");
                for (char **filter = o->filter; *filter; filter++)
                        mn_str_printf(out, "  - %s\n", *filter);
        }
        mn_str_add(out, "\nAre you sure you want to continue?");
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const system_prune_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str question = MN_STR_INIT(0);
        const prune_spec steps[] = {
                { .target = "/containers/prune",
                  .list = "ContainersDeleted",
                  .heading = "Deleted Containers:",
                  .filters = o->filter },
                { .target = "/networks/prune",
                  .list = "NetworksDeleted",
                  .heading = "Deleted Networks:",
                  .filters = o->filter },
                { .target = "/volumes/prune",
                  .list = "VolumesDeleted",
                  .heading = "Deleted Volumes:",
                  .filters = o->filter },
                { .target = "/images/prune",
                  .list = "ImagesDeleted",
                  .heading = "Deleted Images:",
                  .filters = o->filter,
                  .filter_name = "dangling",
                  .filter_value = o->all ? "false" : "true" },
        };
        double space = 0;
        char text[MN_SIZE_TEXT_SIZE];
        print_warning(o, &question);
        if (!o->force && !cli_confirm(mn_str_text(&question)))
                return CLI_EXIT_OK;
        for (size_t i = 0; i < MN_ARRAY_LEN(steps); i++) {
                if (i == 2 && !o->volumes)
                        continue;
                if (prune_only(c, &steps[i], &space, &err))
                        return cli_fail(&err);
        }
        printf("Total reclaimed space: %s\n", mn_size_human(space, 4, text));
        return CLI_EXIT_OK;
}

const cli_command system_prune_command = {
        .usage = "[OPTIONS]",
        .summary = "Remove unused data",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(system_prune_options),
        .run = run,
};
