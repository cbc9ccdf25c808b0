/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the prune commands share. */

#include "cli/cli.h"

typedef struct prune_spec {
        const char *target;                     /* "/containers/prune" */
        const char *list;                       /* member of the answer that names what was removed */
        const char *heading;                    /* "Deleted Containers:" */
        char **filters;                         /* of --filter */
        const char *filter_name, *filter_value; /* one more filter; NULL: none */
        const char *closing;                    /* NULL: "Total reclaimed space" */
        bool has_no_space;                      /* networks: no space to report */
} prune_spec;

/* Prunes and prints what was removed and, unless `has_no_space`, how much space that freed. Exit code. */
int prune_and_report(cli *c, const prune_spec *spec);

/* The same without the closing line; the freed bytes are added to `*space` (system prune). */
mn_status prune_only(cli *c, const prune_spec *spec, double *space, mn_err *err) MN_MUST_USE;
