/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/transfer.h"
#include "codec/reference.h"
#include "sys/fd.h"

typedef struct image_import_options {
        char **change;
        const char *message;
        const char *platform;
} image_import_options;

static const cli_option options[] = {
        { "change", 'c', CLI_LIST, offsetof(image_import_options, change), "list",
          "Apply Dockerfile instruction to the created image" },
        { "message", 'm', CLI_STR, offsetof(image_import_options, message), "string",
          "Set commit message for imported image" },
        { "platform", 0, CLI_STR, offsetof(image_import_options, platform), "string",
          "Set platform if server is multi-platform capable" },
        { 0 },
};

/* Where the archive comes from: our input, a file, or (left to the daemon) an address. */
static mn_status open_source(const char *source, int *ret_fd, mn_err *err) {
        *ret_fd = -1;
        if (strcmp(source, "-") == 0)
                *ret_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        else if (strstr(source, "://"))
                return MN_OK;
        else
                *ret_fd = open(source, O_RDONLY | O_CLOEXEC);
        if (*ret_fd < 0)
                return mn_fail(err, MN_INVALID, "open %s: %s", source, mn_strerror(-errno));
        return MN_OK;
}

static int run(cli *c, const void *parsed, char **args) {
        const image_import_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_close int file = -1;
        mn_reference reference;
        if (args[1] && mn_reference_parse(args[1], &reference, &err))
                return cli_fail(&err);
        if (open_source(args[0], &file, &err))
                return cli_fail(&err);
        mn_str_add(&target, "/images/create");
        client_add_query(&target, "fromSrc", file >= 0 ? "-" : args[0]);
        client_add_query(&target, "repo", args[1]);
        client_add_query(&target, "message", o->message);
        client_add_query(&target, "platform", o->platform);
        for (char **change = o->change; change && *change; change++)
                client_add_query(&target, "changes", *change);
        return transfer_upload(c, mn_str_text(&target), file);
}

const cli_command image_import_command = {
        .usage = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
        .summary = "Import the contents from a tarball to create a filesystem image",
        .aliases = "image import, import",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(image_import_options),
        .run = run,
};
