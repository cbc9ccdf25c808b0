/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the container's memory cgroup killed: an event while it runs, and the answer at the end. Version 1
   tells by an eventfd (Documentation/admin-guide/cgroup-v1/memory.rst, 9-10), version 2 by changing
   memory.events. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/num.h"
#include "shim/shim.h"
#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"

static const char v1_file[] = "memory.oom_control", v2_file[] = "memory.events";

/* "oom_kill N" in either file; 0 when it cannot be read (the cgroup is gone). */
static uint64_t count_kills(const struct shim *shim) {
        cleanup_free char *text = NULL;
        size_t len;
        const char *file = shim->is_memory_v2 ? v2_file : v1_file;
        if (shim->memory_fd < 0 || mn_file_read(shim->memory_fd, file, 4096, &text, &len) < 0)
                return 0;
        char *at = strstr(text, "oom_kill ");
        if (!at)
                return 0;
        at += strlen("oom_kill ");
        at[strcspn(at, "\n")] = '\0';
        uint64_t count;
        return mn_parse_u64(at, UINT64_MAX, &count) < 0 ? 0 : count;
}

static void oom_ready(void *arg, uint32_t events) {
        (void) events;
        struct shim *shim = arg;
        char ignored[4096];
        ssize_t n = read(shim->oom_fd, ignored, sizeof(ignored));
        uint64_t kills = count_kills(shim);
        /* Version 1 tells before it kills, so the count may come later; version 2 tells of any line of its file. */
        if (n < 0 || (shim->is_memory_v2 && kills == shim->oom_kills))
                return;
        shim->oom_kills = kills;
        wire_shim_message event = { .event = (char *) WIRE_SHIM_OOM };
        shim_broadcast(shim, &event, -1, 0);
}

/* An eventfd that counts the OOM events of a v1 cgroup. */
static int watch_v1(int memory_fd) {
        cleanup_close int control = openat(memory_fd, v1_file, O_RDONLY | O_CLOEXEC);
        cleanup_close int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (control < 0 || fd < 0)
                return -errno;
        char text[32];
        snprintf(text, sizeof(text), "%d %d", fd, control);
        int r = mn_file_put(memory_fd, "cgroup.event_control", text);
        return r < 0 ? r : MN_TAKE_FD(fd);
}

static int watch_v2(int memory_fd) {
        cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        cleanup_close int file = openat(memory_fd, v2_file, O_PATH | O_CLOEXEC);
        char path[32];
        if (fd < 0 || file < 0 || inotify_add_watch(fd, mn_fd_path(file, path), IN_MODIFY) < 0)
                return -errno;
        return MN_TAKE_FD(fd);
}

void shim_oom_watch(struct shim *shim) {
        cleanup_cgroup_host mn_cgroup_host host = { 0 };
        cleanup_cgroup mn_cgroup cgroup = { 0 };
        if (mn_cgroup_host_init(&host) < 0 || mn_cgroup_open_pid(&host, shim->pid, &cgroup) < 0)
                return;
        int dir = mn_cgroup_fd(&cgroup, MN_CG_MEMORY);
        if (dir < 0)
                return;
        shim->is_memory_v2 = mn_cgroup_is_v2(&cgroup, MN_CG_MEMORY);
        shim->memory_fd = fcntl(dir, F_DUPFD_CLOEXEC, 3);
        shim->oom_kills = count_kills(shim);
        /* Without the watch there is no event, only the answer at the end. */
        shim->oom_fd = shim->is_memory_v2 ? watch_v2(dir) : watch_v1(dir);
        if (shim->oom_fd >= 0)
                shim->oom_io = loop_io_add(shim->loop, shim->oom_fd, EPOLLIN, oom_ready, shim);
}

bool shim_oom_happened(const struct shim *shim) {
        return count_kills(shim) > 0;
}

void shim_oom_release(struct shim *shim) {
        loop_io_remove(MN_TAKE(shim->oom_io));
        shim->oom_fd = mn_close(shim->oom_fd);
        shim->memory_fd = mn_close(shim->memory_fd);
}
