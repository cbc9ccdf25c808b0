/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Processor, I/O and memory placement of a process: scheduler, ioPriority, execCPUAffinity, memoryPolicy,
 * personality. */

#include "oci/runtime_spec.h"

/* Checks the sections; MN_INVALID names the JSON path. `linux_` may be NULL. */
mn_status scheduling_check(const oci_process *process, const oci_linux *linux_, mn_err *err) MN_MUST_USE;

/* Applies scheduler, ioPriority and the memory policy (may be NULL) to this process. */
mn_status scheduling_apply(const oci_process *process, const oci_memory_policy *policy,
                           mn_err *err) MN_MUST_USE;

/* Sets the processors of this process from a list as "0-3,7". NULL or "": unchanged. */
mn_status scheduling_set_affinity(const char *list, const char *field, mn_err *err) MN_MUST_USE;

/* The value for personality(2). */
unsigned long scheduling_personality(const oci_personality *personality);
