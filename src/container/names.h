/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of containers. */

#include <stdbool.h>

#include "base/arena.h"

/* "[a-zA-Z0-9][a-zA-Z0-9_.-]+": at least two characters. */
bool container_name_is_valid(const char *name);

/* Makes up "adjective_surname"; with `attempt` > 0 a digit follows. */
char *container_name_generate(mn_arena *arena, unsigned attempt);
