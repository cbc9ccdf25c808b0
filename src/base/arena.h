/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An arena: many small allocations freed together. Decoded documents (JSON into structs) live in one, so a
 * document and all its strings have one owner and one free. Not thread-safe.
 */

#include <stdarg.h>
#include <stddef.h>

#include "base/macro.h"

typedef struct mn_arena mn_arena;

/* A new empty arena. */
mn_arena *mn_arena_new(void) __attribute__((returns_nonnull));

/* The same with a first chunk of so many bytes, for who knows that it will be filled. */
mn_arena *mn_arena_new_of(size_t first_chunk) __attribute__((returns_nonnull));

/* Frees the arena and everything in it; NULL is accepted. */
void mn_arena_free(mn_arena *a);

/* `size` zeroed bytes aligned for any type, owned by the arena. */
void *mn_arena_alloc(mn_arena *a, size_t size) __attribute__((returns_nonnull));

/* `count * size` zeroed bytes, ending the program when the product overflows. */
void *mn_arena_array(mn_arena *a, size_t count, size_t size) __attribute__((returns_nonnull));

/* Copies owned by the arena; mn_arena_strdup gives NULL for NULL. */
char *mn_arena_strdup(mn_arena *a, const char *s);
char *mn_arena_strndup(mn_arena *a, const char *s, size_t len) __attribute__((returns_nonnull));
char *mn_arena_printf(mn_arena *a, const char *fmt, ...) MN_PRINTF(2, 3) __attribute__((returns_nonnull));

/* Bytes handed out so far. */
size_t mn_arena_used(const mn_arena *a);

void mn_arena_freep(mn_arena **a);
#define cleanup_arena MN_CLEANUP(mn_arena_freep)
