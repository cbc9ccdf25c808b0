/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pairs.h"

#include <string.h>

#include "base/str.h"

void pairs_add(mn_arena *arena, mn_str_map *map, char *const *list) {
        for (; list && *list; list++) {
                const char *equals = strchr(*list, '=');
                const char *key = mn_arena_strndup(arena, *list,
                                                   equals ? (size_t) (equals - *list) : strlen(*list));
                mn_str_map_set(map, arena, key, equals ? equals + 1 : "");
        }
}

const char *pairs_next_field(mn_arena *arena, const char **s) {
        cleanup_str mn_str field = MN_STR_INIT(0);
        bool is_quoted = **s == '"';
        *s += is_quoted;
        for (; **s; (*s)++) {
                if (is_quoted && (*s)[0] == '"' && (*s)[1] == '"')
                        (*s)++;
                else if (is_quoted && **s == '"') {
                        is_quoted = false;
                        continue;
                } else if (!is_quoted && **s == ',')
                        break;
                mn_str_add_char(&field, **s);
        }
        return mn_arena_strdup(arena, mn_str_text(&field));
}
