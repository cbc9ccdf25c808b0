/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/context_spec.h"

typedef struct context_update_options {
        const char *description;
        char **docker;
} context_update_options;

static const cli_option options[] = {
        { "description", 0, CLI_STR, offsetof(context_update_options, description), "string",
          "Description of the context" },
        { "docker", 0, CLI_CSV, offsetof(context_update_options, docker), "stringToString",
          "set the docker endpoint", "[]", 0, context_spec_check },
        { 0 },
};

static mn_status update(cli *c, const context_update_options *o, const char *name, mn_err *err) {
        context x;
        context_files files = { 0 };
        context_change change = { .description = o->description && *o->description ? o->description : NULL };
        mn_status status = context_check_name(name, err);
        if (!status)
                status = context_load(c, name, &x, err);
        if (!status && o->docker)
                status = context_spec_read(c, o->docker, &change.endpoint, &files, err);
        if (status)
                return status;
        x.document = context_document(c, name, x.document, &change);
        return context_save(&x, o->docker ? &files : NULL, err);
}

static int run(cli *c, const void *parsed, char **args) {
        cleanup_err mn_err err = { 0 };
        if (update(c, parsed, args[0], &err))
                return cli_fail(&err);
        printf("%s\n", args[0]);
        fflush(stdout);
        fprintf(stderr, "Successfully updated context \"%s\"\n", args[0]);
        return CLI_EXIT_OK;
}

const cli_command context_update_command = {
        .usage = "[OPTIONS] CONTEXT",
        .summary = "Update a context",
        .details = CONTEXT_SPEC_DETAILS("update"),
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(context_update_options),
        .run = run,
};
