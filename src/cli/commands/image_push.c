/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/platform.h"
#include "cli/progress.h"
#include "codec/reference.h"

typedef struct image_push_options {
        bool all_tags;
        bool disable_content_trust;
        const char *platform;
        bool quiet;
} image_push_options;

static const cli_option options[] = {
        { "all-tags", 'a', CLI_BOOL, offsetof(image_push_options, all_tags), NULL,
          "Push all tags of an image to the repository" },
        { "disable-content-trust", 0, CLI_BOOL, offsetof(image_push_options, disable_content_trust), NULL,
          "Skip image signing", "true", CLI_DEFAULT_ON, cli_check_content_trust },
        { "platform", 0, CLI_STR, offsetof(image_push_options, platform), "string",
          "Push a platform-specific manifest as a single-platform image to the registry.\nImage index won't "
          "be pushed, meaning that other manifests, including attestations won't be "
          "preserved.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)" },
        { "quiet", 'q', CLI_BOOL, offsetof(image_push_options, quiet), NULL, "Suppress verbose output" },
        { 0 },
};

/* Docker's note for an image that was pushed in place of its index. */
static void print_note(const mn_json *aux) {
        const mn_json *replaced = mn_json_get(aux, "manifestPushedInsteadOfIndex");
        if (replaced && replaced->boolean)
                printf("\nInfo: Not all multiplatform-content is present and only the available "
                       "single-platform "
                       "image was pushed\n%s -> %s\n",
                       cli_text(mn_json_get(aux, "originalIndex"), "digest"),
                       cli_text(mn_json_get(aux, "selectedManifest"), "digest"));
}

static int run(cli *c, const void *parsed, char **args) {
        const image_push_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL;
        mn_reference reference;
        char name[MN_REFERENCE_TEXT_SIZE];
        const char *header;
        client *peer;
        if (mn_reference_parse(args[0], &reference, &err))
                return cli_fail(&err);
        if (o->all_tags && (*reference.tag || *reference.digest))
                return cli_failf("tag can't be used with --all-tags/-a");
        if (!o->all_tags && !*reference.tag && !*reference.digest) {
                mn_reference_add_default_tag(&reference);
                if (!o->quiet)
                        printf("Using default tag: %s\n", reference.tag);
        }
        mn_str_add(&target, cli_target(c, "/images", mn_reference_name(&reference, name), "/push"));
        client_add_query(&target, "tag", *reference.tag ? reference.tag : NULL);
        client_add_query(&target, "platform", platform_json(c, o->platform));
        mn_status status = config_auth_header(c, args[0], &header, &err);
        if (!status)
                status = cli_client(c, &peer, &err);
        if (status)
                return cli_fail(&err);
        const client_request request = { .method = "POST", .target = mn_str_text(&target), .header = header };
        const mn_json *aux = NULL;
        status = client_stream_open(peer, &request, &stream, &err);
        if (!status)
                status = progress_show(c, stream, o->quiet ? -1 : STDOUT_FILENO, &aux, &err);
        if (status)
                return cli_fail(&err);
        print_note(aux);
        if (o->quiet)
                printf("%s\n", mn_reference_text(&reference, name));
        return CLI_EXIT_OK;
}

const cli_command image_push_command = {
        .usage = "[OPTIONS] NAME[:TAG]",
        .summary = "Upload an image to a registry",
        .aliases = "image push, push",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(image_push_options),
        .completes = "images",
        .run = run,
};
