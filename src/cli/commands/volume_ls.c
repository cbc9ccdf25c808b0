/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/format.h"
#include "cli/text.h"

typedef struct volume_ls_options {
        bool cluster;
        char **filter;
        const char *format;
        bool quiet;
} volume_ls_options;

static const cli_option options[] = {
        { "cluster", 0, CLI_BOOL, offsetof(volume_ls_options, cluster), NULL,
          "Display only cluster volumes, and use cluster volume list formatting" },
        { "filter", 'f', CLI_LIST, offsetof(volume_ls_options, filter), "filter",
          "Provide filter values (e.g. \"dangling=true\")", NULL, 0, cli_check_filter },
        { "format", 0, CLI_STR, offsetof(volume_ls_options, format), "string", CLI_HELP_FORMAT },
        { "quiet", 'q', CLI_BOOL, offsetof(volume_ls_options, quiet), NULL, "Only display volume names" },
        { 0 },
};

static const format_column columns[] = {
        { "Availability", "AVAILABILITY" },
        { "Driver", "DRIVER" },
        { "Group", "GROUP" },
        { "Labels", "LABELS" },
        { "Links", "LINKS" },
        { "Mountpoint", "MOUNTPOINT" },
        { "Name", "VOLUME NAME" },
        { "Scope", "SCOPE" },
        { "Size", "SIZE" },
        { "Status", "STATUS" },
        { 0 },
};
static const format_spec spec = {
        .type_name = "*formatter.volumeContext",
        .columns = columns,
        .table = "{{.Driver}}\t{{.Name}}",
        .quiet = "{{.Name}}",
};

static int by_name(const void *a, const void *b) {
        return text_compare(cli_text(*(const mn_json *const *) a, "Name"),
                            cli_text(*(const mn_json *const *) b, "Name"));
}

static void add_volume(format_list *list, const mn_json *volume) {
        const mn_json *labels = mn_json_get(volume, "Labels");
        cleanup_str mn_str text = MN_STR_INIT(0);
        for (const mn_json *label = labels ? labels->child : NULL; label; label = label->next)
                mn_str_printf(&text, "%s%s=%s", text.len ? "," : "", label->key,
                              label->text ? label->text : "");
        format_row(list, labels);
        format_set(list, "Driver", cli_text(volume, "Driver"));
        format_set(list, "Name", cli_text(volume, "Name"));
        format_set(list, "Scope", cli_text(volume, "Scope"));
        format_set(list, "Mountpoint", cli_text(volume, "Mountpoint"));
        format_set(list, "Labels", mn_str_text(&text));
        format_set(list, "Links", "N/A");
        format_set(list, "Size", "N/A");
        format_set(list, "Availability", "N/A");
        format_set(list, "Group", "N/A");
        format_set(list, "Status", "N/A");
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const volume_ls_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        const char *filters, *format = o->format  ? o->format
                                       : o->quiet ? NULL
                                                  : config_text(c, "volumesFormat");
        const mn_json *answer;
        format_list *list;
        if (o->cluster)
                return cli_failf("cluster volumes are not supported");
        mn_status status = cli_filters(c, o->filter, &filters, &err);
        if (!status)
                status = format_new(c->arena, &spec, format, o->quiet, &list, &err);
        if (status)
                return cli_fail(&err);
        mn_str_add(&target, "/volumes");
        client_add_query(&target, "filters", filters);
        if (cli_request(c, "GET", mn_str_text(&target), &answer, &err))
                return cli_fail(&err);
        const mn_json *volumes = mn_json_get(answer, "Volumes");
        size_t n = volumes && volumes->kind == MN_JSON_ARRAY ? volumes->len : 0, i = 0;
        const mn_json **sorted = mn_arena_array(c->arena, n + 1, sizeof(*sorted));
        for (const mn_json *v = n ? volumes->child : NULL; v; v = v->next)
                sorted[i++] = v;
        qsort(sorted, n, sizeof(*sorted), by_name);
        for (i = 0; i < n; i++)
                add_volume(list, sorted[i]);
        return format_print(list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command volume_ls_command = {
        .usage = "[OPTIONS]",
        .summary = "List volumes",
        .aliases = "volume ls, volume list",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(volume_ls_options),
        .run = run,
};
