/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/context_spec.h"
#include "cli/document.h"
#include "cli/endpoint.h"
#include "cli/inspect.h"

typedef struct context_inspect_options {
        const char *format;
} context_inspect_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(context_inspect_options, format), "string",
          CLI_HELP_INSPECT_FORMAT },
        { 0 },
};

static mn_json *new_array(cli *c) {
        mn_json *list = mn_arena_alloc(c->arena, sizeof(*list));
        *list = (mn_json){ .kind = MN_JSON_ARRAY };
        return list;
}

/* {"docker": ["ca.pem", ...]} */
static const mn_json *list_material(cli *c, const context_files *files) {
        const mn_json *material = document_with(c->arena, NULL, "", NULL);
        for (size_t i = 0; i < files->len;) {
                const char *owner = files->items[i].endpoint;
                mn_json *names = new_array(c), **tail = &names->child;
                for (; i < files->len && strcmp(files->items[i].endpoint, owner) == 0; i++, names->len++) {
                        *tail = document_text(c->arena, files->items[i].name);
                        tail = &(*tail)->next;
                }
                material = document_with(c->arena, material, owner, names);
        }
        return material;
}

static const mn_json *describe(cli *c, const context *x, const context_files *files) {
        bool is_stored = strcmp(x->name, CONTEXT_DEFAULT) != 0;
        const mn_json *storage = document_with(
                c->arena, NULL, "MetadataPath",
                document_text(c->arena, is_stored ? x->meta_dir : "<IN MEMORY>"));
        storage = document_with(c->arena, storage, "TLSPath",
                                document_text(c->arena, is_stored ? x->tls_dir : "<IN MEMORY>"));
        const mn_json *document = document_with(c->arena, x->document, "TLSMaterial",
                                                list_material(c, files));
        return document_with(c->arena, document, "Storage", storage);
}

static mn_status find(cli *c, void *userdata, const char *name, mn_str *text, const mn_type **ret_type,
                      mn_err *err) {
        (void) userdata;
        *ret_type = NULL;
        context x = { .name = name };
        context_files files = { 0 };
        mn_status status;
        if (strcmp(name, CONTEXT_DEFAULT) == 0) {
                context_change change = { 0 };
                status = context_spec_copy(c, name, &change.endpoint, &files, err);
                if (!status)
                        x.document = context_document(c, name, NULL, &change);
        } else {
                status = context_load(c, name, &x, err);
                if (!status)
                        status = context_read_files(c, &x, &files, err);
        }
        if (!status)
                mn_json_write(describe(c, &x, &files), text);
        return status;
}

static int run(cli *c, const void *parsed, char **args) {
        const context_inspect_options *o = parsed;
        char *current[] = { (char *) endpoint_context(c), NULL };
        static const inspect_source source = { find, NULL };
        return inspect_print(c, &source, o->format, *args ? args : current);
}

const cli_command context_inspect_command = {
        .usage = "[OPTIONS] [CONTEXT] [CONTEXT...]",
        .summary = "Display detailed information on one or more contexts",
        .min_args = 0,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(context_inspect_options),
        .run = run,
};
