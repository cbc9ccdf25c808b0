/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --since and --until as the API takes them. */

#include "base/arena.h"
#include "base/err.h"

/* "10m", "2024-05-01" ... as "seconds.nanoseconds" in the arena; NULL for NULL or "". MN_INVALID "invalid
 * value for "since": ..." */
mn_status moment_query(mn_arena *arena, const char *name, const char *text, const char **ret,
                       mn_err *err) MN_MUST_USE;
