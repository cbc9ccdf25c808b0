/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/inspect.h"

typedef struct volume_inspect_options {
        const char *format;
} volume_inspect_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(volume_inspect_options, format), "string",
          CLI_HELP_INSPECT_FORMAT },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        static const inspect_kind *const kinds[] = { &inspect_volume, NULL };
        const volume_inspect_options *o = parsed;
        return inspect_run(c, kinds, "", o->format, args);
}

const cli_command volume_inspect_command = {
        .usage = "[OPTIONS] VOLUME [VOLUME...]",
        .summary = "Display detailed information on one or more volumes",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(volume_inspect_options),
        .completes = "volumes",
        .run = run,
};
