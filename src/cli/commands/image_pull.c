/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/pull.h"
#include "codec/reference.h"

typedef struct image_pull_options {
        bool all_tags;
        bool disable_content_trust;
        const char *platform;
        bool quiet;
        bool verify;
} image_pull_options;

static const cli_option options[] = {
        { "all-tags", 'a', CLI_BOOL, offsetof(image_pull_options, all_tags), NULL,
          "Download all tagged images in the repository" },
        { "disable-content-trust", 0, CLI_BOOL, offsetof(image_pull_options, disable_content_trust), NULL,
          "Skip image verification", "true", CLI_DEFAULT_ON, cli_check_content_trust },
        { "platform", 0, CLI_STR, offsetof(image_pull_options, platform), "string",
          "Set platform if server is multi-platform capable" },
        { "quiet", 'q', CLI_BOOL, offsetof(image_pull_options, quiet), NULL, "Suppress verbose output" },
        { "verify", 0, CLI_BOOL, offsetof(image_pull_options, verify), NULL,
          "Refuse an image that no key of the daemon's policy has signed" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const image_pull_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        mn_reference reference;
        char name[MN_REFERENCE_TEXT_SIZE];
        if (mn_reference_parse(args[0], &reference, &err))
                return cli_fail(&err);
        bool is_bare = !*reference.tag && !*reference.digest;
        if (o->all_tags && !is_bare)
                return cli_failf("tag can't be used with --all-tags/-a");
        if (is_bare && !o->all_tags) {
                mn_reference_add_default_tag(&reference);
                if (!o->quiet)
                        printf("Using default tag: %s\n", reference.tag);
        }
        const pull_spec spec = { .image = args[0],
                                 .platform = o->platform,
                                 .has_all_tags = o->all_tags,
                                 .is_verified = o->verify,
                                 .fd = o->quiet ? -1 : STDOUT_FILENO };
        if (pull_image(c, &spec, &err))
                return cli_fail(&err);
        printf("%s\n", mn_reference_text(&reference, name));
        return CLI_EXIT_OK;
}

const cli_command image_pull_command = {
        .usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
        .summary = "Download an image from a registry",
        .aliases = "image pull, pull",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(image_pull_options),
        .run = run,
};
