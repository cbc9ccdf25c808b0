/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/format.h"
#include "cli/text.h"

typedef struct network_ls_options {
        char **filter;
        const char *format;
        bool no_trunc;
        bool quiet;
} network_ls_options;

static const cli_option options[] = {
        { "filter", 'f', CLI_LIST, offsetof(network_ls_options, filter), "filter",
          "Provide filter values (e.g. \"driver=bridge\")", NULL, 0, cli_check_filter },
        { "format", 0, CLI_STR, offsetof(network_ls_options, format), "string", CLI_HELP_FORMAT },
        { "no-trunc", 0, CLI_BOOL, offsetof(network_ls_options, no_trunc), NULL,
          "Do not truncate the output" },
        { "quiet", 'q', CLI_BOOL, offsetof(network_ls_options, quiet), NULL, "Only display network IDs" },
        { 0 },
};

static const format_column columns[] = {
        { "CreatedAt", "CREATED AT" },
        { "Driver", "DRIVER" },
        { "ID", "NETWORK ID" },
        { "IPv4", "IPV4" },
        { "IPv6", "IPV6" },
        { "Internal", "INTERNAL" },
        { "Labels", "LABELS" },
        { "Name", "NAME" },
        { "Scope", "SCOPE" },
        { 0 },
};
static const format_spec spec = {
        .type_name = "*network.networkContext",
        .columns = columns,
        .table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        .quiet = "{{.ID}}",
};

static int by_name(const void *a, const void *b) {
        return text_compare(cli_text(*(const mn_json *const *) a, "Name"),
                            cli_text(*(const mn_json *const *) b, "Name"));
}

/* "2024-05-01 12:00:00.123456789 +0000 UTC", as Go prints the moment. */
static const char *go_time(cli *c, const char *text) {
        int64_t ns;
        char buf[MN_TIME_TEXT_SIZE];
        if (mn_time_parse(text, &ns))
                return text;
        mn_time_format(ns, buf);
        return mn_arena_printf(c->arena, "%.10s %.*s +0000 UTC", buf, (int) strcspn(buf + 11, "Z"), buf + 11);
}

static void add_network(cli *c, format_list *list, const mn_json *network, bool is_full) {
        const mn_json *labels = mn_json_get(network, "Labels");
        cleanup_str mn_str text = MN_STR_INIT(0);
        for (const mn_json *label = labels ? labels->child : NULL; label; label = label->next)
                mn_str_printf(&text, "%s%s=%s", text.len ? "," : "", label->key,
                              label->text ? label->text : "");
        format_row(list, labels);
        format_set(list, "ID", is_full ? cli_text(network, "Id") : cli_short_id(c, cli_text(network, "Id")));
        format_set(list, "Name", cli_text(network, "Name"));
        format_set(list, "Driver", cli_text(network, "Driver"));
        format_set(list, "Scope", cli_text(network, "Scope"));
        format_set(list, "IPv4", cli_is_true(network, "EnableIPv4") ? "true" : "false");
        format_set(list, "IPv6", cli_is_true(network, "EnableIPv6") ? "true" : "false");
        format_set(list, "Internal", cli_is_true(network, "Internal") ? "true" : "false");
        format_set(list, "Labels", mn_str_text(&text));
        format_set(list, "CreatedAt", go_time(c, cli_text(network, "Created")));
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const network_ls_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        const char *filters, *format = o->format  ? o->format
                                       : o->quiet ? NULL
                                                  : config_text(c, "networksFormat");
        const mn_json *networks;
        format_list *list;
        mn_status status = cli_filters(c, o->filter, &filters, &err);
        if (!status)
                status = format_new(c->arena, &spec, format, o->quiet, &list, &err);
        if (status)
                return cli_fail(&err);
        mn_str_add(&target, "/networks");
        client_add_query(&target, "filters", filters);
        if (cli_request(c, "GET", mn_str_text(&target), &networks, &err))
                return cli_fail(&err);
        size_t n = networks && networks->kind == MN_JSON_ARRAY ? networks->len : 0, i = 0;
        const mn_json **sorted = mn_arena_array(c->arena, n + 1, sizeof(*sorted));
        for (const mn_json *network = n ? networks->child : NULL; network; network = network->next)
                sorted[i++] = network;
        qsort(sorted, n, sizeof(*sorted), by_name);
        for (i = 0; i < n; i++)
                add_network(c, list, sorted[i], o->no_trunc);
        return format_print(list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command network_ls_command = {
        .usage = "[OPTIONS]",
        .summary = "List networks",
        .aliases = "network ls, network list",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(network_ls_options),
        .run = run,
};
