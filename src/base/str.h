/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A bounded string builder. The maximum is given at creation; an append that would pass it makes the builder
 * fail, and it stays failed: check once, at the end. Bytes, not characters; may hold NULs.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

typedef struct mn_str {
        char *data; /* NUL-terminated once anything was appended; NULL before */
        size_t len; /* bytes without the terminating NUL */
        size_t cap;
        size_t max; /* most bytes it may hold; 0 means MN_STR_DEFAULT_MAX */
        bool has_failed;
} mn_str;

#define MN_STR_DEFAULT_MAX ((size_t) 64 << 20)
#define MN_STR_INIT(max_bytes)                                                                               \
        (mn_str) {                                                                                           \
                .max = (max_bytes)                                                                           \
        }

void mn_str_release(mn_str *s);
#define cleanup_str MN_CLEANUP(mn_str_release)

void mn_str_add(mn_str *s, const char *text);
void mn_str_add_len(mn_str *s, const void *bytes, size_t len);
void mn_str_add_char(mn_str *s, char c);
void mn_str_printf(mn_str *s, const char *fmt, ...) MN_PRINTF(2, 3);
void mn_str_vprintf(mn_str *s, const char *fmt, va_list ap) MN_PRINTF(2, 0);

/* Makes room for `len` more bytes and returns where they go, or NULL when that passes the maximum. */
char *mn_str_reserve(mn_str *s, size_t len);

/* Shortens to `len` bytes (no effect when it is shorter already). */
void mn_str_truncate(mn_str *s, size_t len);

/* The text, "" when empty; borrowed. */
const char *mn_str_text(const mn_str *s);

/* Hands the text over (never NULL unless the builder failed); the builder is empty afterwards. The caller
 * frees. */
char *mn_str_take(mn_str *s) MN_MUST_USE;

/* 0, or -EMSGSIZE when an append did not fit. */
int mn_str_error(const mn_str *s);

/* ---- small helpers on C strings ---- */

/* Copies `from` into `to` of `size` bytes, cut when it does not fit, NUL-terminated; returns `to`. */
char *mn_str_copy(char *to, size_t size, const char *from);

bool mn_str_equal(const char *a, const char *b); /* NULL equals only NULL */
bool mn_str_has_prefix(const char *s, const char *prefix);
bool mn_str_has_suffix(const char *s, const char *suffix);
bool mn_str_is_empty(const char *s); /* NULL or "" */
