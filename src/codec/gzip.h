/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A gzip writer: fast, and the same bytes for the same input always (no time, no name in the header). */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/macro.h"

typedef struct mn_gzip mn_gzip;

mn_gzip *mn_gzip_new(void) __attribute__((returns_nonnull));
void mn_gzip_free(mn_gzip *z);
void mn_gzip_freep(mn_gzip **z);
#define cleanup_gzip MN_CLEANUP(mn_gzip_freep)

/* Gives the next input, which stays the caller's and must live until all of it is taken. Only after
   mn_gzip_wants_input() said true. `is_last`: nothing follows; `len` may then be 0. */
void mn_gzip_put(mn_gzip *z, const void *in, size_t len, bool is_last);
bool mn_gzip_wants_input(const mn_gzip *z);

/* Writes up to `size` compressed bytes to `out`: how many, 0 when more input is wanted or, after the last, at
   the end; -EIO when the compressor fails. */
ssize_t mn_gzip_take(mn_gzip *z, void *out, size_t size);
