/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Seccomp profiles: the default one, equal in effect to Docker's, and profiles in Docker's JSON format (with
 * their conditions on capabilities, architecture and kernel). Both become the linux.seccomp section of a
 * container whose capabilities are known.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/runtime_spec.h"

/* What the conditions of a profile's rules are asked against. */
typedef struct oci_seccomp_context {
        uint64_t capabilities; /* of the container's bounding set; bit N is capability number N */
        const char *arch;      /* as Go names it: "amd64", "arm64" ...; NULL: this program's */
        unsigned kernel_major; /* 0: ask uname() */
        unsigned kernel_minor;
} oci_seccomp_context;

/* The default profile. Everything not allowed is EPERM; clone3 is ENOSYS without CAP_SYS_ADMIN, so that the C
   library falls back to clone, whose flags can be seen. Cannot fail. */
void oci_seccomp_default(const oci_seccomp_context *context, mn_arena *arena, oci_seccomp *ret);

/* A profile in Docker's JSON format. MN_INVALID "decoding seccomp profile failed: ..." and Docker's words for
   contradictions. */
mn_status oci_seccomp_from_profile(const char *text, size_t len, const oci_seccomp_context *context,
                                   mn_arena *arena, oci_seccomp *ret, mn_err *err) MN_MUST_USE;

/* Number of a capability ("CAP_CHOWN", case does not matter, "CAP_" may be missing), or -1. */
int oci_capability_number(const char *name);

/* "CAP_CHOWN" for 0 ...; NULL behind the last one known here. */
const char *oci_capability_name(int number);

enum { OCI_CAPABILITY_COUNT = 41 };
