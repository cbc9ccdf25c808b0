/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"

typedef struct volume_rm_options {
        bool force;
} volume_rm_options;

static const cli_option options[] = {
        { "force", 'f', CLI_BOOL, offsetof(volume_rm_options, force), NULL,
          "Force the removal of one or more volumes" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const volume_rm_options *o = parsed;
        cleanup_str mn_str query = MN_STR_INIT(0);
        client_add_query(&query, "force", o->force ? "1" : NULL);
        return cli_for_each(c, args, "DELETE", "/volumes", "", &query);
}

const cli_command volume_rm_command = {
        .usage = "[OPTIONS] VOLUME [VOLUME...]",
        .summary = "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
        .aliases = "volume rm, volume remove",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(volume_rm_options),
        .completes = "volumes",
        .run = run,
};
