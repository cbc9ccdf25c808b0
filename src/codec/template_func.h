/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The functions of templates, for the files that hold them. */

#include "codec/template_tree.h"

typedef struct tmpl_named_function {
        const char *name; /* NULL: the end of the table */
        tmpl_function function;
} tmpl_named_function;

extern const tmpl_named_function tmpl_comparisons[];      /* eq, lt ... */
extern const tmpl_named_function tmpl_docker_functions[]; /* json, join ... */

/* MN_INVALID "wrong number of args: want 2 got 1". */
mn_status tmpl_wrong_count(mn_err *err, const char *want, size_t got);

/* The text or the number of an argument. MN_INVALID for another type. */
mn_status tmpl_string_arg(const tmpl_value *v, const char **ret, mn_err *err) MN_MUST_USE;
mn_status tmpl_int_arg(const tmpl_value *v, int64_t *ret, mn_err *err) MN_MUST_USE;

/* The text as a value, in the arena. */
tmpl_value tmpl_printed(mn_arena *arena, mn_str *text);
