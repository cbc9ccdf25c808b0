/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/moment.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "wire/event.h"

typedef struct system_events_options {
        char **filter;
        const char *format;
        const char *since;
        const char *until;
} system_events_options;

static const cli_option options[] = {
        { "filter", 'f', CLI_LIST, offsetof(system_events_options, filter), "filter",
          "Filter output based on conditions provided", NULL, 0, cli_check_filter },
        { "format", 0, CLI_STR, offsetof(system_events_options, format), "string", CLI_HELP_INSPECT_FORMAT },
        { "since", 0, CLI_STR, offsetof(system_events_options, since), "string",
          "Show all events created since timestamp" },
        { "until", 0, CLI_STR, offsetof(system_events_options, until), "string",
          "Stream events until this timestamp" },
        { 0 },
};

typedef struct printer {
        mn_template *t; /* NULL: the default line */
        mn_status status;
        mn_err err;
} printer;

/* "2024-05-01T12:00:00.000000000+02:00". */
static void add_time(mn_str *out, const mn_json *event) {
        int64_t nano = cli_number(event, "timeNano"),
                ns = nano ? nano : cli_number(event, "time") * MN_NS_PER_SEC;
        time_t seconds = (time_t) (ns / MN_NS_PER_SEC);
        char date[32], zone[8];
        struct tm tm;
        localtime_r(&seconds, &tm);
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
        strftime(zone, sizeof(zone), "%z", &tm);
        mn_str_printf(out, "%s.%09lld", date, (long long) (ns % MN_NS_PER_SEC));
        if (strcmp(zone, "+0000") == 0)
                mn_str_add_char(out, 'Z');
        else
                mn_str_printf(out, "%.3s:%s", zone, zone + 3);
}

static int by_key(const void *a, const void *b) {
        return strcmp((*(const mn_json *const *) a)->key, (*(const mn_json *const *) b)->key);
}

static void add_line(const mn_json *event, mn_arena *arena, mn_str *out) {
        const mn_json *actor = mn_json_get(event, "Actor"), *attributes = mn_json_get(actor, "Attributes");
        cleanup_str mn_str line = MN_STR_INIT(0);
        add_time(&line, event);
        mn_str_printf(&line, " %s %s %s", cli_text(event, "Type"), cli_text(event, "Action"),
                      cli_text(actor, "ID"));
        size_t n = attributes ? attributes->len : 0, i = 0;
        const mn_json **sorted = mn_arena_array(arena, n + 1, sizeof(*sorted));
        for (const mn_json *a = n ? attributes->child : NULL; a; a = a->next)
                sorted[i++] = a;
        qsort(sorted, n, sizeof(*sorted), by_key);
        for (i = 0; i < n; i++)
                mn_str_printf(&line, "%s%s=%s", i ? ", " : " (", sorted[i]->key,
                              sorted[i]->text ? sorted[i]->text : "");
        if (n)
                mn_str_add_char(&line, ')');
        text_add_safe(out, line.data, line.len, false);
        mn_str_add_char(out, '\n');
}

static bool take_event(void *userdata, const mn_json *event, mn_arena *arena) {
        printer *p = userdata;
        cleanup_str mn_str out = MN_STR_INIT(0);
        if (p->t)
                p->status = format_document(arena, p->t, &wire_event_type, event, &out, &p->err);
        else
                add_line(event, arena, &out);
        if (out.len && !p->status)
                fwrite(out.data, 1, out.len, stdout);
        return fflush(stdout) == 0 && !p->status;
}

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const system_events_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL;
        const char *since, *until, *filters;
        client *peer;
        printer p = { 0 };
        if (o->format && *o->format && format_parse(c->arena, o->format, &p.t, &err)) {
                cli_fail(&err);
                return CLI_EXIT_TEMPLATE;
        }
        mn_status status = moment_query(c->arena, "since", o->since, &since, &err);
        if (!status)
                status = moment_query(c->arena, "until", o->until, &until, &err);
        if (!status)
                status = cli_filters(c, o->filter, &filters, &err);
        if (!status)
                status = cli_client(c, &peer, &err);
        if (status)
                return cli_fail(&err);
        mn_str_add(&target, "/events");
        client_add_query(&target, "since", since);
        client_add_query(&target, "until", until);
        client_add_query(&target, "filters", filters);
        const client_request request = { .method = "GET", .target = mn_str_text(&target) };
        status = client_stream_open(peer, &request, &stream, &err);
        if (!status)
                status = progress_each(stream, take_event, &p, &err);
        int code = status ? cli_fail(&err) : p.status ? cli_fail(&p.err) : CLI_EXIT_OK;
        mn_err_release(&p.err);
        return code;
}

const cli_command system_events_command = {
        .usage = "[OPTIONS]",
        .summary = "Get real time events from the server",
        .aliases = "system events, events",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(system_events_options),
        .run = run,
};
