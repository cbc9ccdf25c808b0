/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/session.h"

typedef struct container_attach_options {
        const char *detach_keys;
        bool no_stdin;
        bool sig_proxy;
} container_attach_options;

static const cli_option options[] = {
        { "detach-keys", 0, CLI_STR, offsetof(container_attach_options, detach_keys), "string",
          "Override the key sequence for detaching a container" },
        { "no-stdin", 0, CLI_BOOL, offsetof(container_attach_options, no_stdin), NULL,
          "Do not attach STDIN" },
        { "sig-proxy", 0, CLI_BOOL, offsetof(container_attach_options, sig_proxy), NULL,
          "Proxy all received signals to the process", "true", CLI_DEFAULT_ON },
        { 0 },
};

/* What the container is made for; failures when nothing can be attached to it. */
static mn_status check_container(const mn_json *container, mn_err *err) {
        const mn_json *state = mn_json_get(container, "State");
        if (!cli_is_true(state, "Running"))
                return mn_fail(err, MN_CONFLICT, "You cannot attach to a stopped container, start it first");
        if (cli_is_true(state, "Paused"))
                return mn_fail(err, MN_CONFLICT, "You cannot attach to a paused container, unpause it first");
        if (cli_is_true(state, "Restarting"))
                return mn_fail(err, MN_CONFLICT,
                               "You cannot attach to a restarting container, wait until it is running");
        return MN_OK;
}

/* The container's own exit code, when it ended while we watched. */
static int exit_code(client_stream *wait, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        char text[4096];
        const mn_json *answer;
        size_t len = 0;
        ssize_t n;
        while (len < sizeof(text) && (n = client_stream_read(wait, text + len, sizeof(text) - len)) > 0)
                len += (size_t) n;
        if (mn_json_parse(arena, text, len, NULL, &answer, err))
                return CLI_EXIT_FAILURE;
        return (int) cli_number(answer, "StatusCode");
}

static int run(cli *c, const void *parsed, char **args) {
        const container_attach_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL, *wait = NULL;
        const mn_json *container;
        client *peer;
        mn_status status = session_check_keys(o->detach_keys, &err);
        if (!status)
                status = cli_request(c, "GET", cli_target(c, "/containers", args[0], "/json"), &container,
                                     &err);
        if (!status)
                status = check_container(container, &err);
        if (!status)
                status = cli_client(c, &peer, &err);
        const mn_json *config = status ? NULL : mn_json_get(container, "Config");
        bool is_tty = cli_is_true(config, "Tty"),
             has_stdin = !o->no_stdin && cli_is_true(config, "OpenStdin");
        if (!status)
                status = session_check_tty(has_stdin, is_tty, &err);
        if (status)
                return cli_fail(&err);
        const client_request waiting = { .method = "POST",
                                         .target = cli_target(c, "/containers", args[0], "/wait") };
        mn_str_add(&target, cli_target(c, "/containers", args[0], "/attach?stream=1&stdout=1&stderr=1"));
        client_add_query(&target, "stdin", has_stdin ? "1" : NULL);
        client_add_query(&target, "detachKeys", o->detach_keys);
        const client_request request = { .method = "POST",
                                         .target = mn_str_text(&target),
                                         .is_hijack = true };
        session_hold_signals();
        status = client_stream_open(peer, &request, &stream, &err);
        if (!status)
                status = client_send(peer, &waiting, &wait, &err);
        if (status)
                return cli_fail(&err);
        const session_spec spec = { .stream = stream,
                                    .is_tty = is_tty,
                                    .has_stdin = has_stdin,
                                    .shows_stdout = true,
                                    .shows_stderr = true,
                                    .detach_keys = o->detach_keys,
                                    .signal_container = o->sig_proxy && !is_tty ? args[0] : NULL,
                                    .resize_prefix = "/containers",
                                    .resize_id = is_tty ? args[0] : NULL };
        session_end end;
        if (is_tty)
                session_resize(c, "/containers", args[0]);
        if (session_run(c, &spec, &end, &err))
                return cli_fail(&err);
        if (end == SESSION_DETACHED)
                return cli_failf("read escape sequence");
        if (client_receive(wait, &err))
                return cli_fail(&err);
        return exit_code(wait, &err);
}

const cli_command container_attach_command = {
        .usage = "[OPTIONS] CONTAINER",
        .summary = "Attach local standard input, output, and error streams to a running container",
        .aliases = "container attach, attach",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(container_attach_options),
        .completes = "running",
        .run = run,
};
