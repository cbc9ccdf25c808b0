/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Capability sets as masks. */

#include <stdbool.h>
#include <stdint.h>

#include "oci/runtime_spec.h"

typedef struct capability_sets {
        uint64_t bounding, effective, inheritable, permitted, ambient;
} capability_sets;

/* Names to masks: unknown ones are an error, those this kernel lacks or our own bounding set does not have
   are left out (`*ret_dropped` gets them, for a warning); in a new user namespace all are there. NULL `caps`
   gives empty sets. */
mn_status capability_sets_parse(const oci_capabilities *caps, bool has_user_namespace, capability_sets *ret,
                                uint64_t *ret_dropped, mn_err *err) MN_MUST_USE;

/* Drops from the bounding set what is not in `keep`. Async-signal-safe; -errno. */
int capability_bound(uint64_t keep);

/* Sets effective, permitted and inheritable (not ambient). */
int capability_set(uint64_t effective, uint64_t permitted, uint64_t inheritable);

/* Raises the ambient set; what cannot be raised is left out. */
int capability_raise_ambient(uint64_t ambient);
