/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/inspect.h"

typedef struct container_inspect_options {
        const char *format;
        bool size;
} container_inspect_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(container_inspect_options, format), "string",
          CLI_HELP_INSPECT_FORMAT },
        { "size", 's', CLI_BOOL, offsetof(container_inspect_options, size), NULL,
          "Display total file sizes" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        static const inspect_kind *const kinds[] = { &inspect_container, NULL };
        const container_inspect_options *o = parsed;
        return inspect_run(c, kinds, o->size ? "?size=1" : "", o->format, args);
}

const cli_command container_inspect_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Display detailed information on one or more containers",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_inspect_options),
        .completes = "containers",
        .run = run,
};
