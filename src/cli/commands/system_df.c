/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/text.h"
#include "codec/duration.h"
#include "codec/size.h"

typedef struct system_df_options {
        const char *format;
        bool verbose;
} system_df_options;

static const cli_option options[] = {
        { "format", 0, CLI_STR, offsetof(system_df_options, format), "string", CLI_HELP_FORMAT },
        { "verbose", 'v', CLI_BOOL, offsetof(system_df_options, verbose), NULL,
          "Show detailed information on space usage" },
        { 0 },
};

static const format_column columns[] = {
        { "Active", "ACTIVE" }, { "Reclaimable", "RECLAIMABLE" },
        { "Size", "SIZE" },     { "TotalCount", "TOTAL" },
        { "Type", "TYPE" },     { 0 },
};
static const format_spec spec = {
        .type_name = "*formatter.diskUsageContext",
        .columns = columns,
        .table = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
        .quiet = "{{.Type}}",
};

typedef struct usage {
        const char *type;
        long total, active;
        double size, reclaimable;
} usage;

static void add_row(cli *c, format_list *list, const usage *u) {
        char size[MN_SIZE_TEXT_SIZE], reclaimable[MN_SIZE_TEXT_SIZE];
        mn_size_human(u->size, 4, size);
        mn_size_human(u->reclaimable, 4, reclaimable);
        format_row(list, NULL);
        format_set(list, "Type", u->type);
        format_set(list, "TotalCount", mn_arena_printf(c->arena, "%ld", u->total));
        format_set(list, "Active", mn_arena_printf(c->arena, "%ld", u->active));
        format_set(list, "Size", size);
        format_set(list, "Reclaimable",
                   u->size > 0 ? mn_arena_printf(c->arena, "%s (%d%%)", reclaimable,
                                                 (int) (u->reclaimable * 100 / u->size))
                               : reclaimable);
}

static usage image_usage(const mn_json *df) {
        usage u = { .type = "Images", .size = cli_double(df, "LayersSize") };
        const mn_json *list = mn_json_get(df, "Images");
        double used = 0;
        for (const mn_json *image = list ? list->child : NULL; image; image = image->next) {
                u.total++;
                if (cli_number(image, "Containers") <= 0)
                        continue;
                u.active++;
                used += cli_double(image, "Size") - MN_MAX(0.0, cli_double(image, "SharedSize"));
        }
        u.reclaimable = MN_MAX(0.0, u.size - used);
        return u;
}

static usage container_usage(const mn_json *df) {
        usage u = { .type = "Containers" };
        const mn_json *list = mn_json_get(df, "Containers");
        for (const mn_json *container = list ? list->child : NULL; container; container = container->next) {
                const char *state = cli_text(container, "State");
                bool is_active = strcmp(state, "running") == 0 || strcmp(state, "paused") == 0 ||
                                 strcmp(state, "restarting") == 0;
                double size = cli_double(container, "SizeRw");
                u.total++;
                u.active += is_active;
                u.size += size;
                u.reclaimable += is_active ? 0 : size;
        }
        return u;
}

static usage volume_usage(const mn_json *df) {
        usage u = { .type = "Local Volumes" };
        const mn_json *list = mn_json_get(df, "Volumes");
        for (const mn_json *volume = list ? list->child : NULL; volume; volume = volume->next) {
                const mn_json *data = mn_json_get(volume, "UsageData");
                double size = MN_MAX(0.0, cli_double(data, "Size"));
                bool is_active = cli_number(data, "RefCount") > 0;
                u.total++;
                u.active += is_active;
                u.size += size;
                u.reclaimable += is_active ? 0 : size;
        }
        return u;
}

/* ---- --verbose: every object ---- */

static const char *ago(cli *c, int64_t seconds) {
        char text[MN_DURATION_TEXT_SIZE];
        mn_duration_human(mn_now_ns() - seconds * MN_NS_PER_SEC, text);
        return mn_arena_printf(c->arena, "%s ago", text);
}

static mn_status print_images(cli *c, const mn_json *list, mn_err *err) {
        static const format_column names[] = { { "Age", "CREATED" },
                                               { "Containers", "CONTAINERS" },
                                               { "ID", "IMAGE ID" },
                                               { "Repository", "REPOSITORY" },
                                               { "Shared", "SHARED SIZE" },
                                               { "Size", "SIZE" },
                                               { "Tag", "TAG" },
                                               { "Unique", "UNIQUE SIZE" },
                                               { 0 } };
        static const format_spec images = { NULL, names,
                                            "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Age}}\t{{.Size}}\t{{."
                                            "Shared}}\t{{.Unique}}\t{{.Containers}}",
                                            NULL };
        format_list *rows;
        mn_status status = format_new(c->arena, &images, NULL, false, &rows, err);
        if (status)
                return status;
        printf("Images space usage:\n\n");
        for (const mn_json *image = list ? list->child : NULL; image; image = image->next) {
                char text[MN_SIZE_TEXT_SIZE];
                const mn_json *tags = mn_json_get(image, "RepoTags");
                const char *name = tags && tags->child ? tags->child->text : "<none>:<none>";
                const char *colon = strrchr(name, ':');
                double size = cli_double(image, "Size"),
                       shared = MN_MAX(0.0, cli_double(image, "SharedSize"));
                format_row(rows, NULL);
                format_set(rows, "Repository",
                           mn_arena_strndup(c->arena, name, (size_t) (colon ? colon - name : 0)));
                format_set(rows, "Tag", colon ? colon + 1 : "");
                format_set(rows, "ID", cli_short_id(c, cli_text(image, "Id")));
                format_set(rows, "Age", ago(c, cli_number(image, "Created")));
                format_set(rows, "Size", mn_size_human(size, 3, text));
                format_set(rows, "Shared", mn_size_human(shared, 4, text));
                format_set(rows, "Unique", mn_size_human(size - shared, 4, text));
                format_set(rows, "Containers",
                           mn_arena_printf(c->arena, "%lld", (long long) cli_number(image, "Containers")));
        }
        return format_print(rows, err);
}

static mn_status print_containers(cli *c, const mn_json *list, mn_err *err) {
        static const format_column names[] = {
                { "Age", "CREATED" },   { "Command", "COMMAND" },       { "ID", "CONTAINER ID" },
                { "Image", "IMAGE" },   { "Names", "NAMES" },           { "Size", "SIZE" },
                { "Status", "STATUS" }, { "Volumes", "LOCAL VOLUMES" }, { 0 }
        };
        static const format_spec containers = { NULL, names,
                                                "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.Volumes}}\t{{.Size}}"
                                                "\t{{.Age}}\t{{.Status}}\t{{.Names}}",
                                                NULL };
        format_list *rows;
        mn_status status = format_new(c->arena, &containers, NULL, false, &rows, err);
        if (status)
                return status;
        printf("\nContainers space usage:\n\n");
        for (const mn_json *container = list ? list->child : NULL; container; container = container->next) {
                char text[MN_SIZE_TEXT_SIZE];
                const mn_json *all = mn_json_get(container, "Names"),
                              *mounts = mn_json_get(container, "Mounts");
                const char *name = all && all->child && all->child->text ? all->child->text : "";
                int volumes = 0;
                for (const mn_json *m = mounts ? mounts->child : NULL; m; m = m->next)
                        volumes += strcmp(cli_text(m, "Driver"), "local") == 0;
                format_row(rows, NULL);
                format_set(rows, "ID", cli_short_id(c, cli_text(container, "Id")));
                format_set(rows, "Image", cli_text(container, "Image"));
                format_set(rows, "Command",
                           mn_arena_printf(c->arena, "\"%s\"",
                                           text_ellipsis(c->arena, cli_text(container, "Command"), 20)));
                format_set(rows, "Volumes", mn_arena_printf(c->arena, "%d", volumes));
                format_set(rows, "Size", mn_size_human(cli_double(container, "SizeRw"), 3, text));
                format_set(rows, "Age", ago(c, cli_number(container, "Created")));
                format_set(rows, "Status", cli_text(container, "Status"));
                format_set(rows, "Names", name + (*name == '/'));
        }
        return format_print(rows, err);
}

static mn_status print_volumes(cli *c, const mn_json *list, mn_err *err) {
        static const format_column names[] = {
                { "Links", "LINKS" }, { "Name", "VOLUME NAME" }, { "Size", "SIZE" }, { 0 }
        };
        static const format_spec volumes = { NULL, names, "{{.Name}}\t{{.Links}}\t{{.Size}}", NULL };
        format_list *rows;
        mn_status status = format_new(c->arena, &volumes, NULL, false, &rows, err);
        if (status)
                return status;
        printf("\nLocal Volumes space usage:\n\n");
        for (const mn_json *volume = list ? list->child : NULL; volume; volume = volume->next) {
                char text[MN_SIZE_TEXT_SIZE];
                const mn_json *data = mn_json_get(volume, "UsageData");
                format_row(rows, NULL);
                format_set(rows, "Name", cli_text(volume, "Name"));
                format_set(rows, "Links",
                           mn_arena_printf(c->arena, "%lld", (long long) cli_number(data, "RefCount")));
                format_set(rows, "Size", mn_size_human(MN_MAX(0.0, cli_double(data, "Size")), 4, text));
        }
        return format_print(rows, err);
}

static mn_status print_verbose(cli *c, const mn_json *df, mn_err *err) {
        mn_status status = print_images(c, mn_json_get(df, "Images"), err);
        if (!status)
                status = print_containers(c, mn_json_get(df, "Containers"), err);
        if (!status)
                status = print_volumes(c, mn_json_get(df, "Volumes"), err);
        if (!status)
                printf("\nBuild cache usage: 0B\n\nCACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   "
                       "USAGE     SHARED\n");
        return status;
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const system_df_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        const mn_json *df;
        format_list *list;
        mn_status status = format_new(c->arena, &spec, o->format, false, &list, &err);
        if (o->verbose && o->format && *o->format && strcmp(o->format, "table") != 0)
                return cli_failf("--format is not supported together with --verbose");
        if (!status)
                status = cli_request(c, "GET", "/system/df", &df, &err);
        if (!status && o->verbose)
                return print_verbose(c, df, &err) ? cli_fail(&err) : CLI_EXIT_OK;
        if (status)
                return cli_fail(&err);
        const usage rows[] = {
                image_usage(df), container_usage(df), volume_usage(df), { .type = "Build Cache" }
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++)
                add_row(c, list, &rows[i]);
        return format_print(list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command system_df_command = {
        .usage = "[OPTIONS]",
        .summary = "Show docker disk usage",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(system_df_options),
        .run = run,
};
