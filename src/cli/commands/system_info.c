/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/text.h"
#include "codec/size.h"
#include "wire/system.h"

typedef struct system_info_options {
        const char *format;
} system_info_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(system_info_options, format), "string", CLI_HELP_INSPECT_FORMAT },
        { 0 },
};

static void line(mn_str *out, const char *name, const char *value) {
        mn_str_printf(out, " %s: ", name);
        text_add_safe(out, value, strlen(value), false);
        mn_str_add_char(out, '\n');
}

static void number(mn_str *out, const char *name, const mn_json *info, const char *key) {
        mn_str_printf(out, " %s: %lld\n", name, (long long) cli_number(info, key));
}

/* "a b c" of a list of strings. */
static void words(mn_str *out, const char *name, const mn_json *list) {
        mn_str_printf(out, " %s:", name);
        for (const mn_json *item = list ? list->child : NULL; item; item = item->next) {
                mn_str_add_char(out, ' ');
                const char *word = item->kind == MN_JSON_STRING ? item->text : item->key;
                text_add_safe(out, word ? word : "", word ? strlen(word) : 0, false);
        }
        mn_str_add_char(out, '\n');
}

static void add_driver_status(mn_str *out, const mn_json *rows) {
        for (const mn_json *row = rows ? rows->child : NULL; row; row = row->next)
                if (row->child && row->child->next)
                        mn_str_printf(out, "  %s: %s\n", row->child->text, row->child->next->text);
}

/* "name=seccomp,profile=builtin" as a name with its options below. */
static void add_security(mn_str *out, const mn_json *list) {
        if (!list || !list->child)
                return;
        mn_str_add(out, " Security Options:\n");
        for (const mn_json *item = list->child; item; item = item->next) {
                const char *s = item->text ? item->text : "";
                for (bool is_first = true; *s; is_first = false) {
                        size_t len = strcspn(s, ","), key = strcspn(s, "=");
                        if (is_first && key < len)
                                mn_str_printf(out, "  %.*s\n", (int) (len - key - 1), s + key + 1);
                        else if (key < len)
                                mn_str_printf(out, "   %c%.*s: %.*s\n", *s & ~0x20, (int) key - 1, s + 1,
                                              (int) (len - key - 1), s + key + 1);
                        s += len + (s[len] == ',');
                }
        }
}

static void add_registries(mn_str *out, const mn_json *config) {
        const mn_json *cidrs = mn_json_get(config, "InsecureRegistryCIDRs"),
                      *indexes = mn_json_get(config, "IndexConfigs");
        bool has_any = cidrs && cidrs->child;
        for (const mn_json *i = indexes ? indexes->child : NULL; i; i = i->next)
                has_any = has_any || !cli_is_true(i, "Secure");
        if (!has_any)
                return;
        mn_str_add(out, " Insecure Registries:\n");
        for (const mn_json *i = indexes ? indexes->child : NULL; i; i = i->next)
                if (!cli_is_true(i, "Secure"))
                        mn_str_printf(out, "  %s\n", i->key);
        for (const mn_json *cidr = cidrs ? cidrs->child : NULL; cidr; cidr = cidr->next)
                mn_str_printf(out, "  %s\n", cidr->text);
}

static void add_server(const mn_json *info, mn_str *out) {
        char size[MN_SIZE_TEXT_SIZE];
        const mn_json *plugins = mn_json_get(info, "Plugins");
        number(out, "Containers", info, "Containers");
        mn_str_printf(out, "  Running: %lld\n  Paused: %lld\n  Stopped: %lld\n",
                      (long long) cli_number(info, "ContainersRunning"),
                      (long long) cli_number(info, "ContainersPaused"),
                      (long long) cli_number(info, "ContainersStopped"));
        number(out, "Images", info, "Images");
        line(out, "Server Version", cli_text(info, "ServerVersion"));
        line(out, "Storage Driver", cli_text(info, "Driver"));
        add_driver_status(out, mn_json_get(info, "DriverStatus"));
        line(out, "Logging Driver", cli_text(info, "LoggingDriver"));
        line(out, "Cgroup Driver", cli_text(info, "CgroupDriver"));
        line(out, "Cgroup Version", cli_text(info, "CgroupVersion"));
        mn_str_add(out, " Plugins:\n");
        static const char *const kinds[] = { "Volume", "Network", "Authorization", "Log" };
        for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++) {
                const mn_json *list = mn_json_get(plugins, kinds[i]);
                if (i == 2 && (!list || !list->child))
                        continue;
                mn_str_add_char(out, ' ');
                words(out, kinds[i], list);
        }
        line(out, "Swarm", cli_text(mn_json_get(info, "Swarm"), "LocalNodeState"));
        words(out, "Runtimes", mn_json_get(info, "Runtimes"));
        line(out, "Default Runtime", cli_text(info, "DefaultRuntime"));
        line(out, "Init Binary", cli_text(info, "InitBinary"));
        line(out, "containerd version", cli_text(mn_json_get(info, "ContainerdCommit"), "ID"));
        line(out, "runc version", cli_text(mn_json_get(info, "RuncCommit"), "ID"));
        line(out, "init version", cli_text(mn_json_get(info, "InitCommit"), "ID"));
        add_security(out, mn_json_get(info, "SecurityOptions"));
        line(out, "Kernel Version", cli_text(info, "KernelVersion"));
        line(out, "Operating System", cli_text(info, "OperatingSystem"));
        line(out, "OSType", cli_text(info, "OSType"));
        line(out, "Architecture", cli_text(info, "Architecture"));
        number(out, "CPUs", info, "NCPU");
        line(out, "Total Memory", mn_size_binary(cli_double(info, "MemTotal"), size));
        line(out, "Name", cli_text(info, "Name"));
        line(out, "ID", cli_text(info, "ID"));
        line(out, "Docker Root Dir", cli_text(info, "DockerRootDir"));
        line(out, "Debug Mode", cli_is_true(info, "Debug") ? "true" : "false");
        line(out, "Experimental", cli_is_true(info, "ExperimentalBuild") ? "true" : "false");
        add_registries(out, mn_json_get(info, "RegistryConfig"));
        line(out, "Live Restore Enabled", cli_is_true(info, "LiveRestoreEnabled") ? "true" : "false");
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const system_info_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str out = MN_STR_INIT(0);
        const mn_json *info = NULL;
        mn_template *t = NULL;
        if (o->format && *o->format && format_parse(c->arena, o->format, &t, &err)) {
                cli_fail(&err);
                return CLI_EXIT_TEMPLATE;
        }
        mn_status status = cli_request(c, "GET", "/info", &info, &err);
        if (!status && t) {
                status = format_document(c->arena, t, &wire_info_type, info, &out, &err);
                fputs(mn_str_text(&out), stdout);
                return status ? cli_fail(&err) : CLI_EXIT_OK;
        }
        if (t)
                return cli_fail(&err);
        mn_str_printf(&out,
                      "Client: Minato\n Version:    " MINATO_VERSION
                      "\n Context:    default\n Debug Mode: %s\n\nServer:\n",
                      c->globals.is_debug ? "true" : "false");
        if (!status)
                add_server(info, &out);
        mn_str_add_char(&out, '\n');
        fputs(mn_str_text(&out), stdout);
        if (status) {
                mn_err_prefix(&err, status, "ERROR");
                return cli_fail(&err);
        }
        const mn_json *warnings = mn_json_get(info, "Warnings");
        fflush(stdout);
        for (const mn_json *w = warnings ? warnings->child : NULL; w; w = w->next)
                fprintf(stderr, "%s\n", w->text);
        return CLI_EXIT_OK;
}

const cli_command system_info_command = {
        .usage = "[OPTIONS]",
        .summary = "Display system-wide information",
        .aliases = "system info, info",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(system_info_options),
        .run = run,
};
