/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pairs.h"

#include <string.h>

void pairs_add(mn_arena *arena, mn_str_map *map, char *const *list) {
        for (; list && *list; list++) {
                const char *equals = strchr(*list, '=');
                const char *key = mn_arena_strndup(arena, *list,
                                                   equals ? (size_t) (equals - *list) : strlen(*list));
                mn_str_map_set(map, arena, key, equals ? equals + 1 : "");
        }
}
