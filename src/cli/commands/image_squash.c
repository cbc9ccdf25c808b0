/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/platform.h"
#include "codec/reference.h"

typedef struct image_squash_options {
        const char *message;
        const char *platform;
} image_squash_options;

static const cli_option options[] = {
        { "message", 'm', CLI_STR, offsetof(image_squash_options, message), "string",
          "Set commit message for squashed image" },
        { "platform", 0, CLI_STR, offsetof(image_squash_options, platform), "string",
          "Squash the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., \"linux/amd64\")" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const image_squash_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str query = MN_STR_INIT(0);
        char name[MN_REFERENCE_TEXT_SIZE];
        mn_reference reference;
        const mn_json *answer;
        mn_str_add(&query, "/squash");
        if (args[1]) {
                if (mn_reference_parse(args[1], &reference, &err))
                        return cli_fail(&err);
                mn_reference_add_default_tag(&reference);
                client_add_query(&query, "repo", mn_reference_familiar_name(&reference, name));
                client_add_query(&query, "tag", reference.tag);
        }
        client_add_query(&query, "message", o->message);
        client_add_query(&query, "platform", platform_json(c, o->platform));
        if (cli_request(c, "POST", cli_target(c, "/images", args[0], mn_str_text(&query)), &answer, &err))
                return cli_fail(&err);
        printf("%s\n", cli_text(answer, "Id"));
        return CLI_EXIT_OK;
}

const cli_command image_squash_command = {
        .usage = "[OPTIONS] IMAGE [REPOSITORY[:TAG]]",
        .summary = "Create an image of one layer from all layers of an image",
        .min_args = 1,
        .max_args = 2,
        .options = options,
        .options_size = sizeof(image_squash_options),
        .completes = "images",
        .run = run,
};
