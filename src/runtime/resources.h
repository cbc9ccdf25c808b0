/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* linux.resources as files of a cgroup, for v1 and v2. */

#include "oci/runtime_spec.h"
#include "sys/cgroup.h"

/* The controllers a container with these resources (may be NULL) needs on this host; the rest is made when an
   update asks for it. */
unsigned resources_controllers(const mn_cgroup_host *host, const oci_resources *res);

/* Writes everything but memory limits. MN_INVALID and MN_NOT_IMPLEMENTED name the JSON path. */
mn_status resources_apply(const mn_cgroup *cg, const oci_resources *res, mn_err *err) MN_MUST_USE;

/* Writes the memory limits: last, so that setting up the container does not count against a small one. */
mn_status resources_apply_memory(const mn_cgroup *cg, const oci_resources *res, mn_err *err) MN_MUST_USE;

/* The device rules: the configuration's after "deny all", then those every container has. */
mn_status resources_apply_devices(const mn_cgroup *cg, const oci_resources *res, mn_err *err) MN_MUST_USE;
