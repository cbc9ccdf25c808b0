/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where our other programs are: beside this one, in the tree of the build, or in <prefix>/libexec/minato. */

#include "base/arena.h"

/* The absolute path of "minato-shim" and the like, in `arena`. One that is nowhere is given as if it were
 * beside this program, so that the error names a path. */
char *program_path(mn_arena *arena, const char *name);
