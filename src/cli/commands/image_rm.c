/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/platform.h"

typedef struct image_rm_options {
        bool force;
        bool no_prune;
        char **platform;
} image_rm_options;

static const cli_option options[] = {
        { "force", 'f', CLI_BOOL, offsetof(image_rm_options, force), NULL, "Force removal of the image" },
        { "no-prune", 0, CLI_BOOL, offsetof(image_rm_options, no_prune), NULL,
          "Do not delete untagged parents" },
        { "platform", 0, CLI_CSV, offsetof(image_rm_options, platform), "strings",
          "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
          "\"linux/amd64\")" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const image_rm_options *o = parsed;
        cleanup_str mn_str query = MN_STR_INIT(0);
        int code = CLI_EXIT_OK;
        client_add_query(&query, "force", o->force ? "1" : NULL);
        client_add_query(&query, "noprune", o->no_prune ? "1" : NULL);
        platform_add_query(c, &query, "platforms", o->platform);
        for (; *args; args++) {
                cleanup_err mn_err err = { 0 };
                const mn_json *answer;
                mn_status status = cli_request(
                        c, "DELETE", cli_target(c, "/images", *args, mn_str_text(&query)), &answer, &err);
                if (status) {
                        if (cli_fail(&err) && !(o->force && status == MN_NOT_FOUND))
                                code = CLI_EXIT_FAILURE;
                        continue;
                }
                for (const mn_json *row = answer ? answer->child : NULL; row; row = row->next) {
                        const char *deleted = mn_json_get_str(row, "Deleted");
                        if (deleted && *deleted)
                                printf("Deleted: %s\n", deleted);
                        else
                                printf("Untagged: %s\n", cli_text(row, "Untagged"));
                }
        }
        return code;
}

const cli_command image_rm_command = {
        .usage = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Remove one or more images",
        .aliases = "image rm, image remove, rmi",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(image_rm_options),
        .completes = "images",
        .run = run,
};
