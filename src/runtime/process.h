/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The program of a container or of an exec: what its process section says, checked and brought into the form
 * of the system calls before anything is started, then applied by the child in the order that the kernel's
 * rules demand.
 */

#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/capabilities.h"
#include "runtime/context.h"
#include "runtime/seccomp_program.h"

enum { PROCESS_MAX_RLIMITS = 16, PROCESS_MAX_GROUPS = 1024 };

typedef struct process_plan {
        const oci_process *spec;
        capability_sets caps;
        struct {
                int resource;
                struct rlimit value;
        } rlimits[PROCESS_MAX_RLIMITS];
        size_t rlimit_count;
        gid_t groups[PROCESS_MAX_GROUPS];
        size_t group_count;
        char **env; /* with HOME */
        seccomp_program seccomp;
        const oci_personality *personality;
        const oci_memory_policy *memory_policy;
        unsigned long personality_value;
        bool has_personality;
        int listen_fds; /* --preserve-fds: 3 .. 3+N-1 stay open */
        bool makes_cwd; /* a working directory that is not there is made: for a container, not for exec */
        bool may_not_setgroups; /* in a user namespace where setgroups is denied */
        bool has_entered_cwd;   /* with the runtime's privileges; else it is tried again as the user */
        char *program;          /* what args[0] was found as; set by process_find */
} process_plan;

/* Checks `spec` and fills the plan; strings go to `arena`. `linux_` (personality, memory policy) may be NULL.
 */
mn_status process_plan_init(process_plan *plan, const oci_process *spec, const oci_linux *linux_,
                            bool has_user_namespace, runtime_context *rt, mn_arena *arena,
                            mn_err *err) MN_MUST_USE;

/* In the child, with the container's root: limits, scheduling, umask, directory, identity, capabilities; no
   seccomp filter yet. */
mn_status process_apply(process_plan *plan, runtime_context *rt, mn_err *err) MN_MUST_USE;

/* Finds args[0] as the program that will be executed, as the user it will run as. Docker's words for
 * failures. */
mn_status process_find(process_plan *plan, mn_err *err) MN_MUST_USE;

/* Loads the filter (`*ret_listener` gets the listener's descriptor, or 0), drops what was kept for that. */
mn_status process_seal(process_plan *plan, int *ret_listener, mn_err *err) MN_MUST_USE;

/* Executes; returns only on failure. */
mn_status process_execute(process_plan *plan, mn_err *err) MN_MUST_USE;

/* Writes oom_score_adj of a process (0: this one); a value that may not be lowered is left with a warning. To
   be called while the host's /proc is there, and with the host's privileges. */
mn_status process_set_oom_score(const oci_process *spec, pid_t pid, runtime_context *rt,
                                mn_err *err) MN_MUST_USE;

/* Raises the hard limits of a process (0: this one) to what the plan wants, as far as we may: in a user
   namespace nobody may any more. The limits themselves are set by process_apply. */
void process_raise_limits(const process_plan *plan, pid_t pid);

/* AppArmor and SELinux labels for the coming execution, likewise. */
mn_status process_set_labels(const oci_process *spec, mn_err *err) MN_MUST_USE;
