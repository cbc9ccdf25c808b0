/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/platform.h"
#include "cli/text.h"
#include "codec/duration.h"
#include "codec/size.h"

typedef struct image_history_options {
        const char *format;
        bool human;
        bool no_trunc;
        const char *platform;
        bool quiet;
} image_history_options;

static const cli_option options[] = {
        { "format", 0, CLI_STR, offsetof(image_history_options, format), "string", CLI_HELP_FORMAT },
        { "human", 'H', CLI_BOOL, offsetof(image_history_options, human), NULL,
          "Print sizes and dates in human readable format", "true", CLI_DEFAULT_ON },
        { "no-trunc", 0, CLI_BOOL, offsetof(image_history_options, no_trunc), NULL, "Don't truncate output" },
        { "platform", 0, CLI_STR, offsetof(image_history_options, platform), "string",
          "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., "
          "\"linux/amd64\")" },
        { "quiet", 'q', CLI_BOOL, offsetof(image_history_options, quiet), NULL, "Only show image IDs" },
        { 0 },
};

static const format_column columns[] = {
        { "Comment", "COMMENT" },
        { "CreatedAt", "CREATED AT" },
        { "CreatedBy", "CREATED BY" },
        { "CreatedSince", "CREATED" },
        { "ID", "IMAGE" },
        { "Size", "SIZE" },
        { 0 },
};
static const format_spec spec = {
        .type_name = "*history.historyContext",
        .columns = columns,
        .table = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
        .quiet = "{{.ID}}",
};
static const format_spec spec_plain = {
        .type_name = "*history.historyContext",
        .columns = columns,
        .table = "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
        .quiet = "{{.ID}}",
};

static const char *one_line(mn_arena *arena, const char *text) {
        char *copy = mn_arena_strdup(arena, text);
        for (char *s = copy; *s; s++)
                *s = *s == '\t' ? ' ' : *s;
        return copy;
}

static void add_layer(cli *c, const image_history_options *o, format_list *list, const mn_json *layer) {
        char age[MN_DURATION_TEXT_SIZE], size[MN_SIZE_TEXT_SIZE];
        const char *id = cli_text(layer, "Id"),
                   *created_by = one_line(c->arena, cli_text(layer, "CreatedBy"));
        int64_t created = cli_number(layer, "Created") * MN_NS_PER_SEC;
        char stamp[MN_TIME_TEXT_SIZE];
        mn_duration_human(mn_now_ns() - created, age);
        mn_size_human(cli_double(layer, "Size"), 3, size);
        format_row(list, NULL);
        format_set(list, "ID", o->no_trunc || *id == '<' ? id : cli_short_id(c, id));
        format_set(list, "CreatedBy", o->no_trunc ? created_by : text_ellipsis(c->arena, created_by, 45));
        format_set(list, "CreatedSince",
                   !o->human                          ? mn_time_format(created, stamp)
                   : cli_number(layer, "Created") > 0 ? mn_arena_printf(c->arena, "%s ago", age)
                                                      : "N/A");
        format_set(list, "CreatedAt", mn_time_format(created, stamp));
        format_set(list, "Size",
                   o->human ? size
                            : mn_arena_printf(c->arena, "%lld", (long long) cli_number(layer, "Size")));
        format_set(list, "Comment", cli_text(layer, "Comment"));
}

static int run(cli *c, const void *parsed, char **args) {
        const image_history_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        const mn_json *layers;
        format_list *list;
        cleanup_str mn_str query = MN_STR_INIT(0);
        mn_str_add(&query, "/history");
        client_add_query(&query, "platform", platform_json(c, o->platform));
        mn_status status = format_new(c->arena, o->human ? &spec : &spec_plain, o->format, o->quiet, &list,
                                      &err);
        if (!status)
                status = cli_request(c, "GET", cli_target(c, "/images", args[0], mn_str_text(&query)),
                                     &layers, &err);
        if (status)
                return cli_fail(&err);
        for (const mn_json *layer = layers ? layers->child : NULL; layer; layer = layer->next)
                add_layer(c, o, list, layer);
        return format_print(list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command image_history_command = {
        .usage = "[OPTIONS] IMAGE",
        .summary = "Show the history of an image",
        .aliases = "image history, history",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(image_history_options),
        .completes = "images",
        .run = run,
};
