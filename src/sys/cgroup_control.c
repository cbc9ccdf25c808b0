/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing, killing, listing and removing cgroups. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "base/time.h"
#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { MAX_FILE = 16 << 20, MAX_DEPTH = 64, POLL_NS = 500 * 1000 };

static void pause_briefly(void) {
        nanosleep(&(struct timespec){ .tv_nsec = POLL_NS }, NULL);
}

static bool has_line(const char *text, const char *line) {
        const char *at = strstr(text, line);
        return at && (at == text || at[-1] == '\n') && strchr("\n", at[strlen(line)]);
}

/* ---- freezing ---- */

static int is_v2_frozen(int dirfd, const char *file) {
        cleanup_free char *text = NULL;
        int r = mn_file_read(dirfd, file, 4096, &text, NULL);
        return r < 0 ? r : has_line(text, "frozen 1");
}

int mn_cgroup_is_frozen_at(const char *v2_dir) {
        cleanup_free char *file = mn_asprintf("%s/cgroup.events", v2_dir);
        return is_v2_frozen(AT_FDCWD, file);
}

int mn_cgroup_is_frozen(const mn_cgroup *cg) {
        cleanup_free char *text = NULL;
        int fd = mn_cgroup_fd(cg, MN_CG_UNIFIED);
        if (fd >= 0)
                return is_v2_frozen(fd, "cgroup.events");
        fd = mn_cgroup_fd(cg, MN_CG_FREEZER);
        if (fd < 0)
                return -EOPNOTSUPP;
        int r = mn_file_read(fd, "freezer.state", 4096, &text, NULL);
        return r < 0 ? r : has_line(text, "FROZEN");
}

/* v2 wakes a poller of cgroup.events when the state is reached; v1 has to be asked again. */
static void wait_for_event(const mn_cgroup *cg, int timeout_ms) {
        int dir = mn_cgroup_fd(cg, MN_CG_UNIFIED);
        cleanup_close int fd = dir < 0 ? -1 : openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
        cleanup_free char *text = NULL;
        if (fd < 0 || mn_file_read_fd(fd, 4096, &text, NULL) < 0) {
                pause_briefly();
                return;
        }
        poll(&(struct pollfd){ .fd = fd, .events = POLLPRI }, 1, MN_MIN(timeout_ms, 10));
}

static int wait_frozen(const mn_cgroup *cg, bool is_frozen, int timeout_ms) {
        int64_t end = mn_monotonic_ns() + timeout_ms * MN_NS_PER_MS;
        for (;;) {
                int r = mn_cgroup_is_frozen(cg);
                if (r < 0 || r == is_frozen)
                        return r < 0 ? r : 0;
                if (mn_monotonic_ns() >= end)
                        return -ETIMEDOUT;
                wait_for_event(cg, timeout_ms);
        }
}

int mn_cgroup_freeze(const mn_cgroup *cg, bool is_frozen, int timeout_ms) {
        int fd = mn_cgroup_fd(cg, MN_CG_UNIFIED), r;
        if (fd >= 0) {
                r = mn_file_put(fd, "cgroup.freeze", is_frozen ? "1" : "0");
        } else {
                fd = mn_cgroup_fd(cg, MN_CG_FREEZER);
                r = fd < 0 ? -EOPNOTSUPP : mn_file_put(fd, "freezer.state", is_frozen ? "FROZEN" : "THAWED");
        }
        return r < 0 ? r : wait_frozen(cg, is_frozen, timeout_ms);
}

/* ---- members ---- */

static int read_pids(int dirfd, mn_pid_list *ret) {
        cleanup_free char *text = NULL;
        int r = mn_file_read(dirfd, "cgroup.procs", MAX_FILE, &text, NULL);
        if (r < 0)
                return r == -ENOENT || r == -ENODEV ? 0 : r;
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                int pid;
                if (mn_parse_int(line, 1, INT32_MAX, &pid) == 0)
                        mn_vec_push(ret, pid);
        }
        return 0;
}

/* Calls `visit` for every directory below `dirfd`, children first, then for `dirfd` itself. */
static int walk(int dirfd, int depth, int (*visit)(int parent, const char *name, int fd, void *data),
                void *data) {
        cleanup_close int list_fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (list_fd < 0)
                return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        if (depth > MAX_DEPTH)
                return -ELOOP;
        DIR *list = fdopendir(list_fd);
        if (!list)
                return -errno;
        list_fd = -1;
        int r = 0;
        for (struct dirent *e; r >= 0 && (e = readdir(list));) {
                if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                cleanup_close int fd = openat(dirfd, e->d_name,
                                              O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        continue;
                r = walk(fd, depth + 1, visit, data);
                if (r >= 0)
                        r = visit(dirfd, e->d_name, fd, data);
        }
        closedir(list);
        return r;
}

static int collect_pids(int parent, const char *name, int fd, void *data) {
        (void) parent;
        (void) name;
        return read_pids(fd, data);
}

int mn_cgroup_pids(const mn_cgroup *cg, mn_pid_list *ret) {
        /* Where the container's processes always are: v2 if there is one, else any. */
        int fd = mn_cgroup_fd(cg, MN_CG_UNIFIED);
        if (fd < 0)
                fd = mn_cgroup_fd(cg, ~0U);
        if (fd < 0)
                return -ENOENT;
        *ret = (mn_pid_list){ 0 };
        int r = walk(fd, 0, collect_pids, ret);
        return r < 0 ? r : read_pids(fd, ret);
}

static int signal_all(const mn_cgroup *cg, int signal) {
        mn_pid_list pids;
        int r = mn_cgroup_pids(cg, &pids);
        if (r < 0)
                return r;
        for (size_t i = 0; i < pids.len; i++)
                if (kill(pids.items[i], signal) < 0 && errno != ESRCH)
                        r = -errno;
        mn_vec_release(&pids);
        return r;
}

int mn_cgroup_kill(const mn_cgroup *cg, int signal) {
        int fd = mn_cgroup_fd(cg, MN_CG_UNIFIED);
        if (signal == SIGKILL && fd >= 0 && mn_file_put(fd, "cgroup.kill", "1") == 0)
                return 0;
        /* Frozen, nothing forks between reading the list and the signals. */
        bool was_thawed = signal == SIGKILL && mn_cgroup_is_frozen(cg) == 0 &&
                          mn_cgroup_freeze(cg, true, 2000) == 0;
        int r = signal_all(cg, signal);
        if (was_thawed || signal == SIGKILL)
                mn_cgroup_freeze(cg, false, 2000);
        return r;
}

/* ---- removing ---- */

static int remove_child(int parent, const char *name, int fd, void *data) {
        (void) fd;
        (void) data;
        return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Removes one directory; -EBUSY while a process is still in it. */
static int remove_dir(const mn_cgroup_dir *dir) {
        if (unlinkat(AT_FDCWD, dir->path, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (errno != EBUSY && errno != ENOTEMPTY)
                return -errno;
        int r = walk(dir->fd, 0, remove_child, NULL);
        if (r < 0)
                return r;
        return unlinkat(AT_FDCWD, dir->path, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int mn_cgroup_delete(mn_cgroup *cg, int timeout_ms) {
        int64_t end = mn_monotonic_ns() + timeout_ms * MN_NS_PER_MS;
        int result = 0;
        for (size_t i = 0; i < cg->len; i++) {
                if (cg->dirs[i].fd < 0)
                        continue;
                int r;
                while ((r = remove_dir(&cg->dirs[i])) == -EBUSY && mn_monotonic_ns() < end)
                        pause_briefly();
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}
