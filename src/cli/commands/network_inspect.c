/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/inspect.h"

typedef struct network_inspect_options {
        const char *format;
        bool verbose;
} network_inspect_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(network_inspect_options, format), "string",
          CLI_HELP_INSPECT_FORMAT },
        { "verbose", 'v', CLI_BOOL, offsetof(network_inspect_options, verbose), NULL,
          "Verbose output for diagnostics" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        static const inspect_kind *const kinds[] = { &inspect_network, NULL };
        const network_inspect_options *o = parsed;
        return inspect_run(c, kinds, o->verbose ? "?verbose=1" : "", o->format, args);
}

const cli_command network_inspect_command = {
        .usage = "[OPTIONS] NETWORK [NETWORK...]",
        .summary = "Display detailed information on one or more networks",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(network_inspect_options),
        .completes = "networks",
        .run = run,
};
