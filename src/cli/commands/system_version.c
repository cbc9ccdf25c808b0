/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "cli/text.h"
#include "wire/system.h"

typedef struct system_version_options {
        const char *format;
} system_version_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(system_version_options, format), "string",
          CLI_HELP_INSPECT_FORMAT },
        { 0 },
};

#define CLIENT_API_VERSION "1.50"

static void add_field(mn_str *out, const char *name, const char *value) {
        mn_str_printf(out, " %s:\t", name);
        text_add_safe(out, value, strlen(value), false);
        mn_str_add_char(out, '\n');
}

static const char *arch(void) {
        return sizeof(void *) == 8 ?
#if defined(__aarch64__)
                                   "arm64"
#else
                                   "amd64"
#endif
                                   : "386";
}

static void add_client(cli *c, mn_str *out) {
        const char *os_arch = mn_arena_printf(c->arena, "linux/%s", arch());
        mn_str_add(out, "Client: Minato\n");
        add_field(out, "Version", MINATO_VERSION);
        add_field(out, "API version", CLIENT_API_VERSION);
        add_field(out, "OS/Arch", os_arch);
        add_field(out, "Context", "default");
}

static void add_server(const mn_json *v, mn_str *out) {
        mn_str_printf(out, "\nServer: %s\n", cli_text(mn_json_get(v, "Platform"), "Name"));
        const mn_json *components = mn_json_get(v, "Components");
        for (const mn_json *component = components ? components->child : NULL; component;
             component = component->next) {
                const mn_json *details = mn_json_get(component, "Details");
                mn_str_printf(out, " %s:\n", cli_text(component, "Name"));
                mn_str_printf(out, "  Version:\t%s\n", cli_text(component, "Version"));
                static const char *const names[][2] = { { "ApiVersion", "API version" },
                                                        { "GoVersion", "Go version" },
                                                        { "GitCommit", "Git commit" },
                                                        { "BuildTime", "Built" } };
                for (size_t i = 0; i < MN_ARRAY_LEN(names); i++) {
                        const char *value = cli_text(details, names[i][0]);
                        if (*value && i == 0)
                                mn_str_printf(out, "  API version:\t%s (minimum version %s)\n", value,
                                              cli_text(details, "MinAPIVersion"));
                        else if (*value)
                                mn_str_printf(out, "  %s:\t%s\n", names[i][1], value);
                }
                const char *os = cli_text(details, "Os");
                if (*os)
                        mn_str_printf(out, "  OS/Arch:\t%s/%s\n", os, cli_text(details, "Arch"));
        }
}

/* {"Client":{...},"Server":{...}} for --format. */
static mn_status as_document(cli *c, const mn_json *server, const mn_json **ret, mn_err *err) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        mn_str_printf(&text,
                      "{\"Client\":{\"Version\":\"" MINATO_VERSION "\",\"ApiVersion\":\"" CLIENT_API_VERSION
                      "\",\"DefaultAPIVersion\":\"" CLIENT_API_VERSION
                      "\",\"GitCommit\":\"\",\"GoVersion\":\"\",\"Os\":"
                      "\"linux\",\"Arch\":\"%s\",\"BuildTime\":\"\",\"Context\":\"default\"},\"Server\":",
                      arch());
        if (server)
                mn_json_write(server, &text);
        else
                mn_str_add(&text, "null");
        mn_str_add_char(&text, '}');
        return mn_json_parse(c->arena, mn_str_text(&text), text.len, NULL, ret, err);
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const system_version_options *o = parsed;
        cleanup_err mn_err err = { 0 }, failure = { 0 };
        cleanup_str mn_str text = MN_STR_INIT(0), out = MN_STR_INIT(0);
        const mn_json *server = NULL, *document;
        mn_template *t = NULL;
        if (o->format && *o->format && format_parse(c->arena, o->format, &t, &err)) {
                cli_fail(&err);
                return CLI_EXIT_TEMPLATE;
        }
        mn_status status = cli_request(c, "GET", "/version", &server, &failure), formatted = MN_OK;
        if (t) {
                formatted = as_document(c, server, &document, &err);
                if (!formatted)
                        formatted = format_document(c->arena, t, NULL, document, &out, &err);
        } else {
                add_client(c, &text);
                if (!status)
                        add_server(server, &text);
                table_align(mn_str_text(&text), 20, 1, &out);
        }
        fputs(mn_str_text(&out), stdout);
        if (formatted)
                return cli_fail(&err);
        return status ? cli_fail(&failure) : CLI_EXIT_OK;
}

const cli_command system_version_command = {
        .usage = "[OPTIONS]",
        .summary = "Show the Docker version information",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(system_version_options),
        .run = run,
};
