/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* NULL-terminated arrays of strings (argv, environments). NULL is an empty one. */

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

size_t mn_strv_len(char *const *v);
bool mn_strv_has(char *const *v, const char *s);

/* Appends a copy of `s` to the heap-allocated array `*v`. */
void mn_strv_add(char ***v, const char *s);

/* Deep copy on the heap; NULL for NULL. */
char **mn_strv_copy(char *const *v);

/* Splits `s` at every `sep`; heap-allocated, at least one element. */
char **mn_strv_split(const char *s, char sep);

/* Joins with `sep`; heap-allocated. */
char *mn_strv_join(char *const *v, const char *sep);

void mn_strv_free(char **v);
void mn_strv_freep(char ***v);
#define cleanup_strv MN_CLEANUP(mn_strv_freep)
