/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

static void add_row(const mn_json *list, mn_str *out) {
        for (const mn_json *cell = list ? list->child : NULL; cell; cell = cell->next) {
                text_add_safe(out, cell->text ? cell->text : "", cell->text ? cell->len : 0, false);
                if (cell->next)
                        mn_str_add_char(out, '\t');
        }
        mn_str_add_char(out, '\n');
}

static int run(cli *c, const void *options, char **args) {
        (void) options;
        cleanup_err mn_err err = { 0 };
        const mn_json *answer;
        cleanup_str mn_str target = MN_STR_INIT(0), rows = MN_STR_INIT(0), out = MN_STR_INIT(0);
        mn_str_add(&target, cli_target(c, "/containers", args[0], "/top"));
        if (args[1]) {
                cleanup_free char *ps_args = mn_strv_join(args + 1, " ");
                client_add_query(&target, "ps_args", ps_args);
        }
        if (cli_request(c, "GET", mn_str_text(&target), &answer, &err))
                return cli_fail(&err);
        const mn_json *processes = mn_json_get(answer, "Processes");
        add_row(mn_json_get(answer, "Titles"), &rows);
        for (const mn_json *row = processes ? processes->child : NULL; row; row = row->next)
                add_row(row, &rows);
        table_align(mn_str_text(&rows), 20, 3, &out);
        fputs(mn_str_text(&out), stdout);
        return CLI_EXIT_OK;
}

const cli_command container_top_command = {
        .usage = "CONTAINER [ps OPTIONS]",
        .summary = "Display the running processes of a container",
        .aliases = "container top, top",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .completes = "running",
        .stops_at_argument = true,
        .run = run,
};
