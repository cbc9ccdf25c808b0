/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/file.h"

/* One write, with the field it comes from for the message. */
static mn_status put(const mn_cgroup *cg, unsigned controller, const char *file, const char *value,
                     const char *field, mn_err *err) {
        int fd = mn_cgroup_fd(cg, controller);
        if (fd < 0)
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "linux.resources.%s: this host has no such cgroup controller", field);
        int r = mn_file_put(fd, file, value);
        if (r == -ENOENT)
                return mn_fail(err, MN_NOT_IMPLEMENTED, "linux.resources.%s: this kernel has no \"%s\"",
                               field, file);
        return r < 0 ? mn_fail_errno(err, r, "linux.resources.%s: writing \"%s\" to \"%s\"", field, value,
                                     file)
                     : MN_OK;
}

static mn_status put_i64(const mn_cgroup *cg, unsigned controller, const char *file, int64_t value,
                         const char *field, mn_err *err) {
        char text[32];
        snprintf(text, sizeof(text), "%lld", (long long) value);
        return put(cg, controller, file, text, field, err);
}

/* v2 writes "max" for no limit. */
static mn_status put_limit(const mn_cgroup *cg, unsigned controller, const char *file, int64_t value,
                           const char *field, mn_err *err) {
        return value < 0 ? put(cg, controller, file, "max", field, err)
                         : put_i64(cg, controller, file, value, field, err);
}

unsigned resources_controllers(const mn_cgroup_host *host, const oci_resources *res) {
        if (host->mode == MN_CGROUP_V2)
                return ~0U;
        unsigned mask = MN_CG_CPU | MN_CG_CPUACCT | MN_CG_MEMORY | MN_CG_DEVICES | MN_CG_BLKIO | MN_CG_PIDS |
                        MN_CG_SYSTEMD | MN_CG_UNIFIED | MN_CG_CPUSET;
        if (host->mode == MN_CGROUP_V1)
                mask |= MN_CG_FREEZER;
        if (!res)
                return mask;
        if (res->cpu && ((res->cpu->cpus && *res->cpu->cpus) || (res->cpu->mems && *res->cpu->mems)))
                mask |= MN_CG_CPUSET;
        mask |= res->hugepage_limits.len ? MN_CG_HUGETLB : 0;
        mask |= res->rdma.len ? MN_CG_RDMA : 0;
        if (res->network)
                mask |= (res->network->class_id ? MN_CG_NET_CLS : 0) |
                        (res->network->priorities.len ? MN_CG_NET_PRIO : 0);
        return mask;
}

/* ---- memory ---- */

/* v1: the limit of memory plus swap may never be below that of memory, so the order depends on the direction.
 */
static mn_status apply_memory_v1(const mn_cgroup *cg, const oci_memory *m, mn_err *err) {
        mn_status st = MN_OK;
        bool has_limit = m->limit && *m->limit != 0, has_swap = m->swap && *m->swap != 0;
        int fd = mn_cgroup_fd(cg, MN_CG_MEMORY);
        bool swap_first = false;
        if (has_limit && has_swap && fd >= 0) {
                char text[32];
                snprintf(text, sizeof(text), "%lld", (long long) *m->swap);
                swap_first = mn_file_put(fd, "memory.memsw.limit_in_bytes", text) == 0;
        }
        if (has_limit)
                st = put_i64(cg, MN_CG_MEMORY, "memory.limit_in_bytes", *m->limit, "memory.limit", err);
        if (st == MN_OK && has_swap && !swap_first &&
            !(has_limit && *m->swap == *m->limit && fd >= 0 &&
              mn_file_put(fd, "memory.memsw.limit_in_bytes", "") == -ENOENT))
                st = put_i64(cg, MN_CG_MEMORY, "memory.memsw.limit_in_bytes", *m->swap, "memory.swap", err);
        if (st == MN_OK && m->reservation && *m->reservation)
                st = put_i64(cg, MN_CG_MEMORY, "memory.soft_limit_in_bytes", *m->reservation,
                             "memory.reservation", err);
        if (st == MN_OK && m->kernel_tcp && *m->kernel_tcp)
                st = put_i64(cg, MN_CG_MEMORY, "memory.kmem.tcp.limit_in_bytes", *m->kernel_tcp,
                             "memory.kernelTCP", err);
        if (st == MN_OK && m->swappiness) {
                if (*m->swappiness > 100)
                        return mn_fail(err, MN_INVALID, "linux.resources.memory.swappiness: not 0 to 100");
                st = put_i64(cg, MN_CG_MEMORY, "memory.swappiness", (int64_t) *m->swappiness,
                             "memory.swappiness", err);
        }
        if (st == MN_OK && m->disable_oom_killer && *m->disable_oom_killer)
                st = put(cg, MN_CG_MEMORY, "memory.oom_control", "1", "memory.disableOOMKiller", err);
        return st;
}

/* What v2 has no file for. (memory.kernel, which no kernel counts any more, is without effect everywhere.) */
static mn_status refuse_memory_v1(const oci_memory *m, mn_err *err) {
        const char *field = m->swappiness                                     ? "swappiness"
                            : m->kernel_tcp && *m->kernel_tcp                 ? "kernelTCP"
                            : m->disable_oom_killer && *m->disable_oom_killer ? "disableOOMKiller"
                                                                              : NULL;
        return field ? mn_fail(err, MN_NOT_IMPLEMENTED, "linux.resources.memory.%s: not on cgroup v2", field)
                     : MN_OK;
}

/* v2 counts swap alone; the configuration has memory plus swap. Everything but the limit itself. */
static mn_status prepare_memory_v2(const mn_cgroup *cg, const oci_memory *m, mn_err *err) {
        mn_status st = refuse_memory_v1(m, err);
        if (st)
                return st;
        if (m->swap && *m->swap > 0 && (!m->limit || *m->limit <= 0))
                return mn_fail(err, MN_INVALID,
                               "linux.resources.memory.swap: needs memory.limit on cgroup v2");
        if (m->swap && *m->swap > 0 && *m->swap < *m->limit)
                return mn_fail(err, MN_INVALID, "linux.resources.memory.swap: below memory.limit");
        if (m->swap && *m->swap) {
                int fd = mn_cgroup_fd(cg, MN_CG_MEMORY);
                bool has_no_swap = fd >= 0 && mn_file_put(fd, "memory.swap.max", "max") == -ENOENT;
                if (!has_no_swap)
                        st = put_limit(cg, MN_CG_MEMORY, "memory.swap.max",
                                       *m->swap < 0 ? -1 : *m->swap - *m->limit, "memory.swap", err);
        }
        if (st == MN_OK && m->reservation && *m->reservation)
                st = put_limit(cg, MN_CG_MEMORY, "memory.low", *m->reservation, "memory.reservation", err);
        return st;
}

static mn_status check_usage(const mn_cgroup *cg, const oci_memory *m, mn_err *err) {
        if (!m->check_before_update || !*m->check_before_update || *m->limit <= 0)
                return MN_OK;
        mn_cgroup_stats stats;
        mn_cgroup_read_stats(cg, &stats);
        uint64_t usage = stats.memory_usage;
        mn_cgroup_stats_release(&stats);
        return usage <= (uint64_t) *m->limit
                       ? MN_OK
                       : mn_fail(err, MN_INVALID,
                                 "linux.resources.memory.limit: %lld is below the current usage %llu",
                                 (long long) *m->limit, (unsigned long long) usage);
}

static mn_status limit_memory_v2(const mn_cgroup *cg, const oci_memory *m, int limit_fd, mn_err *err) {
        if (!m->limit || !*m->limit)
                return MN_OK;
        mn_status st = check_usage(cg, m, err);
        if (st || limit_fd < 0)
                return st ? st : put_limit(cg, MN_CG_MEMORY, "memory.max", *m->limit, "memory.limit", err);
        char text[32] = "max";
        if (*m->limit > 0)
                snprintf(text, sizeof(text), "%lld", (long long) *m->limit);
        return write(limit_fd, text, strlen(text)) < 0
                       ? mn_fail_errno(err, -errno, "linux.resources.memory.limit: writing \"%s\"", text)
                       : MN_OK;
}

int resources_open_memory_limit(const mn_cgroup *cg, const oci_resources *res) {
        bool is_needed = res && res->memory && res->memory->limit && mn_cgroup_is_v2(cg, MN_CG_MEMORY);
        return is_needed ? openat(mn_cgroup_fd(cg, MN_CG_MEMORY), "memory.max", O_WRONLY | O_CLOEXEC) : -1;
}

void resources_lift_memory(const mn_cgroup *cg) {
        int fd = mn_cgroup_fd(cg, MN_CG_MEMORY);
        if (fd < 0)
                return;
        if (mn_cgroup_is_v2(cg, MN_CG_MEMORY))
                (void) mn_file_put(fd, "memory.max", "max");
        else
                (void) mn_file_put(fd, "memory.limit_in_bytes", "-1");
}

mn_status resources_apply_memory(const mn_cgroup *cg, const oci_resources *res, int limit_fd, mn_err *err) {
        if (!res || !res->memory)
                return MN_OK;
        return mn_cgroup_is_v2(cg, MN_CG_MEMORY) ? limit_memory_v2(cg, res->memory, limit_fd, err)
                                                 : apply_memory_v1(cg, res->memory, err);
}

/* ---- cpu ---- */

static mn_status apply_cpu_v1(const mn_cgroup *cg, const oci_cpu *c, mn_err *err) {
        mn_status st = MN_OK;
        if (c->shares && *c->shares)
                st = put_i64(cg, MN_CG_CPU, "cpu.shares", (int64_t) *c->shares, "cpu.shares", err);
        if (st == MN_OK && c->period && *c->period)
                st = put_i64(cg, MN_CG_CPU, "cpu.cfs_period_us", (int64_t) *c->period, "cpu.period", err);
        if (st == MN_OK && c->quota && *c->quota)
                st = put_i64(cg, MN_CG_CPU, "cpu.cfs_quota_us", *c->quota, "cpu.quota", err);
        if (st == MN_OK && c->burst)
                st = put_i64(cg, MN_CG_CPU, "cpu.cfs_burst_us", (int64_t) *c->burst, "cpu.burst", err);
        if (st == MN_OK && c->realtime_period && *c->realtime_period)
                st = put_i64(cg, MN_CG_CPU, "cpu.rt_period_us", (int64_t) *c->realtime_period,
                             "cpu.realtimePeriod", err);
        if (st == MN_OK && c->realtime_runtime && *c->realtime_runtime)
                st = put_i64(cg, MN_CG_CPU, "cpu.rt_runtime_us", *c->realtime_runtime, "cpu.realtimeRuntime",
                             err);
        return st;
}

int64_t resources_cpu_weight(uint64_t shares) {
        uint64_t bounded = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
        return (int64_t) (1 + (bounded - 2) * 9999 / 262142);
}

static mn_status apply_cpu_v2(const mn_cgroup *cg, const oci_cpu *c, mn_err *err) {
        mn_status st = MN_OK;
        bool is_idle = c->idle && *c->idle;
        if (c->shares && *c->shares && !is_idle)
                st = put_i64(cg, MN_CG_CPU, "cpu.weight", resources_cpu_weight(*c->shares), "cpu.shares",
                             err);
        if (st == MN_OK && ((c->quota && *c->quota) || (c->period && *c->period))) {
                char text[64], quota[32] = "max";
                uint64_t period = c->period && *c->period ? *c->period : 100000;
                if (c->quota && *c->quota > 0)
                        snprintf(quota, sizeof(quota), "%lld", (long long) *c->quota);
                snprintf(text, sizeof(text), "%s %llu", quota, (unsigned long long) period);
                st = put(cg, MN_CG_CPU, "cpu.max", text, "cpu.quota", err);
        }
        if (st == MN_OK && c->burst)
                st = put_i64(cg, MN_CG_CPU, "cpu.max.burst", (int64_t) *c->burst, "cpu.burst", err);
        if (st == MN_OK && c->realtime_runtime && *c->realtime_runtime)
                st = mn_fail(err, MN_NOT_IMPLEMENTED,
                             "linux.resources.cpu.realtimeRuntime: not on cgroup v2");
        return st;
}

static mn_status apply_cpu(const mn_cgroup *cg, const oci_cpu *c, mn_err *err) {
        mn_status st = mn_cgroup_is_v2(cg, MN_CG_CPU) ? apply_cpu_v2(cg, c, err) : apply_cpu_v1(cg, c, err);
        if (st == MN_OK && c->idle)
                st = put_i64(cg, MN_CG_CPU, "cpu.idle", *c->idle, "cpu.idle", err);
        if (st == MN_OK && c->cpus && *c->cpus)
                st = put(cg, MN_CG_CPUSET, "cpuset.cpus", c->cpus, "cpu.cpus", err);
        if (st == MN_OK && c->mems && *c->mems)
                st = put(cg, MN_CG_CPUSET, "cpuset.mems", c->mems, "cpu.mems", err);
        return st;
}

/* ---- block devices ---- */

static mn_status apply_throttle(const mn_cgroup *cg, const oci_throttle_list *list, const char *v1_file,
                                const char *v2_key, const char *field, mn_err *err) {
        bool is_v2 = mn_cgroup_is_v2(cg, MN_CG_BLKIO);
        for (size_t i = 0; i < list->len; i++) {
                const oci_throttle_device *d = &list->items[i];
                char text[96], rate[32];
                snprintf(rate, sizeof(rate), "%llu", (unsigned long long) d->rate);
                if (is_v2)
                        snprintf(text, sizeof(text), "%lld:%lld %s=%s", (long long) d->major,
                                 (long long) d->minor, v2_key, d->rate ? rate : "max");
                else
                        snprintf(text, sizeof(text), "%lld:%lld %s", (long long) d->major,
                                 (long long) d->minor, rate);
                mn_status st = put(cg, MN_CG_BLKIO, is_v2 ? "io.max" : v1_file, text, field, err);
                if (st)
                        return st;
        }
        return MN_OK;
}

int64_t resources_io_weight(uint16_t weight) {
        return 1 + (weight - 10) * 9999 / 990;
}

/* The file depends on the scheduler that is built in: BFQ's own, or the general one. */
static mn_status apply_weight(const mn_cgroup *cg, const char *device, uint16_t weight, const char *field,
                              mn_err *err) {
        if (weight < 10 || weight > 1000)
                return mn_fail(err, MN_INVALID, "linux.resources.%s: %u is not 10 to 1000", field, weight);
        bool is_v2 = mn_cgroup_is_v2(cg, MN_CG_BLKIO);
        int fd = mn_cgroup_fd(cg, MN_CG_BLKIO);
        char text[96];
        snprintf(text, sizeof(text), "%s%u", device, weight);
        if (fd >= 0 && mn_file_put(fd,
                                   is_v2     ? "io.bfq.weight"
                                   : *device ? "blkio.bfq.weight_device"
                                             : "blkio.bfq.weight",
                                   text) == 0)
                return MN_OK;
        if (is_v2)
                snprintf(text, sizeof(text), "%s%lld", *device ? device : "default ",
                         (long long) resources_io_weight(weight));
        return put(cg, MN_CG_BLKIO,
                   is_v2     ? "io.weight"
                   : *device ? "blkio.weight_device"
                             : "blkio.weight",
                   text, field, err);
}

/* CFQ's files, which left the kernel with it in 5.0. */
static mn_status apply_leaf_weight(const mn_cgroup *cg, const char *device, uint16_t weight,
                                   const char *field, mn_err *err) {
        char text[64];
        if (mn_cgroup_is_v2(cg, MN_CG_BLKIO))
                return mn_fail(err, MN_NOT_IMPLEMENTED, "linux.resources.%s: not on cgroup v2", field);
        snprintf(text, sizeof(text), "%s%u", device, weight);
        return put(cg, MN_CG_BLKIO, *device ? "blkio.leaf_weight_device" : "blkio.leaf_weight", text, field,
                   err);
}

static mn_status apply_block_io(const mn_cgroup *cg, const oci_block_io *b, mn_err *err) {
        mn_status st = b->weight && *b->weight ? apply_weight(cg, "", *b->weight, "blockIO.weight", err)
                                               : MN_OK;
        if (st == MN_OK && b->leaf_weight && *b->leaf_weight)
                st = apply_leaf_weight(cg, "", *b->leaf_weight, "blockIO.leafWeight", err);
        for (size_t i = 0; st == MN_OK && i < b->weight_device.len; i++) {
                const oci_weight_device *d = &b->weight_device.items[i];
                char device[48];
                snprintf(device, sizeof(device), "%lld:%lld ", (long long) d->major, (long long) d->minor);
                if (d->weight)
                        st = apply_weight(cg, device, *d->weight, "blockIO.weightDevice", err);
                if (st == MN_OK && d->leaf_weight && *d->leaf_weight)
                        st = apply_leaf_weight(cg, device, *d->leaf_weight, "blockIO.weightDevice.leafWeight",
                                               err);
        }
        if (st == MN_OK)
                st = apply_throttle(cg, &b->throttle_read_bps, "blkio.throttle.read_bps_device", "rbps",
                                    "blockIO.throttleReadBpsDevice", err);
        if (st == MN_OK)
                st = apply_throttle(cg, &b->throttle_write_bps, "blkio.throttle.write_bps_device", "wbps",
                                    "blockIO.throttleWriteBpsDevice", err);
        if (st == MN_OK)
                st = apply_throttle(cg, &b->throttle_read_iops, "blkio.throttle.read_iops_device", "riops",
                                    "blockIO.throttleReadIOPSDevice", err);
        if (st == MN_OK)
                st = apply_throttle(cg, &b->throttle_write_iops, "blkio.throttle.write_iops_device", "wiops",
                                    "blockIO.throttleWriteIOPSDevice", err);
        return st;
}

/* ---- the rest ---- */

static mn_status apply_hugepages(const mn_cgroup *cg, const oci_resources *res, mn_err *err) {
        bool is_v2 = mn_cgroup_is_v2(cg, MN_CG_HUGETLB);
        for (size_t i = 0; i < res->hugepage_limits.len; i++) {
                const oci_hugepage_limit *h = &res->hugepage_limits.items[i];
                char file[64], text[32];
                size_t digits = strspn(h->page_size, "0123456789");
                if (!digits || strspn(h->page_size + digits, "KMGB") != strlen(h->page_size + digits) ||
                    strlen(h->page_size) > 16)
                        return mn_fail(err, MN_INVALID,
                                       "linux.resources.hugepageLimits[%zu].pageSize: \"%s\"", i,
                                       h->page_size);
                snprintf(file, sizeof(file), "hugetlb.%s.%s", h->page_size, is_v2 ? "max" : "limit_in_bytes");
                snprintf(text, sizeof(text), "%llu", (unsigned long long) h->limit);
                mn_status st = put(cg, MN_CG_HUGETLB, file, text, "hugepageLimits", err);
                if (st)
                        return st;
                /* Reservations too, where the kernel counts them: then nobody gets SIGBUS on use. */
                snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", h->page_size,
                         is_v2 ? "max" : "limit_in_bytes");
                int r = mn_file_put(mn_cgroup_fd(cg, MN_CG_HUGETLB), file, text);
                if (r < 0 && r != -ENOENT)
                        return mn_fail_errno(err, r, "linux.resources.hugepageLimits[%zu]: reservations", i);
        }
        return MN_OK;
}

static mn_status apply_network(const mn_cgroup *cg, const oci_network_resources *n, mn_err *err) {
        mn_status st = MN_OK;
        if (n->class_id)
                st = put_i64(cg, MN_CG_NET_CLS, "net_cls.classid", *n->class_id, "network.classID", err);
        for (size_t i = 0; st == MN_OK && i < n->priorities.len; i++) {
                char text[64];
                snprintf(text, sizeof(text), "%.15s %u", n->priorities.items[i].name,
                         n->priorities.items[i].priority);
                st = put(cg, MN_CG_NET_PRIO, "net_prio.ifpriomap", text, "network.priorities", err);
        }
        return st;
}

static mn_status apply_rdma(const mn_cgroup *cg, const oci_resources *res, mn_err *err) {
        for (size_t i = 0; i < res->rdma.len; i++) {
                const oci_rdma *r = &res->rdma.items[i].value;
                cleanup_str mn_str text = MN_STR_INIT(512);
                mn_str_add(&text, res->rdma.items[i].key);
                if (r->hca_handles)
                        mn_str_printf(&text, " hca_handle=%u", *r->hca_handles);
                if (r->hca_objects)
                        mn_str_printf(&text, " hca_object=%u", *r->hca_objects);
                mn_status st = put(cg, MN_CG_RDMA, "rdma.max", mn_str_text(&text), "rdma", err);
                if (st)
                        return st;
        }
        return MN_OK;
}

static mn_status apply_unified(const mn_cgroup *cg, const oci_resources *res, mn_err *err) {
        for (size_t i = 0; i < res->unified.len; i++) {
                const char *file = res->unified.items[i].key;
                if (cg->mode != MN_CGROUP_V2)
                        return mn_fail(err, MN_NOT_IMPLEMENTED,
                                       "linux.resources.unified: this host does not use cgroup v2 alone");
                if (strchr(file, '/') || !strchr(file, '.') || strncmp(file, "cgroup.", 7) == 0)
                        return mn_fail(err, MN_INVALID,
                                       "linux.resources.unified: \"%s\" is not a controller's file", file);
                mn_status st = put(cg, MN_CG_UNIFIED, file, res->unified.items[i].value, "unified", err);
                if (st)
                        return st;
        }
        return MN_OK;
}

mn_status resources_apply(const mn_cgroup *cg, const oci_resources *res, mn_err *err) {
        if (!res)
                return MN_OK;
        mn_status st = res->cpu ? apply_cpu(cg, res->cpu, err) : MN_OK;
        if (st == MN_OK && res->memory && mn_cgroup_is_v2(cg, MN_CG_MEMORY))
                st = prepare_memory_v2(cg, res->memory, err);
        if (st == MN_OK && res->pids && res->pids->limit)
                st = put_limit(cg, MN_CG_PIDS, "pids.max", *res->pids->limit <= 0 ? -1 : *res->pids->limit,
                               "pids.limit", err);
        if (st == MN_OK && res->block_io)
                st = apply_block_io(cg, res->block_io, err);
        if (st == MN_OK)
                st = apply_hugepages(cg, res, err);
        if (st == MN_OK && res->network)
                st = apply_network(cg, res->network, err);
        if (st == MN_OK)
                st = apply_rdma(cg, res, err);
        return st == MN_OK ? apply_unified(cg, res, err) : st;
}
