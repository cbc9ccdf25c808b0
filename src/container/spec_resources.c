/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: limits. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/str.h"
#include "container/spec.h"

#define COPY_NUMBER(arena, T, value)                                                                         \
        ({                                                                                                   \
                T *_p = mn_arena_alloc((arena), sizeof(T));                                                  \
                *_p = (T) (value);                                                                           \
                _p;                                                                                          \
        })

static oci_memory *memory(const wire_resources *r, mn_arena *arena) {
        oci_memory m = { 0 };
        bool is_set = false;
        if (r->memory_bytes > 0)
                m.limit = COPY_NUMBER(arena, int64_t, r->memory_bytes), is_set = true;
        if (r->memory_reservation_bytes > 0)
                m.reservation = COPY_NUMBER(arena, int64_t, r->memory_reservation_bytes), is_set = true;
        if (r->memory_swap_bytes)
                m.swap = COPY_NUMBER(arena, int64_t, r->memory_swap_bytes), is_set = true;
        if (r->memory_swappiness)
                m.swappiness = COPY_NUMBER(arena, uint64_t, *r->memory_swappiness), is_set = true;
        if (r->is_oom_kill_disabled && *r->is_oom_kill_disabled)
                m.disable_oom_killer = COPY_NUMBER(arena, bool, true), is_set = true;
        return is_set ? COPY_NUMBER(arena, oci_memory, m) : NULL;
}

static oci_cpu *cpu(const wire_resources *r, mn_arena *arena) {
        oci_cpu c = { 0 };
        bool is_set = false;
        if (r->cpu_shares > 0)
                c.shares = COPY_NUMBER(arena, uint64_t, r->cpu_shares), is_set = true;
        if (r->nano_cpus > 0) {
                c.period = COPY_NUMBER(arena, uint64_t, 100000);
                c.quota = COPY_NUMBER(arena, int64_t, r->nano_cpus / 10000), is_set = true;
        }
        if (r->cpu_period_us)
                c.period = COPY_NUMBER(arena, uint64_t, r->cpu_period_us), is_set = true;
        if (r->cpu_quota_us)
                c.quota = COPY_NUMBER(arena, int64_t, r->cpu_quota_us), is_set = true;
        if (r->cpu_realtime_period_us)
                c.realtime_period = COPY_NUMBER(arena, uint64_t, r->cpu_realtime_period_us), is_set = true;
        if (r->cpu_realtime_runtime_us)
                c.realtime_runtime = COPY_NUMBER(arena, int64_t, r->cpu_realtime_runtime_us), is_set = true;
        if (!mn_str_is_empty(r->cpuset_cpus))
                c.cpus = mn_arena_strdup(arena, r->cpuset_cpus), is_set = true;
        if (!mn_str_is_empty(r->cpuset_mems))
                c.mems = mn_arena_strdup(arena, r->cpuset_mems), is_set = true;
        return is_set ? COPY_NUMBER(arena, oci_cpu, c) : NULL;
}

static mn_status device_number(const char *path, struct stat *ret, mn_err *err) {
        if (!path || stat(path, ret) < 0)
                return mn_fail(err, MN_INVALID, "no such device: \"%s\"", path ? path : "");
        return S_ISBLK(ret->st_mode) ? MN_OK : mn_fail(err, MN_INVALID, "\"%s\" is not a block device", path);
}

static mn_status throttle(const wire_throttle_device_list *from, mn_arena *arena, oci_throttle_list *ret,
                          mn_err *err) {
        ret->items = mn_arena_array(arena, from->len + 1, sizeof *ret->items);
        for (size_t i = 0; i < from->len; i++) {
                struct stat st;
                mn_status status = device_number(from->items[i].path, &st, err);
                if (status)
                        return status;
                ret->items[ret->len++] = (oci_throttle_device){ .major = major(st.st_rdev),
                                                                .minor = minor(st.st_rdev),
                                                                .rate = from->items[i].rate };
        }
        return MN_OK;
}

static mn_status block_io(const wire_resources *r, mn_arena *arena, oci_block_io **ret, mn_err *err) {
        if (!r->blkio_weight && !r->blkio_weight_device.len && !r->blkio_device_read_bps.len &&
            !r->blkio_device_write_bps.len && !r->blkio_device_read_iops.len &&
            !r->blkio_device_write_iops.len)
                return MN_OK;
        oci_block_io *b = *ret = mn_arena_alloc(arena, sizeof *b);
        if (r->blkio_weight)
                b->weight = COPY_NUMBER(arena, uint16_t, r->blkio_weight);
        b->weight_device.items = mn_arena_array(arena, r->blkio_weight_device.len + 1,
                                                sizeof *b->weight_device.items);
        for (size_t i = 0; i < r->blkio_weight_device.len; i++) {
                struct stat st;
                mn_status status = device_number(r->blkio_weight_device.items[i].path, &st, err);
                if (status)
                        return status;
                b->weight_device.items[b->weight_device.len++] = (oci_weight_device){
                        .major = major(st.st_rdev),
                        .minor = minor(st.st_rdev),
                        .weight = COPY_NUMBER(arena, uint16_t, r->blkio_weight_device.items[i].weight),
                };
        }
        mn_status status = throttle(&r->blkio_device_read_bps, arena, &b->throttle_read_bps, err);
        if (!status)
                status = throttle(&r->blkio_device_write_bps, arena, &b->throttle_write_bps, err);
        if (!status)
                status = throttle(&r->blkio_device_read_iops, arena, &b->throttle_read_iops, err);
        if (!status)
                status = throttle(&r->blkio_device_write_iops, arena, &b->throttle_write_iops, err);
        return status;
}

mn_status container_spec_resources(const wire_resources *r, mn_arena *arena, oci_resources *ret,
                                   mn_err *err) {
        ret->memory = memory(r, arena);
        ret->cpu = cpu(r, arena);
        if (r->pids_limit && *r->pids_limit) {
                ret->pids = mn_arena_alloc(arena, sizeof *ret->pids);
                ret->pids->limit = COPY_NUMBER(arena, int64_t, *r->pids_limit);
        }
        return block_io(r, arena, &ret->block_io, err);
}
