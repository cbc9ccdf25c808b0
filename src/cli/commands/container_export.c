/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/transfer.h"

typedef struct container_export_options {
        const char *output;
} container_export_options;

static const cli_option options[] = {
        { "output", 'o', CLI_STR, offsetof(container_export_options, output), "string",
          "Write to a file, instead of STDOUT" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_export_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        mn_status status = transfer_check_output(o->output, &err);
        if (!status)
                status = transfer_download(c, cli_target(c, "/containers", args[0], "/export"), o->output,
                                           &err);
        return status ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command container_export_command = {
        .usage = "[OPTIONS] CONTAINER",
        .summary = "Export a container's filesystem as a tar archive",
        .aliases = "container export, export",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(container_export_options),
        .completes = "containers",
        .run = run,
};
