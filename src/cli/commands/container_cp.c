/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/copy.h"
#include "codec/size.h"

typedef struct container_cp_options {
        bool archive;
        bool follow_link;
        bool quiet;
} container_cp_options;

static const cli_option options[] = {
        { "archive", 'a', CLI_BOOL, offsetof(container_cp_options, archive), NULL,
          "Archive mode (copy all uid/gid information)" },
        { "follow-link", 'L', CLI_BOOL, offsetof(container_cp_options, follow_link), NULL,
          "Always follow symbol link in SRC_PATH" },
        { "quiet", 'q', CLI_BOOL, offsetof(container_cp_options, quiet), NULL,
          "Suppress progress output during copy. Progress output is automatically suppressed if no terminal "
          "is attached" },
        { 0 },
};

/* Splits "CONTAINER:PATH"; false for a path of this machine. */
static bool split(cli *c, const char *arg, const char **ret_container, const char **ret_path) {
        const char *colon = strchr(arg, ':');
        if (*arg == '/' || *arg == '.' || !colon || colon == arg)
                return false;
        *ret_container = mn_arena_strndup(c->arena, arg, (size_t) (colon - arg));
        *ret_path = colon[1] == '/' ? colon + 1 : mn_arena_printf(c->arena, "/%s", colon + 1);
        return true;
}

static const char *absolute(cli *c, const char *path) {
        char cwd[PATH_MAX];
        if (*path == '/' || strcmp(path, "-") == 0 || !getcwd(cwd, sizeof(cwd)))
                return path;
        return mn_arena_printf(c->arena, "%s/%s", cwd, path);
}

static int run(cli *c, const void *parsed, char **args) {
        const container_cp_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        char size[MN_SIZE_TEXT_SIZE];
        copy_spec spec = { .keeps_owner = o->archive, .follows_link = o->follow_link };
        const char *ignored;
        int64_t bytes = 0;
        if (!*args[0])
                return cli_failf("source can not be empty");
        if (!*args[1])
                return cli_failf("destination can not be empty");
        bool is_from = split(c, args[0], &spec.container, &spec.path);
        if (is_from && split(c, args[1], &ignored, &ignored))
                return cli_failf("copying between containers is not supported");
        if (!is_from && !split(c, args[1], &spec.container, &spec.path))
                return cli_failf("must specify at least one container source");
        spec.local = absolute(c, is_from ? args[1] : args[0]);
        if (is_from && strcmp(spec.local, "-") == 0 && isatty(STDOUT_FILENO))
                return cli_failf("refusing to copy to a terminal: redirect the output");
        if (is_from ? copy_from_container(c, &spec, &bytes, &err) : copy_to_container(c, &spec, &bytes, &err))
                return cli_fail(&err);
        if (!o->quiet && isatty(STDOUT_FILENO) && strcmp(spec.local, "-") != 0)
                fprintf(stderr, "Successfully copied %s to %s\n", mn_size_human((double) bytes, 3, size),
                        is_from ? spec.local : args[1]);
        return CLI_EXIT_OK;
}

const cli_command container_cp_command = {
        .usage = "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\t%s cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        .summary = "Copy files/folders between a container and the local filesystem",
        .details = "\nUse '-' as the source to read a tar archive from stdin\n"
                   "and extract it to a directory destination in a container.\n"
                   "Use '-' as the destination to stream a tar archive of a\n"
                   "container source to stdout.\n",
        .aliases = "container cp, cp",
        .min_args = 2,
        .max_args = 2,
        .options = options,
        .options_size = sizeof(container_cp_options),
        .completes = "containers",
        .run = run,
};
