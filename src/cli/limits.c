/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/limits.h"

#include <string.h>

bool limits_are_empty(const limit_options *o) {
        static const limit_options none;
        return memcmp(o, &none, sizeof(none)) == 0; /* pointers only */
}

static int64_t number(const int64_t *value) {
        return value ? *value : 0;
}

void limits_fill(const limit_options *o, wire_resources *r) {
        r->cpu_shares = number(o->cpu_shares);
        r->memory_bytes = number(o->memory);
        r->nano_cpus = number(o->cpus);
        r->blkio_weight = (uint16_t) number(o->blkio_weight);
        r->cpu_period_us = number(o->cpu_period);
        r->cpu_quota_us = number(o->cpu_quota);
        r->cpu_realtime_period_us = number(o->cpu_rt_period);
        r->cpu_realtime_runtime_us = number(o->cpu_rt_runtime);
        r->cpuset_cpus = (char *) o->cpuset_cpus;
        r->cpuset_mems = (char *) o->cpuset_mems;
        r->memory_reservation_bytes = number(o->memory_reservation);
        r->memory_swap_bytes = number(o->memory_swap);
        r->pids_limit = o->pids_limit;
}
