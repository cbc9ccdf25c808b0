/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* User namespaces and their mappings, idmapped mounts, time namespaces. */

#include <sys/types.h>

#include "runtime/namespaces.h"

/* Checks linux.uidMappings/gidMappings and those of the mounts, and linux.timeOffsets. MN_INVALID names the
 * path. */
mn_status idmap_check(const oci_spec *spec, const namespace_plan *namespaces, mn_err *err) MN_MUST_USE;

/* Writes the mappings of a process that was born in a new user namespace. */
mn_status idmap_write(const oci_spec *spec, pid_t pid, mn_err *err) MN_MUST_USE;

/* Detached copies of the bind sources that the child could not make: all of them in a new user namespace, and
   those that are idmapped. `*ret` (in the arena) has a descriptor or -1 per mount; NULL when there is none.
 */
mn_status idmap_prepare_mounts(const oci_spec *spec, const namespace_plan *namespaces, int bundle_fd,
                               mn_arena *arena, int **ret, mn_err *err) MN_MUST_USE;

/* Makes a time namespace for the children of this process, with linux.timeOffsets. */
mn_status idmap_new_time_namespace(const oci_spec *spec, mn_err *err) MN_MUST_USE;
