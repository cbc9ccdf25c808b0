/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The steps of a create request that look at nothing but documents. */

#include "container/record.h"
#include "oci/image_spec.h"

/* Completes the request's Config with the image's, by Docker's rules. */
void container_merge_config(wire_container_config *config, const oci_image_config *image, mn_arena *arena);

/* Config members that a create request must have right. MN_INVALID in Docker's words. */
mn_status container_check_config(const wire_container_config *config, mn_err *err) MN_MUST_USE;

/* HostConfig on its own: modes, capabilities, policies, sysctls, security options. */
mn_status container_check_host_config(const wire_host_config *host, const wire_container_config *config,
                                      mn_err *err) MN_MUST_USE;

/* Limits, also of an update. `ncpus`: processors of this machine. */
mn_status container_check_resources(const wire_resources *r, long ncpus, mn_err *err) MN_MUST_USE;

/* Limits of kernel memory (API before v1.42) mean nothing since Linux 5.4: true when there was one. */
bool container_drop_kernel_memory(wire_resources *r);
#define CONTAINER_NO_KERNEL_MEMORY                                                                           \
        "Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. "       \
        "Limitation discarded."
mn_status container_check_restart_policy(const wire_restart_policy *policy, mn_err *err) MN_MUST_USE;

/* Whether a container may set the sysctl: one that belongs to a namespace of its own (IPC, network). Names
   with "..", or with '/' outside "net.", are refused. */
bool container_sysctl_is_allowed(const char *name, bool has_private_ipc, bool has_private_network);

/* Reads Binds, Mounts, Tmpfs and Config.Volumes into one list sorted by destination; nothing is looked up or
   made. Volumes without a name stay so. MN_INVALID in Docker's words. */
mn_status container_parse_mounts(const wire_host_config *host, const wire_container_config *config,
                                 mn_arena *arena, container_mount_list *ret, mn_err *err) MN_MUST_USE;

/* "container:NAME" gives NAME, else NULL. */
const char *container_mode_target(const char *mode);
