/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The systemd cgroup driver (--systemd-cgroup): the cgroup of a container is that of a transient scope, which
 * systemd is asked for over D-Bus (org.freedesktop.systemd1(5)). What systemd has a property for is told to
 * it, so that it does not write something else later; then the same values, and all others, are written to
 * the cgroup by resources.c. The scope is delegated to us.
 */

#include "oci/runtime_spec.h"
#include "sys/cgroup.h"

typedef struct systemd_unit {
        char *name;  /* "minato-ID.scope" */
        char *slice; /* "system.slice" */
        char *path;  /* of its cgroup below each hierarchy's mount: "/system.slice/minato-ID.scope" */
} systemd_unit;
void systemd_unit_release(systemd_unit *unit);

/* Reads a cgroupsPath of the form "slice:prefix:name" (empty: "system.slice:minato:ID"). */
mn_status systemd_unit_parse(const char *spec, const char *id, systemd_unit *ret, mn_err *err) MN_MUST_USE;

/* Asks systemd for the scope with the limits of `spec` and waits for it. systemd wants a process in it:
   `*ret_holder` is the pidfd of one that only waits, for systemd_holder_release when the container's own is
   there. Memory limits are known to systemd but not in force: the set-up shall not count against them. */
mn_status systemd_cgroup_start(const systemd_unit *unit, const char *id, const oci_spec *spec,
                               const mn_cgroup_host *host, int *ret_holder, mn_err *err) MN_MUST_USE;
void systemd_holder_release(int *holder);

/* Tells systemd other limits. */
mn_status systemd_cgroup_update(const char *unit, const oci_resources *res, const mn_cgroup_host *host,
                                mn_err *err) MN_MUST_USE;

/* Ends the scope, if it is still there, and waits for it; failures are of no consequence. */
void systemd_cgroup_stop(const char *unit);
