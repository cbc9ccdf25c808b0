/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/context.h"
#include "cli/endpoint.h"

static int run(cli *c, const void *parsed, char **args) {
        (void) parsed;
        const char *name = args[0], *variable = endpoint_host_variable();
        bool is_default = strcmp(name, CONTEXT_DEFAULT) == 0;
        cleanup_err mn_err err = { 0 };
        context x;
        mn_status status = is_default ? MN_OK : context_check_name(name, &err);
        if (!status && !is_default)
                status = context_load(c, name, &x, &err);
        if (!status)
                status = config_set_text(c, "currentContext", is_default ? NULL : name, &err);
        if (status)
                return cli_fail(&err);
        printf("%s\n", name);
        fflush(stdout);
        fprintf(stderr, "Current context is now \"%s\"\n", name);
        if (variable && !is_default)
                fprintf(stderr,
                        "Warning: %s environment variable overrides the active context. To use \"%s\", "
                        "either set "
                        "the global --context flag, or unset %s environment variable.\n",
                        variable, name, variable);
        return CLI_EXIT_OK;
}

const cli_command context_use_command = {
        .usage = "CONTEXT",
        .summary = "Set the current docker context",
        .min_args = 1,
        .max_args = 1,
        .run = run,
};
