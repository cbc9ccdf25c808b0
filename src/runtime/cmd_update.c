/* SPDX-License-Identifier: Apache-2.0 */
/* update: other limits for a running container. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "runtime/commands.h"
#include "runtime/container.h"
#include "runtime/resources.h"
#include "runtime/systemd_cgroup.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { MAX_RESOURCES = 1 << 20 };

/* Numbers arrive as text: zero and "not given" differ. */
typedef struct update_options {
        char *resources;
        char *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_rt_period, *cpu_rt_runtime, *cpu_share,
                *cpu_idle;
        char *cpuset_cpus, *cpuset_mems, *memory, *memory_reservation, *memory_swap, *pids_limit;
        char *kernel_memory, *kernel_memory_tcp, *l3, *mem_bw;
} update_options;

#define TEXT(flag, member, text)                                                                             \
        { flag, 0, OPTION_STRING, offsetof(update_options, member), text }
static const option_row update_options_table[] = {
        { "resources", 'r', OPTION_STRING, offsetof(update_options, resources),
          "FILE  resources as JSON, \"-\": standard input" },
        TEXT("blkio-weight", blkio_weight, "N  10 to 1000"),
        TEXT("cpu-period", cpu_period, "US  length of a period"),
        TEXT("cpu-quota", cpu_quota, "US  per period"),
        TEXT("cpu-burst", cpu_burst, "US  that may be saved up"),
        TEXT("cpu-rt-period", cpu_rt_period, "US  real-time period"),
        TEXT("cpu-rt-runtime", cpu_rt_runtime, "US  per real-time period"),
        TEXT("cpu-share", cpu_share, "N  relative weight"),
        TEXT("cpu-idle", cpu_idle, "0|1  only when nobody else runs"),
        TEXT("cpuset-cpus", cpuset_cpus, "LIST  processors"),
        TEXT("cpuset-mems", cpuset_mems, "LIST  memory nodes"),
        TEXT("memory", memory, "BYTES  limit"),
        TEXT("memory-reservation", memory_reservation, "BYTES  soft limit"),
        TEXT("memory-swap", memory_swap, "BYTES  memory plus swap"),
        TEXT("kernel-memory", kernel_memory, "BYTES  obsolete, without effect"),
        TEXT("kernel-memory-tcp", kernel_memory_tcp, "BYTES  obsolete, without effect"),
        TEXT("pids-limit", pids_limit, "N  processes, -1: no limit"),
        TEXT("l3-cache-schema", l3, "SCHEMA  refused: no resctrl"),
        TEXT("mem-bw-schema", mem_bw, "SCHEMA  refused: no resctrl"),
        { 0 },
};

static mn_status read_resources(const char *file, mn_arena *arena, oci_resources *ret, mn_err *err) {
        cleanup_free char *text = NULL;
        size_t len;
        int r = strcmp(file, "-") == 0 ? mn_file_read_fd(STDIN_FILENO, MAX_RESOURCES, &text, &len)
                                       : mn_file_read(AT_FDCWD, file, MAX_RESOURCES, &text, &len);
        if (r < 0)
                return mn_fail_errno(err, r, "--resources: \"%s\"", file);
        return mn_json_decode_text(&oci_resources_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, ret, err);
}

static mn_status set_i64(mn_arena *arena, const char *text, const char *flag, int64_t **to, mn_err *err) {
        int64_t value;
        if (!text)
                return MN_OK;
        if (mn_parse_i64(text, INT64_MIN, INT64_MAX, &value) < 0)
                return mn_fail(err, MN_INVALID, "--%s: \"%s\" is not a number", flag, text);
        *to = mn_arena_alloc(arena, sizeof(**to));
        **to = value;
        return MN_OK;
}

static mn_status set_u64(mn_arena *arena, const char *text, const char *flag, uint64_t **to, mn_err *err) {
        uint64_t value;
        if (!text)
                return MN_OK;
        if (mn_parse_u64(text, INT64_MAX, &value) < 0)
                return mn_fail(err, MN_INVALID, "--%s: \"%s\" is not a number", flag, text);
        *to = mn_arena_alloc(arena, sizeof(**to));
        **to = value;
        return MN_OK;
}

static mn_status from_options(const update_options *o, mn_arena *arena, oci_resources *res, mn_err *err) {
        oci_memory *m = res->memory = mn_arena_alloc(arena, sizeof(*m));
        oci_cpu *c = res->cpu = mn_arena_alloc(arena, sizeof(*c));
        res->pids = mn_arena_alloc(arena, sizeof(*res->pids));
        c->cpus = o->cpuset_cpus;
        c->mems = o->cpuset_mems;
        if (o->l3 || o->mem_bw)
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "--l3-cache-schema, --mem-bw-schema: this host has no resctrl file system");
        const struct {
                const char *text, *flag;
                int64_t **to;
        } signed_rows[] = {
                { o->memory, "memory", &m->limit },
                { o->memory_reservation, "memory-reservation", &m->reservation },
                { o->memory_swap, "memory-swap", &m->swap },
                { o->cpu_quota, "cpu-quota", &c->quota },
                { o->cpu_rt_runtime, "cpu-rt-runtime", &c->realtime_runtime },
                { o->cpu_idle, "cpu-idle", &c->idle },
                { o->pids_limit, "pids-limit", &res->pids->limit },
        };
        const struct {
                const char *text, *flag;
                uint64_t **to;
        } unsigned_rows[] = {
                { o->cpu_period, "cpu-period", &c->period },
                { o->cpu_burst, "cpu-burst", &c->burst },
                { o->cpu_rt_period, "cpu-rt-period", &c->realtime_period },
                { o->cpu_share, "cpu-share", &c->shares },
        };
        mn_status st = MN_OK;
        for (size_t i = 0; st == MN_OK && i < MN_ARRAY_LEN(signed_rows); i++)
                st = set_i64(arena, signed_rows[i].text, signed_rows[i].flag, signed_rows[i].to, err);
        for (size_t i = 0; st == MN_OK && i < MN_ARRAY_LEN(unsigned_rows); i++)
                st = set_u64(arena, unsigned_rows[i].text, unsigned_rows[i].flag, unsigned_rows[i].to, err);
        uint64_t *weight = NULL;
        if (st == MN_OK)
                st = set_u64(arena, o->blkio_weight, "blkio-weight", &weight, err);
        if (st == MN_OK && weight) {
                res->block_io = mn_arena_alloc(arena, sizeof(*res->block_io));
                res->block_io->weight = mn_arena_alloc(arena, sizeof(uint16_t));
                *res->block_io->weight = (uint16_t) MN_MIN(*weight, (uint64_t) UINT16_MAX);
        }
        return st;
}

/* v1 and hybrid: a hierarchy that the container did not need so far is made now, and all its processes are
 * moved. */
static mn_status extend_cgroup(container *c, const mn_cgroup_host *host, mn_cgroup *cg,
                               const oci_resources *res, mn_err *err) {
        unsigned wanted = resources_controllers(host, res), has = 0;
        for (size_t i = 0; i < cg->len; i++)
                has |= cg->dirs[i].fd >= 0 ? cg->dirs[i].controllers : 0;
        unsigned missing = wanted & ~has;
        if (host->mode == MN_CGROUP_V2 || !missing)
                return MN_OK;
        for (size_t i = 0; i < host->len; i++) {
                const mn_cgroup_hierarchy *h = &host->items[i];
                const char *model = cg->dirs[0].path + strlen("/sys/fs/cgroup");
                if (!(h->controllers & missing) || cg->len == MN_CGROUP_MAX_HIERARCHIES)
                        continue;
                /* The same place as in the systemd or unified hierarchy, which know no prefix of their own.
                 */
                for (size_t k = 0; k < cg->len; k++)
                        if (cg->dirs[k].controllers & (MN_CG_PIDS | MN_CG_CPU))
                                model = strchr(cg->dirs[k].path + strlen("/sys/fs/cgroup/"), '/');
                mn_cgroup made;
                int r = model ? mn_cgroup_create(host, model, h->controllers, &made, NULL) : -EINVAL;
                mn_pid_list pids = { 0 };
                if (r == 0)
                        r = mn_cgroup_pids(cg, &pids);
                for (size_t k = 0; r == 0 && k < pids.len; k++) {
                        r = mn_cgroup_add(&made, pids.items[k]);
                        r = r == -ESRCH ? 0 : r;
                }
                mn_vec_release(&pids);
                if (r < 0)
                        return mn_fail_errno(err, r, "joining the cgroup hierarchy \"%s\"", h->name);
                cg->dirs[cg->len++] = made.dirs[0];
                mn_str_map_set(&c->record.cgroup_paths, c->arena, h->name, made.dirs[0].path);
        }
        return container_save(c->dir_fd, &c->record, err);
}

static mn_status apply(container *c, const oci_resources *res, mn_err *err) {
        mn_cgroup_host host;
        mn_cgroup cg;
        int r = container_open_cgroup(c, &host, &cg);
        if (r < 0) {
                mn_cgroup_host_release(&host);
                return mn_fail_errno(err, r, "opening the cgroup of container \"%s\"", c->record.id);
        }
        mn_status st = mn_str_is_empty(c->record.systemd_unit)
                               ? MN_OK
                               : systemd_cgroup_update(c->record.systemd_unit, res, &host, err);
        if (st == MN_OK)
                st = extend_cgroup(c, &host, &cg, res, err);
        if (st == MN_OK)
                st = resources_apply(&cg, res, err);
        if (st == MN_OK)
                st = resources_apply_memory(&cg, res, -1, err);
        /* Device rules are only touched when some are given. */
        if (st == MN_OK && res->devices.len)
                st = resources_apply_devices(&cg, res, err);
        mn_cgroup_release(&cg);
        mn_cgroup_host_release(&host);
        return st;
}

static mn_status update(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                        mn_err *err) {
        (void) argc;
        (void) ret_code;
        const update_options *o = options;
        cleanup_container container c;
        oci_resources res = { 0 };
        mn_status st = container_open(rt, argv[0], &c, err);
        if (st)
                return st;
        container_status status = container_get_status(&c);
        if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
                return mn_fail(err, MN_CONFLICT, "container not running");
        st = o->resources ? read_resources(o->resources, c.arena, &res, err)
                          : from_options(o, c.arena, &res, err);
        return st == MN_OK ? apply(&c, &res, err) : st;
}

const command command_update = { "update",
                                 "CONTAINER",
                                 "change the limits of a container",
                                 update_options_table,
                                 sizeof(update_options),
                                 1,
                                 1,
                                 false,
                                 update };
