/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* -p, --expose and --network of run and create. */

#include "cli/create.h"

/* Fills ports and networks of the request. */
mn_status create_network(mn_arena *arena, const create_options *o, wire_container_create *body,
                         mn_err *err) MN_MUST_USE;
