/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From linux.seccomp to a BPF program, without libseccomp. Per architecture the system call numbers are cut
 * into ranges of equal outcome and searched as a binary tree: 80 instructions for Docker's profile, of
 * which a call runs ten, where a list compares up to 360 times.
 */

#include <linux/filter.h>

#include "oci/runtime_spec.h"

typedef struct seccomp_program {
        struct sock_filter *code; /* in the arena; NULL: nothing to load */
        size_t len;
        unsigned flags;    /* SECCOMP_FILTER_FLAG_* */
        bool has_listener; /* a rule notifies: the load gives a descriptor */
} seccomp_program;

/* Compiles. Names this table does not know are skipped, as runc does. Calls newer than every call of the
   profile get ENOSYS where the default is an error, so that programs fall back. MN_INVALID names the JSON
   path. */
mn_status seccomp_compile(const oci_seccomp *spec, mn_arena *arena, seccomp_program *ret,
                          mn_err *err) MN_MUST_USE;

/* Loads it for this process: a listener's descriptor, 0 without one, or -errno. Async-signal-safe. */
int seccomp_load(const seccomp_program *program);

/* Names for `features`; NULL-terminated. */
extern const char *const seccomp_action_names[],
        *const seccomp_operator_names[], *const seccomp_arch_names[], *const seccomp_flag_names[];
