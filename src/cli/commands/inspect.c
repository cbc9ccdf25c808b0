/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/inspect.h"

typedef struct inspect_options {
        const char *format;
        bool size;
        const char *type;
} inspect_options;

static const cli_option options[] = {
        { "format", 'f', CLI_STR, offsetof(inspect_options, format), "string", CLI_HELP_INSPECT_FORMAT },
        { "size", 's', CLI_BOOL, offsetof(inspect_options, size), NULL,
          "Display total file sizes if the type is container" },
        { "type", 0, CLI_STR, offsetof(inspect_options, type), "string",
          "Only inspect objects of the given type" },
        { 0 },
};

static int run(cli *c, const void *parsed, char **args) {
        static const inspect_kind *const all[] = { &inspect_container, &inspect_image, &inspect_network,
                                                   &inspect_volume, NULL };
        const inspect_options *o = parsed;
        const char *query = o->size ? "?size=1" : "";
        if (!o->type)
                return inspect_run(c, all, query, o->format, args);
        for (size_t i = 0; all[i]; i++)
                if (strcmp(all[i]->word, o->type) == 0)
                        return inspect_run(c, (const inspect_kind *const[]){ all[i], NULL }, query, o->format,
                                           args);
        if (!*o->type)
                return cli_failf(
                        "type is empty: must be one of \"container\", \"image\", \"network\", \"volume\"");
        return cli_failf(
                "unknown type: \"%s\": must be one of \"container\", \"image\", \"network\", \"volume\"",
                o->type);
}

const cli_command inspect_command = {
        .usage = "[OPTIONS] NAME|ID [NAME|ID...]",
        .summary = "Return low-level information on Docker objects",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(inspect_options),
        .completes = "containers",
        .run = run,
};
