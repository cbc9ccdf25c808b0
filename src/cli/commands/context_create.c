/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/context_spec.h"
#include "cli/endpoint.h"

typedef struct context_create_options {
        const char *description;
        char **docker;
        const char *from;
} context_create_options;

static const cli_option options[] = {
        { "description", 0, CLI_STR, offsetof(context_create_options, description), "string",
          "Description of the context" },
        { "docker", 0, CLI_CSV, offsetof(context_create_options, docker), "stringToString",
          "set the docker endpoint", "[]", 0, context_spec_check },
        { "from", 0, CLI_STR, offsetof(context_create_options, from), "string",
          "create context from a named context" },
        { 0 },
};

/* What a context is made of that no --docker describes: another one, or the one in use. */
static mn_status copy(cli *c, const context_create_options *o, const mn_json **ret_document,
                      const mn_json **ret_endpoint, context_files *files, const char **ret_description,
                      mn_err *err) {
        const char *from = o->from ? o->from : endpoint_context(c);
        context source = { 0 };
        mn_status status = MN_OK;
        *ret_description = o->description;
        if (strcmp(from, CONTEXT_DEFAULT) == 0)
                *ret_description = o->description ? o->description : CONTEXT_DEFAULT_DESCRIPTION;
        else
                status = context_load(c, from, &source, err);
        *ret_document = source.document;
        return status ? status : context_spec_copy(c, from, ret_endpoint, files, err);
}

static mn_status create(cli *c, const context_create_options *o, const char *name, mn_err *err) {
        const mn_json *place = NULL, *document = NULL;
        const char *description = o->description;
        context_files files = { 0 };
        context x = context_at(c, name);
        mn_status status = context_check_name(name, err);
        if (!status && context_exists(&x))
                status = mn_fail(err, MN_CONFLICT, "context \"%s\" already exists", name);
        if (!status && o->from && o->docker)
                status = mn_fail(err, MN_INVALID, "cannot use --docker flag when --from is set");
        if (!status)
                status = o->docker ? context_spec_read(c, o->docker, &place, &files, err)
                                   : copy(c, o, &document, &place, &files, &description, err);
        if (status)
                return status;
        const context_change change = { .description = description, .endpoint = place };
        x.document = context_document(c, name, document, &change);
        return context_save(&x, &files, err);
}

static int run(cli *c, const void *parsed, char **args) {
        cleanup_err mn_err err = { 0 };
        if (create(c, parsed, args[0], &err))
                return cli_fail(&err);
        printf("%s\n", args[0]);
        fflush(stdout);
        fprintf(stderr, "Successfully created context \"%s\"\n", args[0]);
        return CLI_EXIT_OK;
}

const cli_command context_create_command = {
        .usage = "[OPTIONS] CONTEXT",
        .summary = "Create a context",
        .details = CONTEXT_SPEC_DETAILS("create"),
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(context_create_options),
        .run = run,
};
