/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/hostspec.h"
#include "cli/limits.h"
#include "wire/container.h"

typedef struct container_update_options {
        limit_options limits;
        const char *restart;
} container_update_options;

static const cli_option options[] = {
        LIMIT_OPTIONS(container_update_options, "Limit the CPU", "-1"),
        { "restart", 0, CLI_STR, offsetof(container_update_options, restart), "string",
          "Restart policy to apply when a container exits" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_update_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        wire_container_update update = { 0 };
        if (limits_are_empty(&o->limits) && !o->restart)
                return cli_failf("you must provide one or more flags when using this command");
        limits_fill(&o->limits, &update.resources);
        if (o->restart && hostspec_restart_policy(c->arena, o->restart, &update.restart_policy, &err))
                return cli_fail(&err);
        int code = CLI_EXIT_OK;
        for (; *args; args++) {
                const mn_json *answer;
                cleanup_err mn_err failure = { 0 };
                if (cli_request_object(c, "POST", cli_target(c, "/containers", *args, "/update"),
                                       &wire_container_update_type, &update, &answer, &failure)) {
                        code = cli_fail(&failure);
                        continue;
                }
                printf("%s\n", *args);
                const mn_json *warnings = mn_json_get(answer, "Warnings");
                for (const mn_json *w = warnings ? warnings->child : NULL; w; w = w->next)
                        fprintf(stderr, "%s\n", w->text);
        }
        return code;
}

const cli_command container_update_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Update configuration of one or more containers",
        .aliases = "container update, update",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_update_options),
        .completes = "containers",
        .run = run,
};
