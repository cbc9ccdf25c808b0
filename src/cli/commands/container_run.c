/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/create.h"
#include "cli/launch.h"
#include "cli/session.h"

/* A container that did not start: the shell's codes for what its command is. */
static int start_failure_code(const char *message) {
        if (strstr(message, "executable file not found") || strstr(message, "no such file or directory"))
                return CLI_EXIT_NOT_FOUND;
        if (strstr(message, "permission denied") || strstr(message, "is a directory"))
                return CLI_EXIT_NOT_RUNNABLE;
        return CLI_EXIT_DAEMON;
}

static int run_detached(cli *c, const char *id) {
        cleanup_err mn_err err = { 0 };
        if (cli_request(c, "POST", cli_target(c, "/containers", id, "/start"), NULL, &err)) {
                /* As Docker does: the id is printed though the start failed. */
                printf("%s\n", id);
                return create_report(c, &err, start_failure_code(mn_err_text(&err)));
        }
        printf("%s\n", id);
        return CLI_EXIT_OK;
}

static int run(cli *c, const void *parsed, char **args) {
        const create_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        create_request request;
        const char *id;
        if (o->detach && o->attach)
                return cli_failf("conflicting options: cannot specify both --attach and --detach");
        if (create_build(c, o, args, &request, &err))
                return create_report(c, &err, CLI_EXIT_DAEMON);
        if ((!o->detach && session_check_tty(request.has_stdin, o->tty, &err)) ||
            session_check_keys(o->detach_keys, &err))
                return cli_fail(&err);
        if (create_container(c, o, &request, &id, &err))
                return create_report(c, &err, CLI_EXIT_DAEMON);
        if (o->detach)
                return run_detached(c, id);
        const launch_spec spec = { .id = id,
                                   .is_tty = o->tty,
                                   .has_stdin = request.has_stdin,
                                   .shows_stdout = request.shows_stdout,
                                   .shows_stderr = request.shows_stderr,
                                   .passes_signals = o->sig_proxy && !o->tty,
                                   .is_auto_removed = o->rm,
                                   .detach_keys = o->detach_keys };
        int code = CLI_EXIT_DAEMON;
        if (!request.has_stdin && !request.shows_stdout && !request.shows_stderr)
                printf("%s\n", id);
        if (launch_attached(c, &spec, &code, &err))
                return create_report(c, &err, start_failure_code(mn_err_text(&err)));
        return code;
}

const cli_command container_run_command = {
        .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        .summary = "Create and run a new container from an image",
        .aliases = "container run, run",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = run_option_table,
        .options_size = sizeof(create_options),
        .completes = "images",
        .stops_at_argument = true,
        .run = run,
};
