/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/endpoint.h"
#include "cli/format.h"
#include "cli/text.h"

typedef struct context_ls_options {
        const char *format;
        bool quiet;
} context_ls_options;

static const cli_option options[] = {
        { "format", 0, CLI_STR, offsetof(context_ls_options, format), "string", CLI_HELP_FORMAT },
        { "quiet", 'q', CLI_BOOL, offsetof(context_ls_options, quiet), NULL, "Only show context names" },
        { 0 },
};

static const format_column columns[] = {
        { "Current", "" },
        { "Description", "DESCRIPTION" },
        { "DockerEndpoint", "DOCKER ENDPOINT" },
        { "Error", "ERROR" },
        { "Name", "NAME" },
        { 0 },
};
static const format_spec spec = {
        .type_name = "*formatter.clientContextContext",
        .columns = columns,
        .table = "{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
        .quiet = "{{.Name}}",
};

enum { ERROR_WIDTH = 45 };

typedef struct row {
        const char *name, *description, *host, *error;
} row;

static void add_row(cli *c, format_list *list, const row *r, const char *current) {
        format_row(list, NULL);
        format_set(list, "Name", r->name);
        format_set_bool(list, "Current", strcmp(r->name, current) == 0);
        format_set(list, "Description", r->description);
        format_set(list, "DockerEndpoint", r->host);
        format_set(list, "Error", text_ellipsis(c->arena, r->error, ERROR_WIDTH));
}

/* The one that is not stored: what options and environment say. */
static row default_row(cli *c) {
        endpoint to = { 0 };
        cleanup_err mn_err err = { 0 };
        row r = { CONTEXT_DEFAULT, CONTEXT_DEFAULT_DESCRIPTION, "", "" };
        if (endpoint_find(c, CONTEXT_DEFAULT, &to, &err))
                r.error = mn_arena_strdup(c->arena, mn_err_text(&err));
        r.host = to.host ? to.host : "";
        return r;
}

/* The context in use that is not there: only its name and the error. */
static row missing_row(cli *c, const char *name) {
        context x;
        cleanup_err mn_err err = { 0 };
        row r = { name, "", "", "" };
        if (context_load(c, name, &x, &err))
                r.error = mn_arena_strdup(c->arena, mn_err_text(&err));
        return r;
}

/* All rows in the order of their names, the extra ones put where they belong. */
static void add_rows(cli *c, format_list *list, const context *contexts, size_t n) {
        const char *current = endpoint_context(c);
        row extra[2] = { default_row(c) };
        size_t nextra = 1, at = 0;
        bool is_known = strcmp(current, CONTEXT_DEFAULT) == 0;
        for (size_t i = 0; i < n; i++)
                is_known = is_known || strcmp(contexts[i].name, current) == 0;
        if (!is_known) {
                extra[nextra++] = missing_row(c, current);
                if (text_compare(extra[0].name, extra[1].name) > 0) {
                        row first = extra[1];
                        extra[1] = extra[0];
                        extra[0] = first;
                }
        }
        for (size_t i = 0; i < n; i++) {
                for (; at < nextra && text_compare(extra[at].name, contexts[i].name) < 0; at++)
                        add_row(c, list, &extra[at], current);
                const row r = { contexts[i].name, context_description(&contexts[i]),
                                context_host(&contexts[i]), "" };
                add_row(c, list, &r, current);
        }
        for (; at < nextra; at++)
                add_row(c, list, &extra[at], current);
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const context_ls_options *o = parsed;
        const char *variable = endpoint_host_variable();
        cleanup_err mn_err err = { 0 };
        format_list *list;
        context *contexts;
        size_t n;
        if (format_new(c->arena, &spec, o->format, o->quiet, &list, &err) ||
            context_list(c, &contexts, &n, &err))
                return cli_fail(&err);
        add_rows(c, list, contexts, n);
        if (format_print(list, &err))
                return cli_fail(&err);
        fflush(stdout);
        if (variable && !c->globals.context && !c->globals.hosts)
                fprintf(stderr,
                        "Warning: %s environment variable overrides the active context. To use a context, "
                        "either set "
                        "the global --context flag, or unset %s environment variable.\n",
                        variable, variable);
        return CLI_EXIT_OK;
}

const cli_command context_ls_command = {
        .usage = "[OPTIONS]",
        .summary = "List contexts",
        .aliases = "context ls, context list",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(context_ls_options),
        .run = run,
};
