/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/session.h"

typedef struct container_logs_options {
        bool details;
        bool follow;
        const char *since;
        const char *tail;
        bool timestamps;
        const char *until;
} container_logs_options;

static const cli_option options[] = {
        { "details", 0, CLI_BOOL, offsetof(container_logs_options, details), NULL,
          "Show extra details provided to logs" },
        { "follow", 'f', CLI_BOOL, offsetof(container_logs_options, follow), NULL, "Follow log output" },
        { "since", 0, CLI_STR, offsetof(container_logs_options, since), "string",
          "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 "
          "minutes)" },
        { "tail", 'n', CLI_STR, offsetof(container_logs_options, tail), "string",
          "Number of lines to show from the end of the logs", "\"all\"" },
        { "timestamps", 't', CLI_BOOL, offsetof(container_logs_options, timestamps), NULL,
          "Show timestamps" },
        { "until", 0, CLI_STR, offsetof(container_logs_options, until), "string",
          "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 "
          "minutes)" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_logs_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL;
        const char *since, *until;
        client *peer;
        mn_status status = moment_query(c->arena, "since", o->since, &since, &err);
        if (!status)
                status = moment_query(c->arena, "until", o->until, &until, &err);
        if (!status)
                status = cli_client(c, &peer, &err);
        if (status)
                return cli_fail(&err);
        mn_str_add(&target, cli_target(c, "/containers", args[0], "/logs?stdout=1&stderr=1"));
        client_add_query(&target, "follow", o->follow ? "1" : NULL);
        client_add_query(&target, "timestamps", o->timestamps ? "1" : NULL);
        client_add_query(&target, "details", o->details ? "1" : NULL);
        client_add_query(&target, "tail", o->tail ? o->tail : "all");
        client_add_query(&target, "since", since);
        client_add_query(&target, "until", until);
        const client_request request = { .method = "GET", .target = mn_str_text(&target) };
        status = client_stream_open(peer, &request, &stream, &err);
        if (status)
                return cli_fail(&err);
        const char *type = client_stream_header(stream, "Content-Type");
        bool is_framed = !type || strcmp(type, "application/vnd.docker.raw-stream") != 0;
        return session_copy(stream, is_framed, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command container_logs_command = {
        .usage = "[OPTIONS] CONTAINER",
        .summary = "Fetch the logs of a container",
        .aliases = "container logs, logs",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(container_logs_options),
        .completes = "containers",
        .run = run,
};
