/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* -v, --mount and --tmpfs of run and create. */

#include "cli/create.h"

/* Fills volumes, binds, mounts and tmpfs of the request. */
mn_status create_storage(mn_arena *arena, const create_options *o, wire_container_create *body,
                         mn_err *err) MN_MUST_USE;
