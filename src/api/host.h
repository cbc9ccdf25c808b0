/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Facts about the machine, for /info and /version. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct host_facts {
        char *kernel_version, *operating_system, *os_version, *architecture, *name;
        int64_t ncpu, mem_total;
        bool is_cgroup_v2;
        bool has_memory, has_swap, has_cpu, has_cpuset, has_pids; /* cgroup controllers */
        bool forwards_ipv4;
} host_facts;

/* Reads the facts; what cannot be read is empty. Strings live in `arena`. */
void host_facts_read(mn_arena *arena, host_facts *ret);

/* Open descriptors and threads of this process. */
int64_t host_count_fds(void);
int64_t host_count_threads(void);

/* Go's name of this processor architecture ("amd64", "arm64" ...). */
const char *host_go_arch(void);
