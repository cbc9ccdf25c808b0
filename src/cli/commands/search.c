/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/text.h"

typedef struct search_options {
        char **filter;
        const char *format;
        int64_t *limit;
        bool no_trunc;
} search_options;

static const cli_option options[] = {
        { "filter", 'f', CLI_LIST, offsetof(search_options, filter), "filter",
          "Filter output based on conditions provided", NULL, 0, cli_check_filter },
        { "format", 0, CLI_STR, offsetof(search_options, format), "string",
          "Pretty-print search using a Go template" },
        { "limit", 0, CLI_INT, offsetof(search_options, limit), "int", "Max number of search results" },
        { "no-trunc", 0, CLI_BOOL, offsetof(search_options, no_trunc), NULL, "Don't truncate output" },
        { 0 },
};

static const format_column columns[] = {
        { "Description", "DESCRIPTION" }, { "IsAutomated", "AUTOMATED" },
        { "IsOfficial", "OFFICIAL" },     { "Name", "NAME" },
        { "StarCount", "STARS" },         { 0 },
};
static const format_spec spec = {
        .type_name = "*search.searchContext",
        .columns = columns,
        .table = "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
        .quiet = "{{.Name}}",
};

static int run(cli *c, const void *parsed, char **args) {
        const search_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        const char *filters;
        const mn_json *results;
        format_list *list;
        mn_status status = cli_filters(c, o->filter, &filters, &err);
        if (!status)
                status = format_new(c->arena, &spec, o->format, false, &list, &err);
        if (status)
                return cli_fail(&err);
        mn_str_add(&target, "/images/search");
        client_add_query(&target, "term", args[0]);
        client_add_query(&target, "limit",
                         o->limit ? mn_arena_printf(c->arena, "%lld", (long long) *o->limit) : NULL);
        client_add_query(&target, "filters", filters);
        if (cli_request(c, "GET", mn_str_text(&target), &results, &err))
                return cli_fail(&err);
        for (const mn_json *r = results ? results->child : NULL; r; r = r->next) {
                const char *description = cli_text(r, "description");
                format_row(list, NULL);
                format_set(list, "Name", cli_text(r, "name"));
                format_set(list, "Description",
                           o->no_trunc ? description : text_ellipsis(c->arena, description, 45));
                format_set(list, "StarCount",
                           mn_arena_printf(c->arena, "%lld", (long long) cli_number(r, "star_count")));
                format_set(list, "IsOfficial", cli_is_true(r, "is_official") ? "[OK]" : "");
                format_set(list, "IsAutomated", cli_is_true(r, "is_automated") ? "[OK]" : "");
        }
        return format_print(list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command search_command = {
        .usage = "[OPTIONS] TERM",
        .summary = "Search Docker Hub for images",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(search_options),
        .run = run,
};
