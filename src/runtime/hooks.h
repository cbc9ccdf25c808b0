/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Hooks: programs of the host's administrator, with the container's state on standard input. */

#include "oci/runtime_spec.h"
#include "runtime/context.h"

/* Paths and timeouts of every kind; NULL is fine. */
mn_status hooks_check(const oci_hooks *hooks, mn_err *err) MN_MUST_USE;

/* Whether `start` has to wait for the execution of the program; NULL is fine. */
bool hooks_are_awaited(const oci_hooks *hooks);

/* Runs them in order; `kind` is the name in config.json. A hook that fails, or does not end in its time, ends
   the list: MN_INTERNAL names it. */
mn_status hooks_run(const oci_hook_list *hooks, const char *kind, const oci_state *state,
                    mn_err *err) MN_MUST_USE;

/* Runs all of them; one that fails is a warning. */
void hooks_run_all(const oci_hook_list *hooks, const char *kind, const oci_state *state, runtime_context *rt);
