/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/pairs.h"
#include "wire/volume.h"

typedef struct volume_create_options {
        const char *availability;
        const char *driver;
        const char *group;
        char **label;
        int64_t *limit_bytes;
        char **opt;
        int64_t *required_bytes;
        const char *scope;
        char **secret;
        const char *sharing;
        char **topology_preferred;
        char **topology_required;
        const char *type;
} volume_create_options;

static const cli_option options[] = {
        { "availability", 0, CLI_STR, offsetof(volume_create_options, availability), "string",
          "Cluster Volume availability (\"active\", \"pause\", \"drain\")", "\"active\"" },
        { "driver", 'd', CLI_STR, offsetof(volume_create_options, driver), "string",
          "Specify volume driver name", "\"local\"" },
        { "group", 0, CLI_STR, offsetof(volume_create_options, group), "string",
          "Cluster Volume group (cluster volumes)" },
        { "label", 0, CLI_LIST, offsetof(volume_create_options, label), "list", "Set metadata for a volume" },
        { "limit-bytes", 0, CLI_BYTES, offsetof(volume_create_options, limit_bytes), "bytes",
          "Minimum size of the Cluster Volume in bytes" },
        { "opt", 'o', CLI_MAP, offsetof(volume_create_options, opt), "map", "Set driver specific options",
          "map[]" },
        { "required-bytes", 0, CLI_BYTES, offsetof(volume_create_options, required_bytes), "bytes",
          "Maximum size of the Cluster Volume in bytes" },
        { "scope", 0, CLI_STR, offsetof(volume_create_options, scope), "string",
          "Cluster Volume access scope (\"single\", \"multi\")", "\"single\"" },
        { "secret", 0, CLI_MAP, offsetof(volume_create_options, secret), "map", "Cluster Volume secrets",
          "map[]" },
        { "sharing", 0, CLI_STR, offsetof(volume_create_options, sharing), "string",
          "Cluster Volume access sharing (\"none\", \"readonly\", \"onewriter\", \"all\")", "\"none\"" },
        { "topology-preferred", 0, CLI_LIST, offsetof(volume_create_options, topology_preferred), "list",
          "A topology that the Cluster Volume would be preferred in" },
        { "topology-required", 0, CLI_LIST, offsetof(volume_create_options, topology_required), "list",
          "A topology that the Cluster Volume must be accessible from" },
        { "type", 0, CLI_STR, offsetof(volume_create_options, type), "string",
          "Cluster Volume access type (\"mount\", \"block\")", "\"block\"" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        const volume_create_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        const mn_json *answer;
        wire_volume_create request = { .name = args[0],
                                       .driver = (char *) (o->driver ? o->driver : "local") };
        if (o->availability || o->group || o->limit_bytes || o->required_bytes || o->scope || o->secret ||
            o->sharing || o->topology_preferred || o->topology_required || o->type)
                return cli_failf("cluster volumes are not supported");
        pairs_add(c->arena, &request.driver_opts, o->opt);
        pairs_add(c->arena, &request.labels, o->label);
        if (cli_request_object(c, "POST", "/volumes/create", &wire_volume_create_type, &request, &answer,
                               &err))
                return cli_fail(&err);
        printf("%s\n", cli_text(answer, "Name"));
        return CLI_EXIT_OK;
}

const cli_command volume_create_command = {
        .usage = "[OPTIONS] [VOLUME]",
        .summary = "Create a volume",
        .min_args = 0,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(volume_create_options),
        .run = run,
};
