/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Network namespaces. A thread can be in a namespace of its own for the time of a short errand: sockets
 * opened there stay there, and /proc/sys/net shows that namespace. A thread that cannot come back ends the
 * program, for nothing it did afterwards would be where it belongs.
 */

#include <stdbool.h>

#include "base/macro.h"

/* Descriptor of the calling thread's namespace, or -errno. */
int mn_netns_self(void);

/* Descriptor of the namespace process `pid` is in, or -errno. */
int mn_netns_of(int pid);

/* Inode number that identifies a namespace while somebody holds it; 0 on failure. */
unsigned long mn_netns_inode(int fd);

/* An errand: zero-initialise with home -1 (MN_NETNS_TRIP), declare it cleanup_netns_trip. */
typedef struct mn_netns_trip {
        int home_fd; /* borrowed; negative while at home */
} mn_netns_trip;
#define MN_NETNS_TRIP                                                                                        \
        (mn_netns_trip) {                                                                                    \
                .home_fd = -1                                                                                \
        }

/* Makes a namespace and enters it; its descriptor or -errno. `home_fd` is the way back. */
int mn_netns_create(mn_netns_trip *trip, int home_fd);

/* Enters an existing one; 0 or -errno. */
int mn_netns_enter(mn_netns_trip *trip, int home_fd, int fd);

/* Goes home; nothing when at home already. */
void mn_netns_return(mn_netns_trip *trip);
#define cleanup_netns_trip MN_CLEANUP(mn_netns_return)
