/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a create or update request, in Docker's words. */

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "container/create.h"

#define MEMORY_MIN (INT64_C(6) << 20)

static mn_status check_memory(const wire_resources *r, mn_err *err) {
        if (r->memory_bytes < 0 || (r->memory_bytes && r->memory_bytes < MEMORY_MIN))
                return mn_fail(err, MN_INVALID, "Minimum memory limit allowed is 6MB");
        if (r->memory_bytes && r->memory_swap_bytes > 0 && r->memory_swap_bytes < r->memory_bytes)
                return mn_fail(err, MN_INVALID,
                               "Minimum memoryswap limit should be larger than memory limit, see usage");
        if (!r->memory_bytes && r->memory_swap_bytes > 0)
                return mn_fail(
                        err, MN_INVALID,
                        "You should always set the Memory limit when using Memoryswap limit, see usage");
        if (r->memory_reservation_bytes < 0 ||
            (r->memory_reservation_bytes && r->memory_reservation_bytes < MEMORY_MIN))
                return mn_fail(err, MN_INVALID, "Minimum memory reservation allowed is 6MB");
        if (r->memory_bytes && r->memory_reservation_bytes && r->memory_bytes < r->memory_reservation_bytes)
                return mn_fail(
                        err, MN_INVALID,
                        "Minimum memory limit can not be less than memory reservation limit, see usage");
        if (r->memory_swappiness && (*r->memory_swappiness < -1 || *r->memory_swappiness > 100))
                return mn_fail(err, MN_INVALID, "invalid value: %lld, valid memory swappiness range is 0-100",
                               (long long) *r->memory_swappiness);
        return MN_OK;
}

static mn_status check_cpu(const wire_resources *r, long ncpus, mn_err *err) {
        if (r->nano_cpus && r->cpu_period_us)
                return mn_fail(err, MN_INVALID,
                               "Conflicting options: Nano CPUs and CPU Period cannot both be set");
        if (r->nano_cpus && r->cpu_quota_us)
                return mn_fail(err, MN_INVALID,
                               "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
        if (r->nano_cpus < 0 || r->nano_cpus > ncpus * INT64_C(1000000000))
                return mn_fail(err, MN_INVALID,
                               "range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available",
                               ncpus, ncpus);
        if (r->cpu_period_us && (r->cpu_period_us < 1000 || r->cpu_period_us > 1000000))
                return mn_fail(err, MN_INVALID,
                               "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than "
                               "1s (i.e. 1000000)");
        if (r->cpu_quota_us > 0 && r->cpu_quota_us < 1000)
                return mn_fail(err, MN_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
        if (r->cpu_shares < 0)
                return mn_fail(err, MN_INVALID, "invalid CPU shares (%lld): value must be a positive integer",
                               (long long) r->cpu_shares);
        return MN_OK;
}

/* "0-3,7": the form, and nothing above `max`; never one step per element. */
static bool is_cpu_list(const char *text, int max) {
        cleanup_strv char **parts = mn_strv_split(text, ',');
        for (char **p = parts; *p; p++) {
                int first, last;
                char *dash = strchr(*p, '-');
                if (dash)
                        *dash = 0;
                if (mn_parse_int(*p, 0, max, &first) < 0)
                        return false;
                if (dash && (mn_parse_int(dash + 1, 0, max, &last) < 0 || last < first))
                        return false;
        }
        return true;
}

static mn_status check_cpusets(const wire_resources *r, long ncpus, mn_err *err) {
        if (!mn_str_is_empty(r->cpuset_cpus) && !is_cpu_list(r->cpuset_cpus, 8191))
                return mn_fail(err, MN_INVALID, "Invalid value %s for cpuset cpus", r->cpuset_cpus);
        if (!mn_str_is_empty(r->cpuset_cpus) && !is_cpu_list(r->cpuset_cpus, (int) ncpus - 1))
                return mn_fail(err, MN_INVALID,
                               "Requested CPUs are not available - requested %s, available: 0-%ld",
                               r->cpuset_cpus, ncpus - 1);
        if (!mn_str_is_empty(r->cpuset_mems) && !is_cpu_list(r->cpuset_mems, 1023))
                return mn_fail(err, MN_INVALID, "Invalid value %s for cpuset mems", r->cpuset_mems);
        return MN_OK;
}

static mn_status check_ulimits(const wire_resources *r, mn_err *err) {
        static const char *const names[] = { "core",     "cpu",        "data",   "fsize", "locks", "memlock",
                                             "msgqueue", "nice",       "nofile", "nproc", "rss",   "rtprio",
                                             "rttime",   "sigpending", "stack",  NULL };
        for (size_t i = 0; i < r->ulimits.len; i++) {
                const wire_ulimit *u = &r->ulimits.items[i];
                if (mn_str_is_empty(u->name) || !mn_strv_has((char *const *) names, u->name))
                        return mn_fail(err, MN_INVALID, "invalid ulimit type: %s", u->name ? u->name : "");
                if (u->hard != -1 && (u->soft == -1 || u->soft > u->hard))
                        return mn_fail(
                                err, MN_INVALID,
                                "ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
                                (long long) u->soft, (long long) u->hard);
        }
        return MN_OK;
}

mn_status container_check_resources(const wire_resources *r, long ncpus, mn_err *err) {
        mn_status status = check_memory(r, err);
        if (!status)
                status = check_cpu(r, ncpus, err);
        if (!status)
                status = check_cpusets(r, ncpus, err);
        if (!status && r->blkio_weight && (r->blkio_weight < 10 || r->blkio_weight > 1000))
                status = mn_fail(err, MN_INVALID, "Range of blkio weight is from 10 to 1000");
        return status ? status : check_ulimits(r, err);
}

bool container_drop_kernel_memory(wire_resources *r) {
        bool was_there = r->kernel_memory_bytes > 0;
        r->kernel_memory_bytes = 0;
        return was_there;
}
