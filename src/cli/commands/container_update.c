/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/hostspec.h"
#include "wire/container.h"

typedef struct container_update_options {
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
        const char *restart;
} container_update_options;

static const cli_option options[] = {
        { "blkio-weight", 0, CLI_UINT16, offsetof(container_update_options, blkio_weight), "uint16",
          "Block IO (relative weight), between 10 and 1000, or 0 to disable", "0" },
        { "cpu-period", 0, CLI_INT, offsetof(container_update_options, cpu_period), "int",
          "Limit CPU CFS (Completely Fair Scheduler) period" },
        { "cpu-quota", 0, CLI_INT, offsetof(container_update_options, cpu_quota), "int",
          "Limit CPU CFS (Completely Fair Scheduler) quota" },
        { "cpu-rt-period", 0, CLI_INT, offsetof(container_update_options, cpu_rt_period), "int",
          "Limit the CPU real-time period in microseconds" },
        { "cpu-rt-runtime", 0, CLI_INT, offsetof(container_update_options, cpu_rt_runtime), "int",
          "Limit the CPU real-time runtime in microseconds" },
        { "cpu-shares", 'c', CLI_INT, offsetof(container_update_options, cpu_shares), "int",
          "CPU shares (relative weight)" },
        { "cpus", 0, CLI_CPUS, offsetof(container_update_options, cpus), "decimal", "Number of CPUs" },
        { "cpuset-cpus", 0, CLI_STR, offsetof(container_update_options, cpuset_cpus), "string",
          "CPUs in which to allow execution (0-3, 0,1)" },
        { "cpuset-mems", 0, CLI_STR, offsetof(container_update_options, cpuset_mems), "string",
          "MEMs in which to allow execution (0-3, 0,1)" },
        { "memory", 'm', CLI_BYTES, offsetof(container_update_options, memory), "bytes", "Memory limit" },
        { "memory-reservation", 0, CLI_BYTES, offsetof(container_update_options, memory_reservation), "bytes",
          "Memory soft limit" },
        { "memory-swap", 0, CLI_SWAP, offsetof(container_update_options, memory_swap), "bytes",
          "Swap limit equal to memory plus swap: -1 to enable unlimited swap" },
        { "pids-limit", 0, CLI_INT, offsetof(container_update_options, pids_limit), "int",
          "Tune container pids limit (set -1 for unlimited)" },
        { "restart", 0, CLI_STR, offsetof(container_update_options, restart), "string",
          "Restart policy to apply when a container exits" },
        { 0 },
};

static int64_t number(const int64_t *value) {
        return value ? *value : 0;
}

static int run(cli *c, const void *parsed, char **args) {
        const container_update_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        wire_container_update update = { .resources = {
                                                 .cpu_shares = number(o->cpu_shares),
                                                 .memory_bytes = number(o->memory),
                                                 .nano_cpus = number(o->cpus),
                                                 .blkio_weight = (uint16_t) number(o->blkio_weight),
                                                 .cpu_period_us = number(o->cpu_period),
                                                 .cpu_quota_us = number(o->cpu_quota),
                                                 .cpu_realtime_period_us = number(o->cpu_rt_period),
                                                 .cpu_realtime_runtime_us = number(o->cpu_rt_runtime),
                                                 .cpuset_cpus = (char *) o->cpuset_cpus,
                                                 .cpuset_mems = (char *) o->cpuset_mems,
                                                 .memory_reservation_bytes = number(o->memory_reservation),
                                                 .memory_swap_bytes = number(o->memory_swap),
                                                 .pids_limit = o->pids_limit } };
        if (!o->cpu_shares && !o->memory && !o->cpus && !o->blkio_weight && !o->cpu_period && !o->cpu_quota &&
            !o->cpu_rt_period && !o->cpu_rt_runtime && !o->cpuset_cpus && !o->cpuset_mems &&
            !o->memory_reservation && !o->memory_swap && !o->pids_limit && !o->restart)
                return cli_failf("you must provide one or more flags when using this command");
        if (o->restart && hostspec_restart_policy(c->arena, o->restart, &update.restart_policy, &err))
                return cli_fail(&err);
        int code = CLI_EXIT_OK;
        for (; *args; args++) {
                const mn_json *answer;
                cleanup_err mn_err failure = { 0 };
                if (cli_request_object(c, "POST", cli_target(c, "/containers", *args, "/update"),
                                       &wire_container_update_type, &update, &answer, &failure)) {
                        code = cli_fail(&failure);
                        continue;
                }
                printf("%s\n", *args);
                const mn_json *warnings = mn_json_get(answer, "Warnings");
                for (const mn_json *w = warnings ? warnings->child : NULL; w; w = w->next)
                        fprintf(stderr, "%s\n", w->text);
        }
        return code;
}

const cli_command container_update_command = {
        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
        .summary = "Update configuration of one or more containers",
        .aliases = "container update, update",
        .min_args = 1,
        .max_args = CLI_ANY_NUMBER,
        .options = options,
        .options_size = sizeof(container_update_options),
        .completes = "containers",
        .run = run,
};
