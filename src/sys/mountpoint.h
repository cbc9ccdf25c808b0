/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The mount a path is on. */

#include <stdbool.h>

#include "base/macro.h"

typedef struct mn_mount_point {
        char *path;     /* where it is mounted, as mountinfo writes it (blanks are "\040") */
        bool is_shared; /* its mounts propagate to its peers */
        bool is_slave;  /* a master's mounts propagate to it */
} mn_mount_point;

/* Fills `ret`, whose path is the caller's to release. -errno; -ENOENT also when the mount is not in our
 * namespace. */
int mn_mount_point_of(const char *path, mn_mount_point *ret);
void mn_mount_point_release(mn_mount_point *point);
#define cleanup_mount_point MN_CLEANUP(mn_mount_point_release)
