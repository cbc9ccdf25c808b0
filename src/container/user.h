/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who a process in a container is: "user[:group]" looked up in the image's /etc/passwd and /etc/group. The
 * files are hostile input: opened inside the root by descriptor, only when regular, at most 10 MiB of them.
 */

#include "base/arena.h"
#include "base/err.h"
#include "oci/runtime_spec.h"

typedef struct container_user {
        uint32_t uid;
        uint32_t gid;
        oci_u32_list groups; /* supplementary */
        const char *home;    /* "/" when passwd does not say */
} container_user;

/* `user`: "", a name or a number, with an optional group. Decimal digits are a number, never a name.
   `extra_groups`
   (--group-add; NULL: none) are names or numbers. MN_INVALID "unable to find user X: no matching entries in
   passwd file". */
mn_status container_user_lookup(int rootfs_fd, const char *user, char *const *extra_groups, mn_arena *arena,
                                container_user *ret, mn_err *err) MN_MUST_USE;

/* The same on the texts of the two files ("" when there is none), for tests. */
mn_status container_user_find(const char *passwd, const char *group, const char *user,
                              char *const *extra_groups, mn_arena *arena, container_user *ret,
                              mn_err *err) MN_MUST_USE;
