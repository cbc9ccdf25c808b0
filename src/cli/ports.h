/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Published ports as `ps` shows them. */

#include "base/arena.h"
#include "codec/json.h"

/* "0.0.0.0:8000-8001->80-81/tcp, [::]:8000->80/tcp, 443/tcp" from the `Ports` of a list item, in the arena;
 * runs of ports are grouped. */
const char *ports_display(mn_arena *arena, const mn_json *ports);
