/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The systemd cgroup driver (--systemd-cgroup): cgroups as transient scopes. */

#include "oci/runtime_spec.h"
#include "sys/cgroup.h"

/* Reads a cgroupsPath of the form "slice:prefix:name" (empty: "system.slice:minato:ID"). `*ret_path` is the
   cgroup below each hierarchy's mount, `*ret_unit` the scope; both owned by the caller. */
mn_status systemd_cgroup_path(const char *spec, const char *id, char **ret_path, char **ret_unit,
                              mn_err *err) MN_MUST_USE;

/* Asks systemd for the scope. Blocks until it has answered. */
mn_status systemd_cgroup_start(const char *unit, const oci_spec *spec, const mn_cgroup *cg,
                               mn_err *err) MN_MUST_USE;

/* Ends the scope; failures are of no consequence. */
void systemd_cgroup_stop(const char *unit);
