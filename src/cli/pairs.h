/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* "key=value" options as maps. */

#include "base/arena.h"
#include "codec/json.h"

/* Adds every value of the NULL-terminated list (may be NULL); one without '=' has an empty value. */
void pairs_add(mn_arena *arena, mn_str_map *map, char *const *list);

/* Takes the next field of a line of comma-separated values, quotes as CSV has them; `*s` moves behind it. In
 * the arena. */
const char *pairs_next_field(mn_arena *arena, const char **s);
