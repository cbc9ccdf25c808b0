/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Capability sets as masks. */

#include <stdbool.h>
#include <stdint.h>

#include "oci/runtime_spec.h"
#include "runtime/context.h"

typedef struct capability_sets {
        uint64_t bounding, effective, inheritable, permitted, ambient;
} capability_sets;

/* Names to masks. Unknown ones and those we do not have ourselves are left out with a warning; in a new user
   namespace all are there. NULL `caps` gives empty sets. */
void capability_sets_parse(const oci_capabilities *caps, bool has_user_namespace, const runtime_context *rt,
                           capability_sets *ret);

/* Drops from the bounding set what is not in `keep`. Async-signal-safe; -errno. */
int capability_bound(uint64_t keep);

/* Sets effective, permitted and inheritable (not ambient). */
int capability_set(uint64_t effective, uint64_t permitted, uint64_t inheritable);

/* Raises the ambient set; what cannot be raised is left out. */
int capability_raise_ambient(uint64_t ambient);
