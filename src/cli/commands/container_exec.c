/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/strv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/envfile.h"
#include "cli/session.h"
#include "wire/container.h"

typedef struct container_exec_options {
        bool detach;
        const char *detach_keys;
        char **env;
        char **env_file;
        bool interactive;
        bool privileged;
        bool tty;
        const char *user;
        const char *workdir;
} container_exec_options;

static const cli_option options[] = {
        { "detach", 'd', CLI_BOOL, offsetof(container_exec_options, detach), NULL,
          "Detached mode: run command in the background" },
        { "detach-keys", 0, CLI_STR, offsetof(container_exec_options, detach_keys), "string",
          "Override the key sequence for detaching a container" },
        { "env", 'e', CLI_LIST, offsetof(container_exec_options, env), "list", "Set environment variables" },
        { "env-file", 0, CLI_LIST, offsetof(container_exec_options, env_file), "list",
          "Read in a file of environment variables" },
        { "interactive", 'i', CLI_BOOL, offsetof(container_exec_options, interactive), NULL,
          "Keep STDIN open even if not attached" },
        { "privileged", 0, CLI_BOOL, offsetof(container_exec_options, privileged), NULL,
          "Give extended privileges to the command" },
        { "tty", 't', CLI_BOOL, offsetof(container_exec_options, tty), NULL, "Allocate a pseudo-TTY" },
        { "user", 'u', CLI_STR, offsetof(container_exec_options, user), "string",
          "Username or UID (format: \"<name|uid>[:<group|gid>]\")" },
        { "workdir", 'w', CLI_STR, offsetof(container_exec_options, workdir), "string",
          "Working directory inside the container" },
        { 0 },
};

/* Exit code for a failure before the command ran. */
static int failure(const mn_err *err) {
        cli_fail(err);
        return CLI_EXIT_FAILURE;
}

static mn_status create(cli *c, const container_exec_options *o, char **args, const char **ret_id,
                        mn_err *err) {
        char **env = NULL;
        const mn_json *answer;
        mn_status status = envfile_collect(c->arena, o->env_file, o->env, &env, err);
        if (status)
                return status;
        const wire_exec_create request = { .user = (char *) o->user,
                                           .is_privileged = o->privileged,
                                           .is_tty = o->tty,
                                           .is_stdin_attached = !o->detach && o->interactive,
                                           .is_stdout_attached = !o->detach,
                                           .is_stderr_attached = !o->detach,
                                           .detach_keys = (char *) o->detach_keys,
                                           .env = env,
                                           .working_dir = (char *) o->workdir,
                                           .cmd = args + 1 };
        status = cli_request_object(c, "POST", cli_target(c, "/containers", args[0], "/exec"),
                                    &wire_exec_create_type, &request, &answer, err);
        if (status)
                return status;
        *ret_id = cli_text(answer, "Id");
        return **ret_id ? MN_OK : mn_fail(err, MN_INTERNAL, "exec ID empty");
}

static mn_status start(cli *c, const container_exec_options *o, const char *id, client_stream **ret,
                       mn_err *err) {
        cleanup_str mn_str body = MN_STR_INIT(0);
        client *peer;
        mn_status status = cli_client(c, &peer, err);
        if (status)
                return status;
        struct winsize size = { 0 };
        uint64_t console[2];
        wire_exec_start request = { .is_detached = o->detach, .is_tty = o->tty };
        if (o->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
                console[0] = size.ws_row;
                console[1] = size.ws_col;
                request.console_size.items = console;
                request.console_size.len = 2;
        }
        mn_json_encode(&wire_exec_start_type, &request, 0, &body);
        const client_request http = { .method = "POST",
                                      .target = cli_target(c, "/exec", id, "/start"),
                                      .body = &body,
                                      .is_hijack = !o->detach };
        return client_stream_open(peer, &http, ret, err);
}

static int run(cli *c, const void *parsed, char **args) {
        const container_exec_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_stream client_stream *stream = NULL;
        const char *id;
        const mn_json *answer;
        mn_status status = session_check_keys(o->detach_keys, &err);
        if (!status && !o->detach)
                status = session_check_tty(o->interactive, o->tty, &err);
        if (!status)
                status = create(c, o, args, &id, &err);
        if (!status)
                status = start(c, o, id, &stream, &err);
        if (status)
                return failure(&err);
        if (o->detach)
                return CLI_EXIT_OK;
        const session_spec spec = { .stream = stream,
                                    .is_tty = o->tty,
                                    .has_stdin = o->interactive,
                                    .shows_stdout = true,
                                    .shows_stderr = true,
                                    .detach_keys = o->detach_keys,
                                    .resize_prefix = "/exec",
                                    .resize_id = o->tty ? id : NULL };
        session_end end;
        status = session_run(c, &spec, &end, &err);
        if (!status && end == SESSION_DETACHED)
                return cli_failf("read escape sequence");
        if (!status)
                status = cli_request(c, "GET", cli_target(c, "/exec", id, "/json"), &answer, &err);
        return status ? failure(&err) : (int) cli_number(answer, "ExitCode");
}

const cli_command container_exec_command = {
        .usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
        .summary = "Execute a command in a running container",
        .aliases = "container exec, exec",
        .min_args = 2,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_exec_options),
        .completes = "running",
        .stops_at_argument = true,
        .run = run,
};
