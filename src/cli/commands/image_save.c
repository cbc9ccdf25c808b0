/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/platform.h"
#include "cli/transfer.h"

typedef struct image_save_options {
        const char *output;
        char **platform;
} image_save_options;

static const cli_option options[] = {
        { "output", 'o', CLI_STR, offsetof(image_save_options, output), "string",
          "Write to a file, instead of STDOUT" },
        { "platform", 0, CLI_CSV, offsetof(image_save_options, platform), "string",
          "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
          "\"linux/amd64\")" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const image_save_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        mn_status status = transfer_check_output(o->output, &err);
        if (status)
                return cli_fail(&err);
        if (args[1]) {
                mn_str_add(&target, "/images/get");
                for (; *args; args++)
                        client_add_query(&target, "names", *args);
        } else {
                mn_str_add(&target, cli_target(c, "/images", args[0], "/get"));
        }
        platform_add_query(c, &target, "platform", o->platform);
        return transfer_download(c, mn_str_text(&target), o->output, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command image_save_command = {
        .usage = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Save one or more images to a tar archive (streamed to STDOUT by default)",
        .aliases = "image save, save",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(image_save_options),
        .completes = "images",
        .run = run,
};
