/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Environments and labels from options and files. */

#include "base/arena.h"
#include "base/err.h"

/* `--env-file` files, then `--env` values; a name without '=' takes our own value, or is left out when we
 * have none.
 * `*ret` is NULL-terminated in the arena, NULL when empty. MN_INVALID names the file and line. */
mn_status envfile_collect(mn_arena *arena, char *const *files, char *const *values, char ***ret,
                          mn_err *err) MN_MUST_USE;

/* The same for labels: a name without '=' has an empty value. */
mn_status envfile_collect_labels(mn_arena *arena, char *const *files, char *const *values, char ***ret,
                                 mn_err *err) MN_MUST_USE;
