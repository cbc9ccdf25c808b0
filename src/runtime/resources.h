/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* linux.resources as files of a cgroup, for v1 and v2. */

#include "oci/runtime_spec.h"
#include "sys/cgroup.h"

/* The controllers a container with these resources (may be NULL) needs on this host; the rest is made when an
   update asks for it. */
unsigned resources_controllers(const mn_cgroup_host *host, const oci_resources *res);

/* Writes everything but what resources_apply_memory does. MN_INVALID and MN_NOT_IMPLEMENTED name the JSON
 * path.
 */
mn_status resources_apply(const mn_cgroup *cg, const oci_resources *res, mn_err *err) MN_MUST_USE;

/* v2: memory.max for writing, or -1 when no limit is wanted. The kernel asks where the file was opened: from
   inside a cgroup namespace, whose root cgroup it is, it is not writable where cgroup2 is mounted with
   "nsdelegate", as systemd does. */
int resources_open_memory_limit(const mn_cgroup *cg, const oci_resources *res);

/* Writes the memory limits: last, so that setting up the container does not count against a small one.
   `limit_fd` is from resources_open_memory_limit, or -1 when the caller is in the host's cgroup namespace. */
mn_status resources_apply_memory(const mn_cgroup *cg, const oci_resources *res, int limit_fd,
                                 mn_err *err) MN_MUST_USE;

/* Takes the memory limits away that systemd has set, until resources_apply_memory. */
void resources_lift_memory(const mn_cgroup *cg);

/* The device rules: the configuration's after "deny all", then those every container has. */
mn_status resources_apply_devices(const mn_cgroup *cg, const oci_resources *res, mn_err *err) MN_MUST_USE;

/* v1's shares (2 to 262144) and block weight (10 to 1000) as v2's weights (1 to 10000). */
int64_t resources_cpu_weight(uint64_t shares);
int64_t resources_io_weight(uint16_t weight);
