/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/format.h"

static const format_column columns[] = { { "Path", "PATH" }, { "Type", "CHANGE TYPE" }, { 0 } };
static const format_spec spec = { "*container.diffContext", columns, "{{.Type}} {{.Path}}",
                                  "{{.Type}} {{.Path}}" };

static int run(cli *c, const void *options, char **args) {
        (void) options;
        static const char *const kinds[] = { "C", "A", "D" };
        cleanup_err mn_err err = { 0 };
        const mn_json *answer;
        format_list *list;
        if (!*args[0])
                return cli_failf("Container name cannot be empty");
        mn_status status = cli_request(c, "GET", cli_target(c, "/containers", args[0], "/changes"), &answer,
                                       &err);
        if (!status)
                status = format_new(c->arena, &spec, NULL, true, &list, &err);
        if (status)
                return cli_fail(&err);
        for (const mn_json *change = answer ? answer->child : NULL; change; change = change->next) {
                int64_t kind = cli_number(change, "Kind");
                format_row(list, NULL);
                format_set(list, "Type", kind >= 0 && kind <= 2 ? kinds[kind] : "");
                format_set(list, "Path", cli_text(change, "Path"));
        }
        return format_print(list, &err) ? cli_fail(&err) : CLI_EXIT_OK;
}

const cli_command container_diff_command = {
        .usage = "CONTAINER",
        .summary = "Inspect changes to files or directories on a container's filesystem",
        .aliases = "container diff, diff",
        .min_args = 1,
        .max_args = 1,
        .completes = "containers",
        .run = run,
};
