/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* linux.intelRdt: a group of the resctrl file system (cache and memory bandwidth of Intel, AMD and Arm). */

#include <stdbool.h>
#include <sys/types.h>

#include "oci/runtime_spec.h"

/* What can be told from the section alone; also whether this host has the file system. NULL is fine. */
mn_status resctrl_check(const oci_intel_rdt *rdt, mn_err *err) MN_MUST_USE;

/* Finds or makes the group of container `id` below `mount`, writes the schemata, makes the monitoring group,
   and puts `pid` into them. On failure nothing made is left. */
mn_status resctrl_apply(const char *mount, const oci_intel_rdt *rdt, const char *id, pid_t pid,
                        mn_err *err) MN_MUST_USE;

/* Removes what resctrl_apply made for the container: its own groups only. */
void resctrl_remove(const char *mount, const oci_intel_rdt *rdt, const char *id);

/* Where resctrl is mounted; the caller frees. NULL: nowhere. */
char *resctrl_mount(void);
