/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Command-line options as Go's flag package reads them (runc's callers rely on it): "--name value",
   "--name=value",
   "-name value"; the first argument that is no option ends them, as "--" does. */

#include <stddef.h>

#include "base/err.h"

typedef enum option_kind {
        OPTION_FLAG,   /* bool */
        OPTION_STRING, /* char *, borrowed from argv; the last one wins */
        OPTION_LIST,   /* char **, heap; every occurrence is added */
        OPTION_INT,    /* int */
} option_kind;

typedef struct option_row {
        const char *name;
        char letter; /* or 0 */
        option_kind kind;
        size_t offset;    /* in the struct that is filled */
        const char *help; /* one line; "VALUE  text" for options with a value */
} option_row;

/* Fills `ret` from argv[0..argc): number of arguments used, or MN_INVALID with "unknown flag: --x". */
mn_status options_parse(const option_row *rows, void *ret, int argc, char **argv, int *ret_used,
                        mn_err *err) MN_MUST_USE;

/* Prints the table. */
void options_help(const option_row *rows);
