/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The namespaces of a configuration: which are new, which are joined by path, which are inherited. */

#include <stdbool.h>

#include "oci/runtime_spec.h"

enum { NAMESPACE_KINDS = 8 };

typedef struct namespace_kind {
        const char *type; /* as in config.json */
        const char *file; /* in /proc/PID/ns */
        int flag;         /* CLONE_NEW* */
} namespace_kind;

extern const namespace_kind namespace_kinds[NAMESPACE_KINDS];

typedef struct namespace_plan {
        int create_flags;              /* CLONE_NEW* of the new ones */
        int join_flags;                /* CLONE_NEW* of those joined */
        int join_fds[NAMESPACE_KINDS]; /* by row of namespace_kinds; -1: not joined */
        bool borrows_mounts; /* the mount namespace is joined or the runtime's own: the root is built
                                in a passing one (in create_flags) and taken along */
        int mounts_fd;       /* the mount namespace that is borrowed; -1 */
} namespace_plan;

/* Reads linux.namespaces and opens the paths (magic links of descriptors are meant to work). */
mn_status namespace_plan_init(namespace_plan *plan, const oci_spec *spec, mn_err *err) MN_MUST_USE;
void namespace_plan_release(namespace_plan *plan);

/* True when the container gets its own namespace of this kind, new or joined. */
bool namespace_is_own(const namespace_plan *plan, int flag);

/* The descriptor of the namespace of this kind that is joined (borrowed), or -1. */
int namespace_joined_fd(const namespace_plan *plan, int flag);

/* True when the configuration asks for a new namespace of this type: listed, without a path. */
bool namespace_is_new(const oci_spec *spec, const char *type);

/* Enters the borrowed mount namespace; -errno. */
int namespace_enter_mounts(const namespace_plan *plan);

/* Enters the joined namespaces whose flag is in `flags`: with a user namespace among them, the others before
   it as far as that is allowed, the rest after it. Async-signal-safe; -errno. */
int namespace_join(const namespace_plan *plan, int flags);
