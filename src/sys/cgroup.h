/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Control groups, version 1, version 2 and hybrid (controllers on version 1, an empty version 2 beside them).
 *
 * A cgroup here is "the same path in every hierarchy": one directory on pure v2, about eight on v1 and
 * hybrid. Its path is absolute ("/a/b": below each hierarchy's mount) or relative ("a/b": below our own
 * cgroup in each v1 hierarchy, beside our own cgroup on v2, where a cgroup with processes cannot hand
 * controllers down). All functions return >= 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"

/* Controllers, as a mask. On v2 "io" is MN_CG_BLKIO. */
enum mn_cgroup_controller {
        MN_CG_CPU = 1 << 0,
        MN_CG_CPUACCT = 1 << 1,
        MN_CG_CPUSET = 1 << 2,
        MN_CG_MEMORY = 1 << 3,
        MN_CG_DEVICES = 1 << 4,
        MN_CG_FREEZER = 1 << 5,
        MN_CG_BLKIO = 1 << 6,
        MN_CG_PIDS = 1 << 7,
        MN_CG_HUGETLB = 1 << 8,
        MN_CG_RDMA = 1 << 9,
        MN_CG_NET_CLS = 1 << 10,
        MN_CG_NET_PRIO = 1 << 11,
        MN_CG_PERF_EVENT = 1 << 12,
        MN_CG_SYSTEMD = 1 << 13, /* the named v1 hierarchy */
        MN_CG_UNIFIED = 1 << 14, /* the v2 hierarchy itself: freezing, killing, events */
};

typedef enum mn_cgroup_mode { MN_CGROUP_V1, MN_CGROUP_HYBRID, MN_CGROUP_V2 } mn_cgroup_mode;

enum { MN_CGROUP_MAX_HIERARCHIES = 20, MN_CGROUP_MAX_PATH = 1024 };

typedef struct mn_cgroup_hierarchy {
        unsigned controllers; /* MN_CG_*; the v2 hierarchy has MN_CG_UNIFIED and what its root offers */
        bool is_v2;
        char *name;  /* as in /proc/PID/cgroup: "cpu,cpuacct", "name=systemd", "" for v2 */
        char *mount; /* "/sys/fs/cgroup/memory" */
        char *own;   /* this process's cgroup in it, "/" at the least */
} mn_cgroup_hierarchy;

/* What this host (as seen from our mount and cgroup namespaces) has. */
typedef struct mn_cgroup_host {
        mn_cgroup_mode mode;
        mn_cgroup_hierarchy items[MN_CGROUP_MAX_HIERARCHIES];
        size_t len;
} mn_cgroup_host;

/* True where cgroup v2 alone is mounted. */
bool mn_cgroup_is_pure_v2(void);

/* True when v2 is mounted such that a cgroup namespace cannot change the limits of its own root. */
bool mn_cgroup_has_nsdelegate(void);

/* Reads /proc/self/cgroup and finds the mounts. -ENOENT when no hierarchy is mounted. */
int mn_cgroup_host_init(mn_cgroup_host *host);
void mn_cgroup_host_release(mn_cgroup_host *host);
#define cleanup_cgroup_host MN_CLEANUP(mn_cgroup_host_release)

/* One directory of a cgroup. */
typedef struct mn_cgroup_dir {
        unsigned controllers;
        bool is_v2;
        int fd;          /* O_PATH, or -1 when the cgroup does not exist in this hierarchy */
        const char *key; /* the hierarchy's name, borrowed from the host */
        char *path;      /* "/sys/fs/cgroup/memory/minato/ID" */
} mn_cgroup_dir;

typedef struct mn_cgroup {
        mn_cgroup_mode mode;
        mn_cgroup_dir dirs[MN_CGROUP_MAX_HIERARCHIES];
        size_t len;
} mn_cgroup;

void mn_cgroup_release(mn_cgroup *cg);
#define cleanup_cgroup MN_CLEANUP(mn_cgroup_release)

/* Opens the cgroup `path` where it exists. -ENOENT when it exists nowhere, -EINVAL for a path with ".." or
   longer than MN_CGROUP_MAX_PATH. `host` must outlive `ret`. */
int mn_cgroup_open(const mn_cgroup_host *host, const char *path, mn_cgroup *ret);

/* Creates it (with its parents) in every hierarchy that has one of `controllers`, and opens it. On v2 the
   controllers are handed down to it as far as the host has them. An existing one is opened; `*ret_is_new`
   (may be NULL) says whether its last directory was made here. On failure nothing that was made remains. */
int mn_cgroup_create(const mn_cgroup_host *host, const char *path, unsigned controllers, mn_cgroup *ret,
                     bool *ret_is_new);

/* Opens the cgroup a process is in. With `id`, the one above it whose name holds `id`, if there is one: a
   container's first process may have moved to a cgroup of its own making. */
int mn_cgroup_open_pid(const mn_cgroup_host *host, pid_t pid, const char *id, mn_cgroup *ret);

/* Opens the cgroup whose directory in each hierarchy was recorded: pairs of name and path. */
int mn_cgroup_open_dirs(const mn_cgroup_host *host, const char *const *names, const char *const *paths,
                        size_t len, mn_cgroup *ret);

/* The directory of a controller as an O_PATH descriptor (borrowed), or -1. */
int mn_cgroup_fd(const mn_cgroup *cg, unsigned controller);

/* True when the controller is reached through v2 files. */
bool mn_cgroup_is_v2(const mn_cgroup *cg, unsigned controller);

/* Moves the calling (single-threaded) process into the v1 directories without the global lock that writing a
   pid to cgroup.procs takes. Async-signal-safe. The v2 directory is left to clone3(CLONE_INTO_CGROUP) unless
   `also_v2`.
 */
int mn_cgroup_join(const mn_cgroup *cg, bool also_v2);

/* Moves another process, into all directories. */
int mn_cgroup_add(const mn_cgroup *cg, pid_t pid);

/* Stops or continues everything in it and waits until that is so (at most `timeout_ms`, then -ETIMEDOUT). */
int mn_cgroup_freeze(const mn_cgroup *cg, bool is_frozen, int timeout_ms);
int mn_cgroup_is_frozen(const mn_cgroup *cg); /* 1, 0 or -errno */

/* The same by the path of its v2 directory, which costs less when nothing else is wanted of it. */
int mn_cgroup_is_frozen_at(const char *v2_dir);

/* Sends a signal to every process in it and below. SIGKILL uses cgroup.kill where there is one and reaches
   processes that are being forked meanwhile. */
int mn_cgroup_kill(const mn_cgroup *cg, int signal);

typedef MN_VEC(pid_t) mn_pid_list;

/* Pids in it and in the cgroups below, in our pid namespace; the caller releases the list. */
int mn_cgroup_pids(const mn_cgroup *cg, mn_pid_list *ret);

/* Removes the directories and those below them, waiting at most `timeout_ms` for the last process to leave.
 */
int mn_cgroup_delete(mn_cgroup *cg, int timeout_ms);

/* ---- figures ---- */

typedef struct mn_cgroup_io {
        unsigned major, minor;
        uint64_t read_bytes, write_bytes, read_ops, write_ops;
} mn_cgroup_io;

/* Pressure: how much of the time tasks waited for a resource ("some" of them, "full": all). Hundredths of a
   percent over 10, 60 and 300 seconds, and microseconds in total. */
typedef struct mn_cgroup_pressure_line {
        uint32_t avg10, avg60, avg300;
        uint64_t total_us;
} mn_cgroup_pressure_line;

typedef struct mn_cgroup_pressure {
        bool is_known; /* the kernel says it: v2, also of a hybrid host */
        mn_cgroup_pressure_line some, full;
} mn_cgroup_pressure;

typedef struct mn_cgroup_counter {
        char name[40];
        uint64_t value;
} mn_cgroup_counter;

#define MN_CGROUP_NO_LIMIT UINT64_MAX

typedef struct mn_cgroup_stats {
        uint64_t memory_usage;     /* bytes, page cache included */
        uint64_t memory_max_usage; /* 0 where the kernel does not say */
        uint64_t memory_limit;     /* MN_CGROUP_NO_LIMIT */
        uint64_t memory_fail_count;
        uint64_t swap_usage, swap_limit;
        uint64_t oom_kill_count;                   /* processes killed in it for lack of memory */
        MN_VEC(mn_cgroup_counter) memory_counters; /* memory.stat, every line */
        uint64_t cpu_usage_ns, cpu_user_ns, cpu_system_ns;
        uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
        MN_VEC(uint64_t) cpu_per_cpu_ns;   /* v1 only */
        uint64_t pids_current, pids_limit; /* MN_CGROUP_NO_LIMIT */
        MN_VEC(mn_cgroup_io) io;
        mn_cgroup_pressure cpu_pressure, memory_pressure, io_pressure;
} mn_cgroup_stats;

/* Reads what exists; figures of a missing controller stay zero (limits MN_CGROUP_NO_LIMIT). */
int mn_cgroup_read_stats(const mn_cgroup *cg, mn_cgroup_stats *ret);
void mn_cgroup_stats_release(mn_cgroup_stats *stats);
#define cleanup_cgroup_stats MN_CLEANUP(mn_cgroup_stats_release)

/* How many processes were killed in it for lack of memory, or -errno. Cheaper than all figures. */
int64_t mn_cgroup_oom_kills(const mn_cgroup *cg);
