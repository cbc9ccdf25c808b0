/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/inspect.h"
#include "cli/platform.h"

typedef struct image_inspect_options {
        const char *format;
        const char *platform;
} image_inspect_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(image_inspect_options, format), "string",
          CLI_HELP_INSPECT_FORMAT },
        { "platform", 0, CLI_STR, offsetof(image_inspect_options, platform), "string",
          "Inspect a specific platform of the multi-platform image.\nIf the image or the server is not "
          "multi-platform capable, the command will error out if the platform does not "
          "match.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        static const inspect_kind *const kinds[] = { &inspect_image, NULL };
        const image_inspect_options *o = parsed;
        cleanup_str mn_str query = MN_STR_INIT(0);
        client_add_query(&query, "platform", platform_json(c, o->platform));
        return inspect_run(c, kinds, mn_str_text(&query), o->format, args);
}

const cli_command image_inspect_command = {
        .usage = "[OPTIONS] IMAGE [IMAGE...]",
        .summary = "Display detailed information on one or more images",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(image_inspect_options),
        .completes = "images",
        .run = run,
};
