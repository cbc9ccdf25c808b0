/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/context.h"
#include "cli/endpoint.h"

typedef struct context_rm_options {
        bool force;
} context_rm_options;

static const cli_option options[] = {
        { "force", 'f', CLI_BOOL, offsetof(context_rm_options, force), NULL,
          "Force the removal of a context in use" },
        { 0 },
};

static mn_status remove_one(cli *c, const char *name, bool is_forced, mn_err *err) {
        const context x = context_at(c, name);
        bool is_current = strcmp(name, endpoint_context(c)) == 0;
        mn_status status = MN_OK;
        if (strcmp(name, CONTEXT_DEFAULT) == 0)
                return mn_fail(err, MN_INVALID, "context \"" CONTEXT_DEFAULT "\" cannot be removed");
        if (!is_forced && !context_exists(&x))
                return mn_fail(err, MN_NOT_FOUND, "context \"%s\" does not exist", name);
        if (!is_forced && is_current)
                return mn_fail(err, MN_CONFLICT, "context \"%s\" is in use, set -f flag to force remove",
                               name);
        const char *chosen = config_text(c, "currentContext");
        if (chosen && strcmp(chosen, name) == 0)
                status = config_set_text(c, "currentContext", NULL, err);
        return status ? status : context_remove(&x, err);
}

static int run(cli *c, const void *parsed, char **args) {
        const context_rm_options *o = parsed;
        int code = CLI_EXIT_OK;
        for (; *args; args++) {
                cleanup_err mn_err err = { 0 };
                if (remove_one(c, *args, o->force, &err))
                        code = cli_fail(&err);
                else
                        printf("%s\n", *args);
        }
        return code;
}

const cli_command context_rm_command = {
        .usage = "CONTEXT [CONTEXT...]",
        .summary = "Remove one or more contexts",
        .aliases = "context rm, context remove",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(context_rm_options),
        .run = run,
};
