/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One daemon per data root and per exec root. Locks, not process numbers, decide: a number may have been
 * given to another process meanwhile, a lock goes with its owner. */

#include "base/err.h"

typedef struct daemon_locks {
        int data_fd, exec_fd, pid_fd;
        const char *pidfile; /* borrowed */
} daemon_locks;

/* Makes the two directories and takes the locks; writes our number into the pid file, replacing what a dead
 * daemon left. MN_CONFLICT names the process that holds a lock. */
mn_status daemon_lock(const char *data_root, const char *exec_root, const char *pidfile, daemon_locks *ret,
                      mn_err *err) MN_MUST_USE;

/* Removes the pid file and lets go of the locks. */
void daemon_unlock(daemon_locks *locks);
