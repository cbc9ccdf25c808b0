/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prune.h"

#include <stdio.h>
#include <string.h>

#include "cli/text.h"
#include "codec/size.h"

static void print_name(const char *prefix, const char *name) {
        cleanup_str mn_str safe = MN_STR_INIT(0);
        text_add_safe(&safe, name, strlen(name), false);
        printf("%s%s\n", prefix, mn_str_text(&safe));
}

/* Names, or the {"Untagged"} and {"Deleted"} rows of images. */
static void print_removed(const mn_json *list, const char *heading) {
        if (!list || !list->child)
                return;
        printf("%s\n", heading);
        for (const mn_json *item = list->child; item; item = item->next) {
                if (item->kind == MN_JSON_STRING)
                        print_name("", item->text);
                else if (*cli_text(item, "Untagged"))
                        print_name("untagged: ", cli_text(item, "Untagged"));
                else
                        print_name("deleted: ", cli_text(item, "Deleted"));
        }
        printf("\n");
}

mn_status prune_only(cli *c, const prune_spec *spec, double *space, mn_err *err) {
        const char *filters;
        const mn_json *answer;
        cleanup_str mn_str target = MN_STR_INIT(0);
        mn_status status = cli_filters_with(c, spec->filters, spec->filter_name, spec->filter_value, &filters,
                                            err);
        mn_str_add(&target, spec->target);
        if (!status) {
                client_add_query(&target, "filters", filters);
                status = cli_request(c, "POST", mn_str_text(&target), &answer, err);
        }
        if (status)
                return status;
        print_removed(mn_json_get(answer, spec->list), spec->heading);
        *space += cli_double(answer, "SpaceReclaimed");
        return MN_OK;
}

int prune_and_report(cli *c, const prune_spec *spec) {
        cleanup_err mn_err err = { 0 };
        double space = 0;
        char text[MN_SIZE_TEXT_SIZE];
        if (prune_only(c, spec, &space, &err))
                return cli_fail(&err);
        if (!spec->has_no_space)
                printf("%s: %s\n", spec->closing ? spec->closing : "Total reclaimed space",
                       mn_size_human(space, 4, text));
        return CLI_EXIT_OK;
}
