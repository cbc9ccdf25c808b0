/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The words of a Dockerfile instruction: quotes, escapes, variables, JSON arrays. */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

/* Value of a variable, or NULL when it is not set. */
typedef const char *(*change_lookup_fn)(void *arg, const char *name);

/* Splits at white space outside quotes; quotes and escapes stay in the words. NULL-terminated, in the arena.
 */
char **change_split(const char *text, mn_arena *arena);

/* Removes quotes and escapes and replaces $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word}. MN_INVALID when a
   quote or brace does not end. */
mn_status change_expand(const char *word, change_lookup_fn lookup, void *arg, mn_arena *arena, char **ret,
                        mn_err *err) MN_MUST_USE;

/* Reads a JSON array of strings; false when the text is none. */
bool change_json_array(const char *text, mn_arena *arena, char ***ret);

/* Reads "A=1 B='x y'" or, as of old, "A 1 2 3", into name, value, name, value ... (NULL-terminated),
 * expanded. */
mn_status change_pairs(const char *instruction, const char *text, change_lookup_fn lookup, void *arg,
                       mn_arena *arena, char ***ret, mn_err *err) MN_MUST_USE;
