/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/text.h"

typedef struct system_check_options {
        bool quick;
        bool repair;
} system_check_options;

static const cli_option options[] = {
        { "quick", 'q', CLI_BOOL, offsetof(system_check_options, quick), NULL,
          "Look for what is missing or too much, do not read what is there" },
        { "repair", 0, CLI_BOOL, offsetof(system_check_options, repair), NULL,
          "Remove what nobody needs, make indexes anew, remove damaged contents so that a pull brings them "
          "again" },
        { 0 },
};

static void print_finding(const mn_json *finding) {
        cleanup_str mn_str line = MN_STR_INIT(0);
        const char *action = cli_text(finding, "Action");
        mn_str_printf(&line, "%s: %s", cli_text(finding, "Object"), cli_text(finding, "Problem"));
        if (*action)
                mn_str_printf(&line, " (%s)", action);
        cleanup_str mn_str safe = MN_STR_INIT(0);
        text_add_safe(&safe, mn_str_text(&line), line.len, false);
        puts(mn_str_text(&safe));
}

/* Fails while there is something nothing was done about, as a check in a script should. */
static int run(cli *c, const void *parsed, char **args) {
        (void) args;
        const system_check_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str target = MN_STR_INIT(0);
        const mn_json *answer;
        size_t total = 0, open = 0;
        mn_str_add(&target, "/system/check");
        client_add_query(&target, "data", o->quick ? "0" : "1");
        client_add_query(&target, "repair", o->repair ? "1" : "0");
        if (cli_request(c, "POST", mn_str_text(&target), &answer, &err))
                return cli_fail(&err);
        const mn_json *list = mn_json_get(answer, "Findings");
        for (const mn_json *finding = list ? list->child : NULL; finding; finding = finding->next) {
                print_finding(finding);
                total++;
                open += !*cli_text(finding, "Action");
        }
        if (total)
                fprintf(stderr, "%zu problems, %zu of them left\n", total, open);
        return open ? 1 : CLI_EXIT_OK;
}

const cli_command system_check_command = {
        .usage = "[OPTIONS]",
        .summary = "Check what the images have on the disk",
        .min_args = 0,
        .max_args = 0,
        .options = options,
        .options_size = sizeof(system_check_options),
        .run = run,
};
