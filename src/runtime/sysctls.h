/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* linux.sysctl: only what belongs to a namespace of the container's own. */

#include "runtime/namespaces.h"

/* Checks names and values. MN_INVALID 'sysctl "x" is not in a separate kernel namespace'. */
mn_status sysctls_check(const oci_spec *spec, const namespace_plan *namespaces, mn_err *err) MN_MUST_USE;

/* Writes them below the procfs behind `proc_fd` (-1: a private one is mounted), from inside the namespaces.
 */
mn_status sysctls_apply(const oci_spec *spec, int proc_fd, mn_err *err) MN_MUST_USE;
