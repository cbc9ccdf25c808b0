/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Deleting containers. */

#include "runtime/container.h"

/* Deletes a stopped container, or (forced) kills it first. Everything of it goes: processes, cgroup, state;
   then the poststop hooks run. A container that does not exist is MN_NOT_FOUND, or nothing to do when forced.
 */
mn_status remove_container(runtime_context *rt, const char *id, bool is_forced, mn_err *err) MN_MUST_USE;
