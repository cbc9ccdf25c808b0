/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "codec/reference.h"

typedef struct container_commit_options {
        const char *author;
        char **change;
        const char *message;
        bool pause;
} container_commit_options;

static const cli_option options[] = {
        { "author", 'a', CLI_STR, offsetof(container_commit_options, author), "string",
          "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")" },
        { "change", 'c', CLI_LIST, offsetof(container_commit_options, change), "list",
          "Apply Dockerfile instruction to the created image" },
        { "message", 'm', CLI_STR, offsetof(container_commit_options, message), "string", "Commit message" },
        { "pause", 'p', CLI_BOOL, offsetof(container_commit_options, pause), NULL,
          "Pause container during commit", "true", CLI_DEFAULT_ON },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const container_commit_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        char name[MN_REFERENCE_TEXT_SIZE];
        mn_reference reference;
        const mn_json *answer;
        if (args[1] && mn_reference_parse(args[1], &reference, &err))
                return cli_fail(&err);
        mn_str_add(&target, "/commit");
        client_add_query(&target, "container", args[0]);
        if (args[1]) {
                if (*reference.digest)
                        return cli_failf("refusing to create a tag with a digest reference");
                mn_reference_add_default_tag(&reference);
                client_add_query(&target, "repo", mn_reference_familiar_name(&reference, name));
                client_add_query(&target, "tag", reference.tag);
        }
        client_add_query(&target, "comment", o->message);
        client_add_query(&target, "author", o->author);
        for (char **change = o->change; change && *change; change++)
                client_add_query(&target, "changes", *change);
        client_add_query(&target, "pause", o->pause ? NULL : "0");
        if (cli_request(c, "POST", mn_str_text(&target), &answer, &err))
                return cli_fail(&err);
        printf("%s\n", cli_text(answer, "Id"));
        return CLI_EXIT_OK;
}

const cli_command container_commit_command = {
        .usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
        .summary = "Create a new image from a container's changes",
        .aliases = "container commit, commit",
        .min_args = 1,
        .max_args = 2,
        .options = options,
        .options_size = sizeof(container_commit_options),
        .completes = "containers",
        .run = run,
};
