/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Text for terminals. */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* Appends `text` with control characters (C0, C1, DEL), direction overrides and broken UTF-8 written as
 * "\x1b",
 * "\u202e"; line breaks stay when `keeps_lines`. */
void text_add_safe(mn_str *out, const char *text, size_t len, bool keeps_lines);

/* Width in characters of UTF-8 text. */
size_t text_width(const char *text, size_t len);

/* At most `max` characters, the last one "…" when something was cut (Docker's Ellipsis). In the arena. */
const char *text_ellipsis(mn_arena *arena, const char *text, size_t max);

/* Natural order, as Docker lists names: digits compare as numbers ("n2" before "n10"), everything else by its
 * bytes. */
int text_compare(const char *a, const char *b);

/* Columns of the terminal on `fd`, or 0. */
unsigned text_columns(int fd);

/* Appends JSON text indented by `indent`, strings and numbers untouched, as Go's json.Indent. */
void text_add_indented_json(mn_str *out, const char *json, size_t len, const char *prefix,
                            const char *indent);
