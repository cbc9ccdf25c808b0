/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"

static int run(cli *c, const void *options, char **args) {
        (void) options;
        int code = CLI_EXIT_OK;
        for (; *args; args++) {
                cleanup_err mn_err err = { 0 };
                const mn_json *answer;
                if (cli_request(c, "POST", cli_target(c, "/containers", *args, "/wait"), &answer, &err)) {
                        code = cli_fail(&err);
                        continue;
                }
                const char *error = mn_json_get_str(mn_json_get(answer, "Error"), "Message");
                if (error && *error)
                        code = cli_failf("%s", error);
                else
                        printf("%lld\n", (long long) cli_number(answer, "StatusCode"));
        }
        return code;
}

const cli_command container_wait_command = {
        .usage = "CONTAINER [CONTAINER...]",
        .summary = "Block until one or more containers stop, then print their exit codes",
        .aliases = "container wait, wait",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .completes = "containers",
        .run = run,
};
