/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prune.h"

typedef struct image_prune_options {
        bool all;
        bool dry_run;
        char **filter;
        bool force;
        const char *keep;
        const char *unused_for;
} image_prune_options;

static const cli_option options[] = {
        { "all", 'a', CLI_BOOL, offsetof(image_prune_options, all), NULL,
          "Remove all unused images, not just dangling ones" },
        { "dry-run", 0, CLI_BOOL, offsetof(image_prune_options, dry_run), NULL,
          "Only show what would be removed" },
        { "filter", 0, CLI_LIST, offsetof(image_prune_options, filter), "filter",
          "Provide filter values (e.g. \"until=<timestamp>\")", NULL, 0, cli_check_filter },
        { "force", 'f', CLI_BOOL, offsetof(image_prune_options, force), NULL,
          "Do not prompt for confirmation" },
        { "keep", 0, CLI_STR, offsetof(image_prune_options, keep), "number",
          "Keep so many images of every repository, those used last" },
        { "unused-for", 0, CLI_STR, offsetof(image_prune_options, unused_for), "duration",
          "Only images no container has used for so long (e.g., \"30d\", \"12h\")" },
        { 0 },
};

static void add_filter(char ***filters, const char *name, const char *value) {
        cleanup_free char *text = value ? mn_asprintf("%s=%s", name, value) : NULL;
        if (text)
                mn_strv_add(filters, text);
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const image_prune_options *o = parsed;
        char **filters = mn_strv_copy(o->filter);
        add_filter(&filters, "unused-for", o->unused_for);
        add_filter(&filters, "keep", o->keep);
        const prune_spec spec = { .target = o->dry_run ? "/images/prune?dry-run=1" : "/images/prune",
                                  .list = "ImagesDeleted",
                                  .heading = o->dry_run ? "Would delete Images:" : "Deleted Images:",
                                  .closing = o->dry_run ? "Total reclaimable space" : NULL,
                                  .filters = filters,
                                  .filter_name = "dangling",
                                  .filter_value = o->all ? "false" : "true" };
        const char *question =
                o->all ? "WARNING! This will remove all images without at least one container associated "
                         "to them.\nAre you sure you want to continue?"
                       : "WARNING! This will remove all dangling images.\nAre you sure you want to continue?";
        int code = CLI_EXIT_OK;
        if (o->force || o->dry_run || cli_confirm(question))
                code = prune_and_report(c, &spec);
        mn_strv_free(filters);
        return code;
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
