/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The limits that a container gets when it is made (`run`, `create`) and that `update` changes. */

#include "cli/command.h"
#include "wire/container.h"

typedef struct limit_options {
        int64_t *blkio_weight;
        int64_t *cpu_period;
        int64_t *cpu_quota;
        int64_t *cpu_rt_period;
        int64_t *cpu_rt_runtime;
        int64_t *cpu_shares;
        int64_t *cpus;
        const char *cpuset_cpus;
        const char *cpuset_mems;
        int64_t *memory;
        int64_t *memory_reservation;
        int64_t *memory_swap;
        int64_t *pids_limit;
} limit_options;

/* Rows of an options table for the member `limits` of the struct T. Docker's words differ between the
 * commands in two places: `rt` and `unlimited`. */
#define LIMIT_OPTIONS(T, rt, unlimited)                                                                      \
        { "blkio-weight",                                                                                    \
          0,                                                                                                 \
          CLI_UINT16,                                                                                        \
          offsetof(T, limits.blkio_weight),                                                                  \
          "uint16",                                                                                          \
          "Block IO (relative weight), between 10 and 1000, or 0 to disable",                                \
          "0" },                                                                                             \
                LIMIT_NUMBER(T, "cpu-period", 0, cpu_period,                                                 \
                             "Limit CPU CFS (Completely Fair Scheduler) period"),                            \
                LIMIT_NUMBER(T, "cpu-quota", 0, cpu_quota,                                                   \
                             "Limit CPU CFS (Completely Fair Scheduler) quota"),                             \
                LIMIT_NUMBER(T, "cpu-rt-period", 0, cpu_rt_period, rt " real-time period in microseconds"),  \
                LIMIT_NUMBER(T, "cpu-rt-runtime", 0, cpu_rt_runtime,                                         \
                             rt " real-time runtime in microseconds"),                                       \
                LIMIT_NUMBER(T, "cpu-shares", 'c', cpu_shares, "CPU shares (relative weight)"),              \
                LIMIT_OPTION(T, "cpus", 0, CLI_CPUS, cpus, "decimal", "Number of CPUs"),                     \
                LIMIT_OPTION(T, "cpuset-cpus", 0, CLI_STR, cpuset_cpus, "string",                            \
                             "CPUs in which to allow execution (0-3, 0,1)"),                                 \
                LIMIT_OPTION(T, "cpuset-mems", 0, CLI_STR, cpuset_mems, "string",                            \
                             "MEMs in which to allow execution (0-3, 0,1)"),                                 \
                LIMIT_OPTION(T, "memory", 'm', CLI_BYTES, memory, "bytes", "Memory limit"),                  \
                LIMIT_OPTION(T, "memory-reservation", 0, CLI_BYTES, memory_reservation, "bytes",             \
                             "Memory soft limit"),                                                           \
                LIMIT_OPTION(T, "memory-swap", 0, CLI_SWAP, memory_swap, "bytes",                            \
                             "Swap limit equal to memory plus swap: " unlimited                              \
                             " to enable unlimited swap"),                                                   \
                LIMIT_NUMBER(T, "pids-limit", 0, pids_limit,                                                 \
                             "Tune container pids limit (set -1 for unlimited)")
#define LIMIT_OPTION(T, name, letter, kind, member, type, help)                                              \
        { name, letter, kind, offsetof(T, limits.member), type, help }
#define LIMIT_NUMBER(T, name, letter, member, help)                                                          \
        LIMIT_OPTION(T, name, letter, CLI_INT, member, "int", help)

/* True when none was given. */
bool limits_are_empty(const limit_options *o);

/* Copies them to where the API has them; a limit that was not given is 0 or NULL. */
void limits_fill(const limit_options *o, wire_resources *r);
