/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/launch.h"
#include "cli/session.h"

typedef struct container_start_options {
        bool attach;
        const char *checkpoint;
        const char *checkpoint_dir;
        const char *detach_keys;
        bool interactive;
} container_start_options;

static const cli_option options[] = {
        { "attach", 'a', CLI_BOOL, offsetof(container_start_options, attach), NULL,
          "Attach STDOUT/STDERR and forward signals" },
        { "checkpoint", 0, CLI_STR, offsetof(container_start_options, checkpoint), "string",
          "Restore from this checkpoint" },
        { "checkpoint-dir", 0, CLI_STR, offsetof(container_start_options, checkpoint_dir), "string",
          "Use a custom checkpoint storage directory" },
        { "detach-keys", 0, CLI_STR, offsetof(container_start_options, detach_keys), "string",
          "Override the key sequence for detaching a container" },
        { "interactive", 'i', CLI_BOOL, offsetof(container_start_options, interactive), NULL,
          "Attach container's STDIN" },
        { 0 },
};

/* start -a, -i: one container, attached before it runs. */
static int start_attached(cli *c, const container_start_options *o, const char *name) {
        cleanup_err mn_err err = { 0 };
        const mn_json *container;
        mn_status status = session_check_keys(o->detach_keys, &err);
        if (!status)
                status = cli_request(c, "GET", cli_target(c, "/containers", name, "/json"), &container, &err);
        if (status)
                return cli_fail(&err);
        const mn_json *config = mn_json_get(container, "Config");
        const launch_spec spec = {
                .id = cli_text(container, "Id"),
                .is_tty = cli_is_true(config, "Tty"),
                .has_stdin = o->interactive && cli_is_true(config, "OpenStdin"),
                .shows_stdout = true,
                .shows_stderr = true,
                .passes_signals = !cli_is_true(config, "Tty"),
                .is_auto_removed = cli_is_true(mn_json_get(container, "HostConfig"), "AutoRemove"),
                .detach_keys = o->detach_keys,
        };
        int code = CLI_EXIT_FAILURE;
        if (launch_attached(c, &spec, &code, &err)) {
                cli_fail(&err);
                return CLI_EXIT_FAILURE;
        }
        return code;
}

static int start_all(cli *c, char **args) {
        cleanup_str mn_str failed = MN_STR_INIT(0);
        for (; *args; args++) {
                char *one[] = { *args, NULL };
                if (cli_for_each(c, one, "POST", "/containers", "/start", NULL))
                        mn_str_printf(&failed, "%s%s", failed.len ? ", " : "", *args);
        }
        return failed.len ? cli_failf("Error: failed to start containers: %s", mn_str_text(&failed))
                          : CLI_EXIT_OK;
}

static int run(cli *c, const void *parsed, char **args) {
        const container_start_options *o = parsed;
        if (o->checkpoint || o->checkpoint_dir)
                return cli_failf("Error: starting from a checkpoint is not supported");
        if (!o->attach && !o->interactive) {
                return start_all(c, args);
        }
        if (args[1])
                return cli_failf("you cannot start and attach multiple containers at once");
        return start_attached(c, o, args[0]);
}

const cli_command container_start_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Start one or more stopped containers",
        .aliases = "container start, start",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_start_options),
        .completes = "containers",
        .run = run,
};
