/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory. Small allocations never return NULL: when the system has no memory left the program ends at once
 * with a message. Every program here is built to die at any instant without losing what it acknowledged, so
 * ending is the one failure path that is always tested. Sizes a client can choose are bounded before they get
 * here.
 */

#include <stdarg.h>
#include <stddef.h>

#include "base/macro.h"

/* Allocates `size` zeroed bytes; the caller frees. Never NULL. */
void *mn_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/* Allocates `count * size` zeroed bytes, ending the program when the product overflows. */
void *mn_alloc_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* As malloc(), never NULL: not zeroed, so that a big buffer costs the pages that are used. */
void *mn_alloc_unset(size_t size) __attribute__((malloc, returns_nonnull));

/* As realloc(), never NULL; grown bytes are not zeroed. */
void *mn_realloc(void *p, size_t size) __attribute__((returns_nonnull));

/* Copy of `s`, NULL for NULL; the caller frees. */
char *mn_strdup(const char *s);

/* Copy of the first `len` bytes of `s`, NUL-terminated; the caller frees. */
char *mn_strndup(const char *s, size_t len) __attribute__((returns_nonnull));

/* Formatted string; the caller frees. */
char *mn_asprintf(const char *fmt, ...) MN_PRINTF(1, 2) __attribute__((returns_nonnull));
char *mn_vasprintf(const char *fmt, va_list ap) MN_PRINTF(1, 0) __attribute__((returns_nonnull));

/* For cleanup_free: frees what the variable points to; keeps errno. */
void mn_freep(void *pp);

#define cleanup_free MN_CLEANUP(mn_freep)
