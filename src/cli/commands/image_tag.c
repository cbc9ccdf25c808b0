/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "codec/reference.h"

static int run(cli *c, const void *options, char **args) {
        (void) options;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        mn_reference reference;
        char name[MN_REFERENCE_TEXT_SIZE];
        mn_status status = mn_reference_parse(args[1], &reference, &err);
        if (status) {
                mn_err_prefix(&err, status, "Error parsing reference: \"%s\" is not a valid repository/tag",
                              args[1]);
                return cli_fail(&err);
        }
        if (*reference.digest)
                return cli_failf("refusing to create a tag with a digest reference");
        mn_reference_add_default_tag(&reference);
        mn_str_add(&target, cli_target(c, "/images", args[0], "/tag"));
        client_add_query(&target, "repo", mn_reference_name(&reference, name));
        client_add_query(&target, "tag", reference.tag);
        return cli_request(c, "POST", mn_str_text(&target), NULL, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command image_tag_command = {
        .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
        .summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
        .aliases = "image tag, tag",
        .min_args = 2,
        .max_args = 2,
        .completes = "images",
        .run = run,
};
