/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_CHUNK = 1024, LARGEST_CHUNK = 64 * 1024, ALIGNMENT = 16 };

struct chunk {
        struct chunk *next;
        size_t size; /* of data */
        size_t used;
        _Alignas(16) char data[];
};

struct mn_arena {
        struct chunk *chunks; /* the newest first */
        size_t used;
        size_t first_chunk;
};

mn_arena *mn_arena_new(void) {
        return mn_arena_new_of(FIRST_CHUNK);
}

mn_arena *mn_arena_new_of(size_t first_chunk) {
        mn_arena *a = mn_alloc(sizeof(*a));
        a->first_chunk = first_chunk;
        return a;
}

void mn_arena_free(mn_arena *a) {
        if (!a)
                return;
        for (struct chunk *c = a->chunks, *next; c; c = next) {
                next = c->next;
                free(c);
        }
        free(a);
}

void mn_arena_freep(mn_arena **a) {
        mn_arena_free(*a);
        *a = NULL;
}

static struct chunk *add_chunk(mn_arena *a, size_t at_least) {
        size_t size = a->chunks ? a->chunks->size * 2 : a->first_chunk;
        if (a->chunks && size > LARGEST_CHUNK)
                size = LARGEST_CHUNK;
        if (size < at_least)
                size = at_least;
        struct chunk *c = mn_alloc(sizeof(*c) + size);
        c->size = size;
        c->next = a->chunks;
        a->chunks = c;
        return c;
}

void *mn_arena_alloc(mn_arena *a, size_t size) {
        size_t rounded = (size + ALIGNMENT - 1) & ~(size_t) (ALIGNMENT - 1);
        if (rounded < size || rounded > PTRDIFF_MAX / 2)
                return mn_alloc_array(SIZE_MAX, 2); /* ends the program */
        struct chunk *c = a->chunks;
        if (!c || c->size - c->used < rounded)
                c = add_chunk(a, rounded);
        void *p = c->data + c->used;
        c->used += rounded;
        a->used += rounded;
        return p;
}

void *mn_arena_array(mn_arena *a, size_t count, size_t size) {
        size_t total;
        if (__builtin_mul_overflow(count, size, &total))
                total = SIZE_MAX;
        return mn_arena_alloc(a, total);
}

char *mn_arena_strndup(mn_arena *a, const char *s, size_t len) {
        char *copy = mn_arena_alloc(a, len + 1);
        memcpy(copy, s, len);
        copy[len] = '\0';
        return copy;
}

char *mn_arena_strdup(mn_arena *a, const char *s) {
        return s ? mn_arena_strndup(a, s, strlen(s)) : NULL;
}

char *mn_arena_printf(mn_arena *a, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        cleanup_free char *text = mn_vasprintf(fmt, ap);
        va_end(ap);
        return mn_arena_strdup(a, text);
}

size_t mn_arena_used(const mn_arena *a) {
        return a->used;
}
