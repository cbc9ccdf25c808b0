/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a cgroup as the kernel, or whoever mounts something there, may fill them: figures of v1 (first
   byte even) and of v2, counts of kills, states, members. Every file gets the same bytes. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const files_v1[] = { "memory.usage_in_bytes",
                                        "memory.limit_in_bytes",
                                        "memory.memsw.limit_in_bytes",
                                        "memory.stat",
                                        "memory.oom_control",
                                        "cpuacct.usage",
                                        "cpuacct.usage_percpu",
                                        "cpuacct.stat",
                                        "cpu.stat",
                                        "pids.max",
                                        "freezer.state",
                                        "cgroup.procs",
                                        "blkio.throttle.io_service_bytes_recursive" };
static const char *const files_v2[] = { "memory.current", "memory.max",   "memory.swap.max", "memory.stat",
                                        "memory.events",  "cpu.stat",     "pids.max",        "io.stat",
                                        "cgroup.events",  "cgroup.procs", "cpu.pressure",    "io.pressure",
                                        "memory.pressure" };

/* One directory per process, in memory, emptied when the process ends. */
static char folder[] = "/dev/shm/minato-fuzz-cgroup-XXXXXX";

static void remove_folder(void) {
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; i < sizeof(files_v1) / sizeof(files_v1[0]); i++)
                unlinkat(fd, files_v1[i], 0);
        for (size_t i = 0; i < sizeof(files_v2) / sizeof(files_v2[0]); i++)
                unlinkat(fd, files_v2[i], 0);
        close(fd);
        rmdir(folder);
}

static int open_folder(void) {
        static int fd = -1;
        if (fd < 0) {
                if (!mkdtemp(folder))
                        abort();
                atexit(remove_folder);
                fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        return fd;
}

static void fill(int dir, const char *const *files, size_t count, const uint8_t *data, size_t len) {
        for (size_t i = 0; i < count; i++) {
                int fd = openat(dir, files[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                if (fd < 0 || write(fd, data, len) != (ssize_t) len)
                        abort();
                close(fd);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        if (len == 0)
                return 0;
        bool is_v2 = data[0] & 1;
        int dir = open_folder();
        if (is_v2)
                fill(dir, files_v2, sizeof(files_v2) / sizeof(files_v2[0]), data + 1, len - 1);
        else
                fill(dir, files_v1, sizeof(files_v1) / sizeof(files_v1[0]), data + 1, len - 1);
        mn_cgroup cg = { .mode = is_v2 ? MN_CGROUP_V2 : MN_CGROUP_V1, .len = 1 };
        cg.dirs[0] = (mn_cgroup_dir){ .controllers = is_v2 ? ~0U : ~(unsigned) MN_CG_UNIFIED,
                                      .is_v2 = is_v2,
                                      .fd = dir };
        mn_cgroup_stats stats;
        mn_cgroup_read_stats(&cg, &stats);
        assert(stats.cpu_pressure.some.avg10 <= 10099 && stats.io_pressure.full.avg300 <= 10099);
        mn_cgroup_stats_release(&stats);
        (void) mn_cgroup_oom_kills(&cg);
        int frozen = mn_cgroup_is_frozen(&cg);
        assert(frozen <= 1);
        mn_pid_list pids = { 0 };
        if (mn_cgroup_pids(&cg, &pids) >= 0)
                for (size_t i = 0; i < pids.len; i++)
                        assert(pids.items[i] > 0);
        mn_vec_release(&pids);
        return 0;
}
