/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* clone3 for single-threaded programs: a child that runs our own code in new namespaces. Threaded programs
 * use sys/spawn.h. */

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the C libraries' headers lack. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

typedef struct mn_clone_spec {
        uint64_t flags;     /* CLONE_NEW*, CLONE_PARENT, CLONE_FILES; more are added as needed */
        int cgroup_fd;      /* v2 directory to be born in; 0 or negative: none */
        bool shares_memory; /* vfork semantics: the caller waits until the child executes or exits, and sees
                               what the child wrote to memory; a quarter of the cost of copying */
        int (*main)(void *arg); /* the child; its return value is the exit status */
        void *arg;
        pid_t *ret_pid; /* written before the child runs, so that a child that shares memory finds its own pid
                           as the caller sees it; must not be NULL */
        int *ret_pidfd; /* may be NULL */
} mn_clone_spec;

/* Starts the child: pid or -errno. Without shares_memory the caller goes on at once. */
pid_t mn_clone(const mn_clone_spec *spec);
