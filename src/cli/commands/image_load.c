/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/platform.h"
#include "cli/transfer.h"
#include "sys/fd.h"

typedef struct image_load_options {
        const char *input;
        char **platform;
        bool quiet;
} image_load_options;

static const cli_option options[] = {
        { "input", 'i', CLI_STR, offsetof(image_load_options, input), "string",
          "Read from tar archive file, instead of STDIN" },
        { "platform", 0, CLI_CSV, offsetof(image_load_options, platform), "string",
          "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" (e.g., "
          "\"linux/amd64\")" },
        { "quiet", 'q', CLI_BOOL, offsetof(image_load_options, quiet), NULL, "Suppress the load output" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const image_load_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_close int file = -1;
        if (o->input && *o->input) {
                file = open(o->input, O_RDONLY | O_CLOEXEC);
                if (file < 0)
                        return cli_failf("open %s: %s", o->input, mn_strerror(-errno));
        } else if (isatty(STDIN_FILENO)) {
                return cli_failf("requested load from stdin, but stdin is empty");
        } else {
                file = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        }
        mn_str_add(&target, "/images/load");
        client_add_query(&target, "quiet", o->quiet || !isatty(STDOUT_FILENO) ? "1" : "0");
        platform_add_query(c, &target, "platform", o->platform);
        return transfer_upload(c, mn_str_text(&target), file);
}

const cli_command image_load_command = {
        .usage = "[OPTIONS]",
        .summary = "Load an image from a tar archive or STDIN",
        .aliases = "image load, load",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(image_load_options),
        .run = run,
};
