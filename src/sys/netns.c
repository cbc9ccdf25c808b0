/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/fd.h"

int mn_netns_self(void) {
        int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int mn_netns_of(int pid) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

unsigned long mn_netns_inode(int fd) {
        struct stat st;
        return fstat(fd, &st) < 0 ? 0 : (unsigned long) st.st_ino;
}

int mn_netns_create(mn_netns_trip *trip, int home_fd) {
        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        trip->home_fd = home_fd;
        int fd = mn_netns_self();
        if (fd < 0)
                mn_netns_return(trip);
        return fd;
}

int mn_netns_enter(mn_netns_trip *trip, int home_fd, int fd) {
        if (setns(fd, CLONE_NEWNET) < 0)
                return -errno;
        trip->home_fd = home_fd;
        return 0;
}

void mn_netns_return(mn_netns_trip *trip) {
        if (trip->home_fd < 0)
                return;
        int saved = errno;
        if (setns(trip->home_fd, CLONE_NEWNET) < 0) {
                mn_log(MN_LOG_FATAL, "a thread cannot leave a container's network namespace", " errno=%d",
                       errno);
                abort();
        }
        trip->home_fd = -1;
        errno = saved;
}
