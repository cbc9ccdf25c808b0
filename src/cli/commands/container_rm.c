/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"

typedef struct container_rm_options {
        bool force;
        bool link;
        bool volumes;
} container_rm_options;

static const cli_option options[] = {
        { "force", 'f', CLI_BOOL, offsetof(container_rm_options, force), NULL,
          "Force the removal of a running container (uses SIGKILL)" },
        { "link", 'l', CLI_BOOL, offsetof(container_rm_options, link), NULL, "Remove the specified link" },
        { "volumes", 'v', CLI_BOOL, offsetof(container_rm_options, volumes), NULL,
          "Remove anonymous volumes associated with the container" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_rm_options *o = parsed;
        cleanup_str mn_str query = MN_STR_INIT(0);
        client_add_query(&query, "force", o->force ? "1" : NULL);
        client_add_query(&query, "link", o->link ? "1" : NULL);
        client_add_query(&query, "v", o->volumes ? "1" : NULL);
        for (char **name = args; *name; name++)
                if (!(*name)[strspn(*name, "/")])
                        return cli_failf("container name cannot be empty");
        return cli_for_all(c, args, &(cli_action){ "DELETE", "/containers", mn_str_text(&query), o->force });
}

const cli_command container_rm_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Remove one or more containers",
        .aliases = "container rm, container remove, rm",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_rm_options),
        .completes = "containers",
        .run = run,
};
