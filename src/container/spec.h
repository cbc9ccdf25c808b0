/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* config.json of a container, from its record and what the start has found out. */

#include "container/record.h"
#include "container/user.h"
#include "oci/runtime_spec.h"

/* What is known only at the start. Everything is borrowed. */
typedef struct container_spec_input {
        const container_record *record;
        const container_user *user;
        const char *root_path;  /* "/proc/self/fd/10", or where a foreign runtime finds it */
        const char *netns_path; /* "/proc/self/fd/11"; NULL: the host's network */
        const char
                *hostname_path; /* files bound to /etc/hostname, /etc/hosts, /etc/resolv.conf; NULL: none */
        const char *hosts_path;
        const char *resolv_conf_path;
        const char *shm_path;     /* shared with others: what to bind on /dev/shm; NULL: a tmpfs of its own */
        char *const *sources;     /* of record->mounts, in their order: what to bind; NULL for tmpfs */
        const char *init_path;    /* minato-init, NULL: without */
        int32_t ipc_pid, pid_pid; /* processes whose namespaces are joined, for "container:ID" */
        const char *cgroup_parent; /* used when the record names none */
        bool uses_systemd_cgroup;
        bool has_apparmor;           /* this host's containers get the default profile */
        bool is_system;              /* systemd is its first process, see system.h */
        const char *seccomp_profile; /* JSON text of the daemon's profile; NULL: the built-in one */
        bool is_seccomp_off;         /* the daemon's default is unconfined */
        bool has_no_new_privileges;  /* the daemon's default */
        bool is_foreign_runtime;     /* it does not know our built-in profile by name */
        const wire_ulimit *ulimits;  /* the daemon's, clamped to what can be granted */
        size_t nulimits;
        char *const *links;             /* variables of legacy links; NULL: none */
        const char *const *environment; /* proxy variables; NULL: none */
} container_spec_input;

/* Fills `ret` from `arena`. MN_INVALID for a device or a profile that is not usable. */
mn_status container_spec_build(const container_spec_input *in, mn_arena *arena, oci_spec *ret,
                               mn_err *err) MN_MUST_USE;

/* The process document of an exec session: the container's limits and privileges with another command. */
typedef struct container_exec_input {
        const container_spec_input *spec;
        const wire_exec_create *request;
} container_exec_input;
void container_spec_exec(const container_exec_input *in, mn_arena *arena, oci_process *ret);

/* ---- parts ---- */

void container_spec_mounts(const container_spec_input *in, mn_arena *arena, oci_spec *spec);
mn_status container_spec_security(const container_spec_input *in, mn_arena *arena, oci_spec *spec,
                                  mn_err *err) MN_MUST_USE;
mn_status container_spec_devices(const container_spec_input *in, mn_arena *arena, oci_spec *spec,
                                 mn_err *err) MN_MUST_USE;
/* Limits as the runtime's `update` wants them, too; without devices. */
mn_status container_spec_resources(const wire_resources *r, mn_arena *arena, oci_resources *ret,
                                   mn_err *err) MN_MUST_USE;

/* The capabilities of the container, by Docker's rules; "ALL" is what this daemon could hand down. */
char **container_capabilities(const wire_host_config *host, bool is_privileged, mn_arena *arena);

/* What is hidden and what is read-only in /proc and /sys: the container's own lists, the default ones, or
   NULL for none (privileged, systempaths=unconfined). */
void container_path_rules(const wire_host_config *host, mn_arena *arena, char ***ret_masked,
                          char ***ret_readonly);

/* Whether HostConfig.SecurityOpt holds the boolean option ("no-new-privileges", "writable-cgroups"). */
bool container_security_flag(const wire_host_config *host, const char *name, bool fallback);
