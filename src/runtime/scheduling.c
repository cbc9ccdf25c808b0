/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/scheduling.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

enum { MAX_CPUS = 8192, PER_LINUX32 = 0x0008, NO_VALUE = -1, MAX_NODES = 1024 };

struct name_value {
        const char *name;
        int value;
};

static const struct name_value policies[] = {
        { "SCHED_OTHER", 0 }, { "SCHED_FIFO", 1 }, { "SCHED_RR", 2 },       { "SCHED_BATCH", 3 },
        { "SCHED_ISO", 4 },   { "SCHED_IDLE", 5 }, { "SCHED_DEADLINE", 6 }, { NULL, 0 },
};
static const struct name_value policy_flags[] = {
        { "SCHED_FLAG_RESET_ON_FORK", 0x01 },  { "SCHED_FLAG_RECLAIM", 0x02 },
        { "SCHED_FLAG_DL_OVERRUN", 0x04 },     { "SCHED_FLAG_KEEP_POLICY", 0x08 },
        { "SCHED_FLAG_KEEP_PARAMS", 0x10 },    { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
        { "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 }, { NULL, 0 },
};
static const struct name_value io_classes[] = {
        { "IOPRIO_CLASS_RT", 1 },
        { "IOPRIO_CLASS_BE", 2 },
        { "IOPRIO_CLASS_IDLE", 3 },
        { NULL, 0 },
};
static const struct name_value memory_modes[] = {
        { "MPOL_DEFAULT", 0 },
        { "MPOL_PREFERRED", 1 },
        { "MPOL_BIND", 2 },
        { "MPOL_INTERLEAVE", 3 },
        { "MPOL_LOCAL", 4 },
        { "MPOL_PREFERRED_MANY", 5 },
        { "MPOL_WEIGHTED_INTERLEAVE", 6 },
        { NULL, 0 },
};
static const struct name_value memory_flags[] = {
        { "MPOL_F_STATIC_NODES", 1 << 15 },
        { "MPOL_F_RELATIVE_NODES", 1 << 14 },
        { "MPOL_F_NUMA_BALANCING", 1 << 13 },
        { NULL, 0 },
};

static int value_of(const struct name_value *table, const char *name) {
        for (; table->name; table++)
                if (strcmp(table->name, name) == 0)
                        return table->value;
        return NO_VALUE;
}

/* The sum of named flags; the unknown one is reported under `field`. */
static mn_status sum_flags(const struct name_value *table, char **names, const char *field, int *ret,
                           mn_err *err) {
        int sum = 0;
        for (size_t i = 0; names && names[i]; i++) {
                int value = value_of(table, names[i]);
                if (value == NO_VALUE)
                        return mn_fail(err, MN_INVALID, "%s[%zu]: unknown flag \"%s\"", field, i, names[i]);
                sum |= value;
        }
        *ret = sum;
        return MN_OK;
}

/* "0-3,7" into a bit mask of at most `max` bits. */
static int parse_list(const char *list, unsigned long *mask, int max) {
        for (const char *s = list; *s;) {
                char first_text[12] = "", last_text[12] = "";
                while (*s == ' ' || *s == ',')
                        s++;
                if (!*s)
                        break;
                size_t n = strspn(s, "0123456789");
                if (n == 0 || n >= sizeof(first_text))
                        return -EINVAL;
                memcpy(first_text, s, n);
                s += n;
                if (*s == '-') {
                        n = strspn(++s, "0123456789");
                        if (n == 0 || n >= sizeof(last_text))
                                return -EINVAL;
                        memcpy(last_text, s, n);
                        s += n;
                }
                int first, last;
                if (mn_parse_int(first_text, 0, max - 1, &first) < 0 ||
                    mn_parse_int(*last_text ? last_text : first_text, first, max - 1, &last) < 0 ||
                    (*s && !strchr(" ,", *s)))
                        return -EINVAL;
                for (int i = first; i <= last; i++)
                        mask[i / (8 * (int) sizeof(long))] |= 1UL << (i % (8 * (int) sizeof(long)));
        }
        return 0;
}

static mn_status check_list(const char *list, const char *field, int max, mn_err *err) {
        unsigned long mask[MAX_CPUS / (8 * sizeof(long))] = { 0 };
        if (list && parse_list(list, mask, max) < 0)
                return mn_fail(err, MN_INVALID, "%s: \"%s\" is not a list of numbers below %d", field, list,
                               max);
        return MN_OK;
}

mn_status scheduling_check(const oci_process *process, const oci_linux *linux_, mn_err *err) {
        int flags;
        mn_status st = MN_OK;
        if (process->scheduler) {
                if (value_of(policies, process->scheduler->policy) == NO_VALUE)
                        return mn_fail(err, MN_INVALID, "process.scheduler.policy: unknown policy \"%s\"",
                                       process->scheduler->policy);
                st = sum_flags(policy_flags, process->scheduler->flags, "process.scheduler.flags", &flags,
                               err);
        }
        if (st == MN_OK && process->io_priority) {
                if (value_of(io_classes, process->io_priority->klass) == NO_VALUE)
                        return mn_fail(err, MN_INVALID, "process.ioPriority.class: unknown class \"%s\"",
                                       process->io_priority->klass);
                if (process->io_priority->priority < 0 || process->io_priority->priority > 7)
                        return mn_fail(err, MN_INVALID, "process.ioPriority.priority: %d is not 0 to 7",
                                       process->io_priority->priority);
        }
        if (st == MN_OK && process->exec_cpu_affinity) {
                st = check_list(process->exec_cpu_affinity->initial, "process.execCPUAffinity.initial",
                                MAX_CPUS, err);
                if (st == MN_OK)
                        st = check_list(process->exec_cpu_affinity->final, "process.execCPUAffinity.final",
                                        MAX_CPUS, err);
        }
        if (st == MN_OK && linux_ && linux_->memory_policy) {
                if (value_of(memory_modes, linux_->memory_policy->mode) == NO_VALUE)
                        return mn_fail(err, MN_INVALID, "linux.memoryPolicy.mode: unknown mode \"%s\"",
                                       linux_->memory_policy->mode);
                st = sum_flags(memory_flags, linux_->memory_policy->flags, "linux.memoryPolicy.flags", &flags,
                               err);
                if (st == MN_OK)
                        st = check_list(linux_->memory_policy->nodes, "linux.memoryPolicy.nodes", MAX_NODES,
                                        err);
        }
        if (st == MN_OK && linux_ && linux_->personality && linux_->personality->domain &&
            strcmp(linux_->personality->domain, "LINUX") != 0 &&
            strcmp(linux_->personality->domain, "LINUX32") != 0)
                return mn_fail(err, MN_INVALID, "linux.personality.domain: unknown domain \"%s\"",
                               linux_->personality->domain);
        if (st == MN_OK && linux_ && linux_->personality && linux_->personality->flags &&
            *linux_->personality->flags)
                return mn_fail(err, MN_INVALID, "linux.personality.flags: none are defined");
        return st;
}

static mn_status apply_scheduler(const oci_scheduler *s, mn_err *err) {
        /* struct sched_attr, second version. */
        struct {
                uint32_t size, policy;
                uint64_t flags;
                int32_t nice;
                uint32_t priority;
                uint64_t runtime, deadline, period;
                uint32_t util_min, util_max;
        } attr = {
                .size = sizeof(attr),
                .policy = (uint32_t) value_of(policies, s->policy),
                .nice = s->nice,
                .priority = (uint32_t) s->priority,
                .runtime = s->runtime,
                .deadline = s->deadline,
                .period = s->period,
        };
        int flags = 0;
        mn_status st = sum_flags(policy_flags, s->flags, "process.scheduler.flags", &flags, err);
        attr.flags = (uint64_t) flags;
        if (st == MN_OK && syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
                return mn_fail_errno(err, -errno, "process.scheduler: %s", s->policy);
        return st;
}

static mn_status apply_memory_policy(const oci_memory_policy *policy, mn_err *err) {
        unsigned long nodes[MAX_NODES / (8 * sizeof(long))] = { 0 };
        int flags = 0;
        mn_status st = sum_flags(memory_flags, policy->flags, "linux.memoryPolicy.flags", &flags, err);
        if (st)
                return st;
        bool has_nodes = policy->nodes && *policy->nodes;
        if (has_nodes)
                parse_list(policy->nodes, nodes, MAX_NODES);
        if (syscall(SYS_set_mempolicy, value_of(memory_modes, policy->mode) | flags, has_nodes ? nodes : NULL,
                    has_nodes ? MAX_NODES : 0) < 0)
                return mn_fail_errno(err, -errno, "linux.memoryPolicy: %s", policy->mode);
        return MN_OK;
}

mn_status scheduling_apply(const oci_process *process, const oci_memory_policy *policy, mn_err *err) {
        mn_status st = process->scheduler ? apply_scheduler(process->scheduler, err) : MN_OK;
        if (st == MN_OK && process->io_priority) {
                int value = value_of(io_classes, process->io_priority->klass) << 13 |
                            process->io_priority->priority;
                if (syscall(SYS_ioprio_set, 1, 0, value) < 0)
                        return mn_fail_errno(err, -errno, "process.ioPriority: %s",
                                             process->io_priority->klass);
        }
        return st == MN_OK && policy ? apply_memory_policy(policy, err) : st;
}

mn_status scheduling_set_affinity(const char *list, const char *field, mn_err *err) {
        unsigned long mask[MAX_CPUS / (8 * sizeof(long))] = { 0 };
        if (!list || !*list)
                return MN_OK;
        parse_list(list, mask, MAX_CPUS);
        if (syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) < 0)
                return mn_fail_errno(err, -errno, "%s: \"%s\"", field, list);
        return MN_OK;
}

unsigned long scheduling_personality(const oci_personality *personality) {
        return personality->domain && strcmp(personality->domain, "LINUX32") == 0 ? PER_LINUX32 : 0;
}
