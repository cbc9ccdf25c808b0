/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the container's memory cgroup killed: an event while it runs, and the answer at the end. Version 1
 * tells by an eventfd (Documentation/admin-guide/cgroup-v1/memory.rst, 9-10), version 2 by changing
 * memory.events.
 *
 * Where version 2 is at its usual place the file is opened and watched at once: when a container has ended,
 * systemd removes its scope, and what was not opened before cannot be read in time. Elsewhere all that is
 * done at the start is to note where the cgroup is, for later a dead process is seen in the root cgroup. The
 * rest takes forty system calls, which a container that ends at once shall not pay for.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "shim/shim.h"
#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"

enum { WATCH_AFTER_MS = 50 };

static const char v1_file[] = "memory.oom_control", v2_file[] = "memory.events";

/* A number of such a file: the one behind `key`; 0 when it cannot be read (the cgroup is gone). */
static uint64_t read_number(int fd, const char *key) {
        char text[1024];
        ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
        if (n <= 0)
                return 0;
        text[n] = '\0';
        char *at = strstr(text, key);
        if (!at)
                return 0;
        at += strlen(key);
        at[strcspn(at, "\n")] = '\0';
        uint64_t number;
        return mn_parse_u64(at, UINT64_MAX, &number) < 0 ? 0 : number;
}

static uint64_t count_kills(const struct shim *shim) {
        if (shim->is_memory_v2)
                return read_number(shim->events_fd, "oom_kill ");
        cleanup_close int fd = shim->memory_fd < 0 ? -1
                                                   : openat(shim->memory_fd, v1_file, O_RDONLY | O_CLOEXEC);
        return read_number(fd, "oom_kill ");
}

/* What the last answer needs when systemd has taken the scope away before anybody could read: whether the
   limit was ever reached, and what the slice had counted until then. */
static void note_slice(struct shim *shim) {
        if (shim->slice_fd < 0)
                return;
        shim->has_reached_limit |= read_number(shim->events_fd, "max ") > 0;
        /* The kernel counts in the scope first: what the scope does not have yet, the slice did not have. */
        uint64_t kills = read_number(shim->slice_fd, "oom_kill ");
        if (count_kills(shim) <= shim->oom_kills)
                shim->slice_kills = kills;
}

static void tell(struct shim *shim) {
        wire_shim_message event = { .event = (char *) WIRE_SHIM_OOM };
        shim->oom_kills = MN_MAX(shim->oom_kills, count_kills(shim));
        shim_broadcast(shim, &event, -1, 0);
}

static void oom_ready(void *arg, uint32_t events) {
        (void) events;
        struct shim *shim = arg;
        char ignored[4096];
        ssize_t n = read(shim->oom_fd, ignored, sizeof(ignored));
        /* Version 1 tells before it kills, so the count may come later; version 2 tells of any line of its
           file, and of its end, when it cannot be read any more. */
        if (n >= 0 && (!shim->is_memory_v2 || count_kills(shim) > shim->oom_kills))
                tell(shim);
        else if (n >= 0 && read_number(shim->events_fd, "max ") > 0)
                note_slice(shim);
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

static int watch_v2(int events_fd) {
        cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[32];
        if (fd < 0 || inotify_add_watch(fd, mn_fd_path(events_fd, path), IN_MODIFY) < 0)
                return -errno;
        return MN_TAKE_FD(fd);
}

/* Without the watch there is no event, only the answer at the end. */
static void begin_watch(struct shim *shim) {
        shim->oom_fd = shim->is_memory_v2 ? watch_v2(shim->events_fd) : watch_v1(shim->memory_fd);
        if (shim->oom_fd >= 0)
                shim->oom_io = loop_io_add(shim->loop, shim->oom_fd, EPOLLIN, oom_ready, shim);
        note_slice(shim);
        if (count_kills(shim) > 0)
                tell(shim);
}

/* Opens the directory of the noted cgroup. */
static void open_cgroup(struct shim *shim) {
        cleanup_cgroup_host mn_cgroup_host host = { 0 };
        if (!shim->memory_path || mn_cgroup_host_init(&host) < 0)
                return;
        for (size_t i = 0; i < host.len && shim->memory_fd < 0; i++) {
                const mn_cgroup_hierarchy *h = &host.items[i];
                if (!(h->controllers & MN_CG_MEMORY) || h->is_v2 != shim->is_memory_v2)
                        continue;
                cleanup_free char *path = mn_asprintf("%s%s", h->mount, shim->memory_path);
                shim->memory_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
}

static void open_events(struct shim *shim) {
        if (shim->memory_fd >= 0 && shim->is_memory_v2)
                shim->events_fd = openat(shim->memory_fd, v2_file, O_RDONLY | O_CLOEXEC);
}

static void watch(void *arg) {
        struct shim *shim = arg;
        loop_timer_remove(MN_TAKE(shim->oom_timer));
        open_cgroup(shim);
        open_events(shim);
        if (shim->is_memory_v2 ? shim->events_fd >= 0 : shim->memory_fd >= 0)
                begin_watch(shim);
}

/* A line of /proc/PID/cgroup, "4:memory:/path" or "0::/path": true when memory is accounted there. */
static bool note_line(struct shim *shim, char *line) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path || strcmp(path, ":/") == 0)
                return false;
        *path++ = '\0';
        shim->is_memory_v2 = controllers[1] == '\0';
        cleanup_strv char **names = mn_strv_split(controllers + 1, ',');
        if (!shim->is_memory_v2 && !mn_strv_has(names, "memory"))
                return false;
        shim->memory_path = mn_arena_strdup(shim->arena, path);
        return !shim->is_memory_v2; /* in a hybrid setup version 1 has it */
}

/* The same file of the slice that a scope of systemd is in: it counts for all that is below. */
static void open_slice(struct shim *shim) {
        const char *slash = strrchr(shim->memory_path, '/');
        if (!mn_str_has_suffix(shim->memory_path, ".scope") || slash == shim->memory_path)
                return;
        cleanup_free char *path = mn_asprintf("/sys/fs/cgroup%.*s/%s", (int) (slash - shim->memory_path),
                                              shim->memory_path, v2_file);
        shim->slice_fd = open(path, O_RDONLY | O_CLOEXEC);
}

/* The scope is gone with its count; the container was killed after it had reached its limit, and the slice
   has counted one more. Who was it, if not the container? */
static bool was_counted_by_slice(const struct shim *shim) {
        char ignored;
        return shim->slice_fd >= 0 && shim->has_reached_limit && shim->code == 128 + SIGKILL &&
               pread(shim->events_fd, &ignored, 1, 0) < 0 &&
               read_number(shim->slice_fd, "oom_kill ") > shim->slice_kills;
}

void shim_oom_watch(struct shim *shim) {
        char name[64];
        snprintf(name, sizeof(name), "/proc/%d/cgroup", shim->pid);
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(AT_FDCWD, name, 64 * 1024, &text, &len) < 0)
                return;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
                if (note_line(shim, line))
                        break;
        if (!shim->memory_path)
                return;
        if (shim->is_memory_v2) {
                cleanup_free char *path = mn_asprintf("/sys/fs/cgroup%s/%s", shim->memory_path, v2_file);
                shim->events_fd = open(path, O_RDONLY | O_CLOEXEC);
        }
        if (shim->events_fd >= 0) {
                open_slice(shim);
                begin_watch(shim);
                return;
        }
        shim->oom_timer = loop_timer_add(shim->loop, watch, shim);
        loop_timer_set(shim->oom_timer, WATCH_AFTER_MS);
}

bool shim_oom_happened(struct shim *shim) {
        /* Not watched yet: a short life. One that ended well was not killed. */
        if (shim->events_fd < 0 && shim->memory_fd < 0 && shim->code != 0) {
                open_cgroup(shim);
                open_events(shim);
        }
        /* systemd removes the cgroup of an empty scope at once: what was seen before counts, too. */
        return shim->oom_kills > 0 || count_kills(shim) > 0 || was_counted_by_slice(shim);
}

void shim_oom_release(struct shim *shim) {
        loop_timer_remove(MN_TAKE(shim->oom_timer));
        loop_io_remove(MN_TAKE(shim->oom_io));
        shim->oom_fd = mn_close(shim->oom_fd);
        shim->memory_fd = mn_close(shim->memory_fd);
        shim->events_fd = mn_close(shim->events_fd);
        shim->slice_fd = mn_close(shim->slice_fd);
}
