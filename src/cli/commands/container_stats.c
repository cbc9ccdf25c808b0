/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/stats.h"

typedef struct container_stats_options {
        bool all;
        const char *format;
        bool no_stream;
        bool no_trunc;
} container_stats_options;

static const cli_option options[] = {
        { "all", 'a', CLI_BOOL, offsetof(container_stats_options, all), NULL,
          "Show all containers (default shows just running)" },
        { "format", 0, CLI_STR, offsetof(container_stats_options, format), "string", CLI_HELP_FORMAT },
        { "no-stream", 0, CLI_BOOL, offsetof(container_stats_options, no_stream), NULL,
          "Disable streaming stats and only pull the first result" },
        { "no-trunc", 0, CLI_BOOL, offsetof(container_stats_options, no_trunc), NULL,
          "Do not truncate output" },
        { 0 },
};

static const format_column columns[] = {
        { "BlockIO", "BLOCK I/O" },   { "CPUPerc", "CPU %" },
        { "Container", "CONTAINER" }, { "ID", "CONTAINER ID" },
        { "MemPerc", "MEM %" },       { "MemUsage", "MEM USAGE / LIMIT" },
        { "Name", "NAME" },           { "NetIO", "NET I/O" },
        { "PIDs", "PIDS" },           { 0 },
};
static const format_spec spec = {
        .type_name = "*container.statsContext",
        .columns = columns,
        .table = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{"
                 ".PIDs}}",
        .quiet = "{{.ID}}",
};

static mn_status list_containers(cli *c, bool is_all, char ***ret, mn_err *err) {
        const mn_json *containers;
        mn_status status = cli_request(c, "GET", is_all ? "/containers/json?all=1" : "/containers/json",
                                       &containers, err);
        if (status)
                return status;
        size_t n = 0;
        *ret = mn_arena_array(c->arena, containers->len + 1, sizeof(char *));
        for (const mn_json *container = containers->child; container; container = container->next)
                (*ret)[n++] = (char *) cli_short_id(c, cli_text(container, "Id"));
        return MN_OK;
}

/* One request per container, all under way at once. */
static mn_status open_all(cli *c, char **names, bool is_stream, client_stream **streams, mn_err *err) {
        client *peer;
        mn_status status = cli_client(c, &peer, err);
        for (size_t i = 0; names[i] && !status; i++) {
                const char *query = is_stream ? "/stats?stream=1" : "/stats?stream=0";
                const client_request request = { .method = "GET",
                                                 .target = cli_target(c, "/containers", names[i], query) };
                status = client_send(peer, &request, &streams[i], err);
        }
        for (size_t i = 0; names[i] && !status; i++)
                status = client_receive(streams[i], err);
        return status;
}

static mn_status print_rows(const container_stats_options *o, mn_arena *arena, char **names,
                            stats_sample *samples, bool is_screen, mn_err *err) {
        format_list *list;
        cleanup_str mn_str out = MN_STR_INIT(0);
        mn_status status = format_new(arena, &spec, o->format, false, &list, err);
        if (status)
                return status;
        for (size_t i = 0; names[i]; i++)
                stats_add_row(arena, list, names[i], &samples[i], o->no_trunc);
        status = format_render(list, &out, err);
        if (is_screen)
                fputs("\x1b[H\x1b[J", stdout);
        fputs(mn_str_text(&out), stdout);
        fflush(stdout);
        return status;
}

/* Reads until every stream has ended, printing about once a second. */
static mn_status follow(const container_stats_options *o, char **names, client_stream **streams,
                        stats_sample *samples, size_t n, mn_err *err) {
        cleanup_free struct pollfd *fds = mn_alloc_array(n + 1, sizeof(*fds));
        bool is_screen = isatty(STDOUT_FILENO);
        for (size_t open = n; open > 0;) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                for (size_t i = 0; i < n; i++)
                        fds[i] = (struct pollfd){ streams[i] ? client_stream_fd(streams[i]) : -1, POLLIN, 0 };
                poll(fds, n, 1000);
                for (size_t i = 0; i < n; i++) {
                        if (!streams[i] || !(fds[i].revents || client_stream_has_buffered(streams[i])))
                                continue;
                        if (!stats_read(streams[i], &samples[i])) {
                                client_stream_freep(&streams[i]);
                                open--;
                        }
                }
                bool is_fresh = true;
                for (size_t i = 0; i < n; i++)
                        is_fresh = is_fresh && samples[i].is_set;
                mn_status status = is_fresh ? print_rows(o, arena, names, samples, is_screen, err) : MN_OK;
                if (status)
                        return status;
        }
        return MN_OK;
}

static int run(cli *c, const void *parsed, char **args) {
        const container_stats_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        mn_status status = *args ? MN_OK : list_containers(c, o->all, &args, &err);
        if (status)
                return cli_fail(&err);
        size_t n = mn_strv_len(args);
        client_stream **streams = mn_arena_array(c->arena, n + 1, sizeof(*streams));
        stats_sample *samples = mn_arena_array(c->arena, n + 1, sizeof(*samples));
        status = open_all(c, args, !o->no_stream, streams, &err);
        if (!status && o->no_stream) {
                for (size_t i = 0; i < n; i++)
                        while (stats_read(streams[i], &samples[i]))
                                continue;
                status = print_rows(o, c->arena, args, samples, false, &err);
        } else if (!status) {
                status = n ? follow(o, args, streams, samples, n, &err)
                           : print_rows(o, c->arena, args, samples, false, &err);
        }
        for (size_t i = 0; i < n; i++) {
                client_stream_free(streams[i]);
                stats_release(&samples[i]);
        }
        return status ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command container_stats_command = {
        .usage = "[OPTIONS] [CONTAINER...]",
        .summary = "Display a live stream of container(s) resource usage statistics",
        .aliases = "container stats, stats",
        .min_args = 0,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_stats_options),
        .completes = "running",
        .run = run,
};
