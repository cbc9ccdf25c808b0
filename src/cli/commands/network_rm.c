/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"

typedef struct network_rm_options {
        bool force;
} network_rm_options;

static const cli_option options[] = {
        { "force", 'f', CLI_BOOL, offsetof(network_rm_options, force), NULL,
          "Do not error if the network does not exist" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const network_rm_options *o = parsed;
        int code = CLI_EXIT_OK;
        for (; *args; args++) {
                cleanup_err mn_err err = { 0 };
                mn_status status = cli_request(c, "DELETE", cli_target(c, "/networks", *args, ""), NULL,
                                               &err);
                if (!status)
                        printf("%s\n", *args);
                else if (!(o->force && status == MN_NOT_FOUND) && cli_fail(&err))
                        code = CLI_EXIT_FAILURE;
        }
        return code;
}

const cli_command network_rm_command = {
        .usage = "NETWORK [NETWORK...]",
        .summary = "Remove one or more networks",
        .aliases = "network rm, network remove",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(network_rm_options),
        .completes = "networks",
        .run = run,
};
