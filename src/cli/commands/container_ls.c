/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/format.h"
#include "cli/ports.h"
#include "cli/text.h"
#include "codec/duration.h"
#include "codec/size.h"

typedef struct container_ls_options {
        bool all;
        char **filter;
        const char *format;
        int64_t *last;
        bool latest;
        bool no_trunc;
        bool quiet;
        bool size;
} container_ls_options;

static const cli_option options[] = {
        { "all", 'a', CLI_BOOL, offsetof(container_ls_options, all), NULL,
          "Show all containers (default shows just running)" },
        { "filter", 'f', CLI_LIST, offsetof(container_ls_options, filter), "filter",
          "Filter output based on conditions provided", NULL, 0, cli_check_filter },
        { "format", 0, CLI_STR, offsetof(container_ls_options, format), "string", CLI_HELP_FORMAT },
        { "last", 'n', CLI_INT, offsetof(container_ls_options, last), "int",
          "Show n last created containers (includes all states)", "-1" },
        { "latest", 'l', CLI_BOOL, offsetof(container_ls_options, latest), NULL,
          "Show the latest created container (includes all states)" },
        { "no-trunc", 0, CLI_BOOL, offsetof(container_ls_options, no_trunc), NULL, "Don't truncate output" },
        { "quiet", 'q', CLI_BOOL, offsetof(container_ls_options, quiet), NULL, "Only display container IDs" },
        { "size", 's', CLI_BOOL, offsetof(container_ls_options, size), NULL, "Display total file sizes" },
        { 0 },
};

static const format_column columns[] = {
        { "Command", "COMMAND" },   { "CreatedAt", "CREATED AT" },
        { "ID", "CONTAINER ID" },   { "Image", "IMAGE" },
        { "Labels", "LABELS" },     { "LocalVolumes", "LOCAL VOLUMES" },
        { "Mounts", "MOUNTS" },     { "Names", "NAMES" },
        { "Networks", "NETWORKS" }, { "Platform", "PLATFORM" },
        { "Ports", "PORTS" },       { "RunningFor", "CREATED" },
        { "Size", "SIZE" },         { "State", "STATE" },
        { "Status", "STATUS" },     { 0 },
};
static const format_spec spec = {
        .type_name = "*formatter.ContainerContext",
        .columns = columns,
        .table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
        .quiet = "{{.ID}}",
};
static const format_spec spec_with_size = {
        .type_name = "*formatter.ContainerContext",
        .columns = columns,
        .table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{"
                 ".Size}}",
        .quiet = "{{.ID}}",
};

/* Names without their slash; links ("/web/db") only with --no-trunc. */
static void set_names(format_list *list, const mn_json *names, bool is_full) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        for (const mn_json *name = names ? names->child : NULL; name; name = name->next) {
                const char *plain = name->text && *name->text == '/' ? name->text + 1 : name->text;
                if (!is_full && strchr(plain, '/'))
                        continue;
                mn_str_printf(&text, "%s%s", text.len ? "," : "", plain);
        }
        format_set(list, "Names", mn_str_text(&text));
}

static void set_joined(format_list *list, const char *field, const mn_json *object) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        for (const mn_json *member = object ? object->child : NULL; member; member = member->next) {
                mn_str_printf(&text, "%s%s", text.len ? "," : "", member->key);
                if (member->kind == MN_JSON_STRING)
                        mn_str_printf(&text, "=%s", member->text);
        }
        format_set(list, field, mn_str_text(&text));
}

static void set_mounts(cli *c, format_list *list, const mn_json *mounts, bool is_full) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        int volumes = 0;
        for (const mn_json *mount = mounts ? mounts->child : NULL; mount; mount = mount->next) {
                const char *name = cli_text(mount, "Name");
                name = *name ? name : cli_text(mount, "Source");
                mn_str_printf(&text, "%s%s", text.len ? "," : "",
                              is_full ? name : text_ellipsis(c->arena, name, 15));
                volumes += strcmp(cli_text(mount, "Driver"), "local") == 0;
        }
        format_set(list, "Mounts", mn_str_text(&text));
        format_set(list, "LocalVolumes", mn_arena_printf(c->arena, "%d", volumes));
}

static void set_size(cli *c, format_list *list, const mn_json *container) {
        char writable[MN_SIZE_TEXT_SIZE], all[MN_SIZE_TEXT_SIZE];
        mn_size_human(cli_double(container, "SizeRw"), 3, writable);
        mn_size_human(cli_double(container, "SizeRootFs"), 3, all);
        bool has_all = cli_number(container, "SizeRootFs") > 0;
        format_set(list, "Size",
                   has_all ? mn_arena_printf(c->arena, "%s (virtual %s)", writable, all) : writable);
}

static const char *image_of(cli *c, const mn_json *container, bool is_full) {
        const char *image = cli_text(container, "Image");
        if (!*image)
                return "<no image>";
        if (!is_full && strcmp(image, cli_text(container, "ImageID")) == 0)
                return cli_short_id(c, image);
        if (!is_full && strncmp(image, "sha256:", 7) == 0)
                return cli_short_id(c, image);
        return image;
}

static void add_container(cli *c, format_list *list, const mn_json *container, bool is_full, bool has_size) {
        char age[MN_DURATION_TEXT_SIZE];
        const char *id = cli_text(container, "Id"), *command = cli_text(container, "Command");
        int64_t created = cli_number(container, "Created") * MN_NS_PER_SEC;
        format_row(list, mn_json_get(container, "Labels"));
        format_set(list, "ID", is_full ? id : cli_short_id(c, id));
        format_set(list, "Image", image_of(c, container, is_full));
        command = is_full ? command : text_ellipsis(c->arena, command, 20);
        cleanup_str mn_str quoted = MN_STR_INIT(0);
        mn_json_add_str(&quoted, command);
        format_set(list, "Command", mn_str_text(&quoted));
        format_set(list, "CreatedAt", format_uses(list, "CreatedAt") ? cli_local_time(c, created) : "");
        mn_duration_human(mn_now_ns() - created, age);
        format_set(list, "RunningFor", mn_arena_printf(c->arena, "%s ago", age));
        format_set(list, "Ports", ports_display(c->arena, mn_json_get(container, "Ports")));
        format_set_null(list, "Platform");
        format_set(list, "State", cli_text(container, "State"));
        format_set(list, "Status", cli_text(container, "Status"));
        set_names(list, mn_json_get(container, "Names"), is_full);
        set_joined(list, "Labels", mn_json_get(container, "Labels"));
        set_joined(list, "Networks", mn_json_get(mn_json_get(container, "NetworkSettings"), "Networks"));
        set_mounts(c, list, mn_json_get(container, "Mounts"), is_full);
        if (has_size || cli_number(container, "SizeRootFs"))
                set_size(c, list, container);
        else
                format_set(list, "Size", "0B");
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const container_ls_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        const char *filters, *format = o->format ? o->format : o->quiet ? NULL : config_text(c, "psFormat");
        const mn_json *containers;
        format_list *list;
        mn_status status = cli_filters(c, o->filter, &filters, &err);
        if (!status)
                status = format_new(c->arena, o->size ? &spec_with_size : &spec, format, o->quiet, &list,
                                    &err);
        if (status)
                return cli_fail(&err);
        bool has_size = o->size || (o->format && !o->quiet && format_uses(list, "Size") &&
                                    strcmp(o->format, "json") != 0);
        int64_t limit = o->latest && !o->last ? 1 : o->last ? *o->last : -1;
        mn_str_add(&target, "/containers/json");
        client_add_query(&target, "all", o->all ? "1" : NULL);
        client_add_query(&target, "limit",
                         limit > 0 ? mn_arena_printf(c->arena, "%lld", (long long) limit) : NULL);
        client_add_query(&target, "size", has_size ? "1" : NULL);
        client_add_query(&target, "filters", filters);
        if (cli_request(c, "GET", mn_str_text(&target), &containers, &err))
                return cli_fail(&err);
        for (const mn_json *container = containers ? containers->child : NULL; container;
             container = container->next)
                add_container(c, list, container, o->no_trunc, has_size);
        return format_print(list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command container_ls_command = {
        .usage = "[OPTIONS]",
        .summary = "List containers",
        .aliases = "container ls, container list, container ps, ps",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(container_ls_options),
        .run = run,
};
