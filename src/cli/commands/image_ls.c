/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/format.h"
#include "cli/image_tree.h"
#include "codec/duration.h"
#include "codec/size.h"

typedef struct image_ls_options {
        bool all;
        bool digests;
        char **filter;
        const char *format;
        bool no_trunc;
        bool quiet;
        bool tree;
} image_ls_options;

static const cli_option options[] = {
        { "all", 'a', CLI_BOOL, offsetof(image_ls_options, all), NULL,
          "Show all images (default hides intermediate images)" },
        { "digests", 0, CLI_BOOL, offsetof(image_ls_options, digests), NULL, "Show digests" },
        { "filter", 'f', CLI_LIST, offsetof(image_ls_options, filter), "filter",
          "Filter output based on conditions provided", NULL, 0, cli_check_filter },
        { "format", 0, CLI_STR, offsetof(image_ls_options, format), "string", CLI_HELP_FORMAT },
        { "no-trunc", 0, CLI_BOOL, offsetof(image_ls_options, no_trunc), NULL, "Don't truncate output" },
        { "quiet", 'q', CLI_BOOL, offsetof(image_ls_options, quiet), NULL, "Only show image IDs" },
        { "tree", 0, CLI_BOOL, offsetof(image_ls_options, tree), NULL,
          "List multi-platform images as a tree (EXPERIMENTAL)" },
        { 0 },
};

static const format_column columns[] = {
        { "Containers", "CONTAINERS" },
        { "CreatedAt", "CREATED AT" },
        { "CreatedSince", "CREATED" },
        { "Digest", "DIGEST" },
        { "ID", "IMAGE ID" },
        { "LastUsed", "LAST USED", true },
        { "Repository", "REPOSITORY" },
        { "SharedSize", "SHARED SIZE" },
        { "Size", "SIZE" },
        { "Tag", "TAG" },
        { "UniqueSize", "UNIQUE SIZE" },
        { "VirtualSize", "SIZE" },
        { 0 },
};
static const format_spec spec = {
        .type_name = "*formatter.imageContext",
        .columns = columns,
        .table = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
        .quiet = "{{.ID}}",
};
static const format_spec spec_with_digests = {
        .type_name = "*formatter.imageContext",
        .columns = columns,
        .table = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
        .quiet = "{{.ID}}",
};

typedef struct listing {
        cli *c;
        format_list *list;
        bool is_full, has_digests;
} listing;

/* "3 days ago"; "N/A" from a daemon that does not tell. */
static const char *last_used(cli *c, const mn_json *image) {
        char age[MN_DURATION_TEXT_SIZE];
        int64_t seconds = cli_number(image, "LastUsed");
        if (seconds <= 0)
                return "N/A";
        return mn_arena_printf(c->arena, "%s ago",
                               mn_duration_human(mn_now_ns() - seconds * MN_NS_PER_SEC, age));
}

static void add_row(const listing *l, const mn_json *image, const char *repository, const char *tag,
                    const char *digest) {
        char age[MN_DURATION_TEXT_SIZE], size[MN_SIZE_TEXT_SIZE];
        cli *c = l->c;
        const char *id = cli_text(image, "Id");
        int64_t created = cli_number(image, "Created") * MN_NS_PER_SEC,
                containers = cli_number(image, "Containers");
        mn_size_human(cli_double(image, "Size"), 3, size);
        mn_duration_human(mn_now_ns() - created, age);
        format_row(l->list, NULL);
        format_set(l->list, "Repository", repository);
        format_set(l->list, "Tag", tag);
        format_set(l->list, "Digest", digest);
        format_set(l->list, "ID", l->is_full ? id : cli_short_id(c, id));
        format_set(l->list, "CreatedSince", mn_arena_printf(c->arena, "%s ago", age));
        format_set(l->list, "CreatedAt", format_uses(l->list, "CreatedAt") ? cli_local_time(c, created) : "");
        format_set(l->list, "LastUsed", last_used(c, image));
        format_set(l->list, "Size", size);
        format_set(l->list, "VirtualSize", mn_size_human(cli_double(image, "Size"), 4, size));
        format_set(l->list, "Containers",
                   containers < 0 ? "N/A" : mn_arena_printf(c->arena, "%lld", (long long) containers));
        format_set(l->list, "SharedSize", "N/A");
        format_set(l->list, "UniqueSize", "N/A");
}

/* Digest of the same repository, or "<none>". */
static const char *digest_of(const mn_json *digests, const char *repository) {
        size_t len = strlen(repository);
        for (const mn_json *d = digests ? digests->child : NULL; d; d = d->next)
                if (d->text && strncmp(d->text, repository, len) == 0 && d->text[len] == '@')
                        return d->text + len + 1;
        return "<none>";
}

static void add_image(const listing *l, const mn_json *image) {
        const mn_json *tags = mn_json_get(image, "RepoTags"), *digests = mn_json_get(image, "RepoDigests");
        mn_arena *arena = l->c->arena;
        bool has_row = false;
        for (const mn_json *t = tags ? tags->child : NULL; t; t = t->next) {
                const char *colon = t->text ? strrchr(t->text, ':') : NULL;
                if (!colon || strcmp(t->text, "<none>:<none>") == 0)
                        continue;
                const char *repository = mn_arena_strndup(arena, t->text, (size_t) (colon - t->text));
                add_row(l, image, repository, colon + 1,
                        l->has_digests ? digest_of(digests, repository) : "");
                has_row = true;
        }
        for (const mn_json *d = digests && !has_row ? digests->child : NULL; d; d = d->next) {
                const char *at = d->text ? strchr(d->text, '@') : NULL;
                if (!at || strcmp(d->text, "<none>@<none>") == 0)
                        continue;
                add_row(l, image, mn_arena_strndup(arena, d->text, (size_t) (at - d->text)), "<none>",
                        at + 1);
                has_row = true;
                if (!l->has_digests)
                        break;
        }
        if (!has_row)
                add_row(l, image, "<none>", "<none>", "<none>");
}

static int run(cli *c, const void *parsed, char **args) {
        const image_ls_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        const char *filters, *format = o->format  ? o->format
                                       : o->quiet ? NULL
                                                  : config_text(c, "imagesFormat");
        const mn_json *images;
        listing l = { .c = c, .is_full = o->no_trunc, .has_digests = o->digests };
        if (o->tree) {
                const char *conflict = o->quiet     ? "--quiet"
                                       : o->digests ? "--digests"
                                       : o->format  ? "--format"
                                                    : NULL;
                if (conflict)
                        return cli_failf("conflicting options: %s and --tree cannot be used together",
                                         conflict);
        }
        mn_status status = cli_filters_with(c, o->filter, args[0] ? "reference" : NULL, args[0], &filters,
                                            &err);
        if (!status)
                status = format_new(c->arena, o->digests ? &spec_with_digests : &spec, format, o->quiet,
                                    &l.list, &err);
        if (status)
                return cli_fail(&err);
        l.has_digests = l.has_digests || format_uses(l.list, "Digest");
        mn_str_add(&target, "/images/json");
        client_add_query(&target, "all", o->all ? "1" : NULL);
        client_add_query(&target, "filters", filters);
        client_add_query(&target, "manifests", o->tree ? "1" : NULL);
        if (cli_request(c, "GET", mn_str_text(&target), &images, &err))
                return cli_fail(&err);
        if (o->tree) {
                image_tree_print(c, images, o->no_trunc);
                return CLI_EXIT_OK;
        }
        for (const mn_json *image = images ? images->child : NULL; image; image = image->next)
                add_image(&l, image);
        return format_print(l.list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command image_ls_command = {
        .usage = "[OPTIONS] [REPOSITORY[:TAG]]",
        .summary = "List images",
        .aliases = "image ls, image list, images",
        .min_args = 0,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(image_ls_options),
        .completes = "images",
        .run = run,
};
