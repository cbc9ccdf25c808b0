/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A hash map from strings to pointers; iteration goes in insertion order. Not thread-safe. */

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

typedef struct mn_map mn_map;

/* `free_value` is called for values that are replaced or removed and at the end; NULL when values are
 * borrowed. */
mn_map *mn_map_new(void (*free_value)(void *)) __attribute__((returns_nonnull));
void mn_map_free(mn_map *m);

/* Sets `key` (copied) to `value`, replacing an older one. */
void mn_map_set(mn_map *m, const char *key, void *value);

/* The value, or NULL. */
void *mn_map_get(const mn_map *m, const char *key);
bool mn_map_has(const mn_map *m, const char *key);

/* Removes the key and frees its value; false when it was not there. */
bool mn_map_remove(mn_map *m, const char *key);

/* Removes the key and hands its value over (NULL when it was not there). */
void *mn_map_take(mn_map *m, const char *key);

size_t mn_map_len(const mn_map *m);

/* Iterates: start with `*pos = 0`; false at the end. Removing the current key while iterating is allowed. */
bool mn_map_next(const mn_map *m, size_t *pos, const char **ret_key, void **ret_value);

void mn_map_freep(mn_map **m);
#define cleanup_map MN_CLEANUP(mn_map_freep)
