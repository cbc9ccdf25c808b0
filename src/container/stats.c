/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/{id}/stats: one sample from the container's cgroup and network namespace. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "base/time.h"
#include "container/engine.h"
#include "sys/cgroup.h"
#include "sys/file.h"

enum { MAX_PROC_FILE = 1 << 20, NET_DEV_FIELDS = 16 };

/* Words of a line, runs of blanks as one separator; at most `max`. */
static size_t split_blanks(char *line, char **words, size_t max) {
        size_t n = 0;
        for (char *save = NULL, *w = strtok_r(line, " \t", &save); w && n < max;
             w = strtok_r(NULL, " \t", &save))
                words[n++] = w;
        return n;
}

/* CPU time of the whole machine in nanoseconds: the first seven columns of /proc/stat's "cpu" line, as Docker
 * counts. */
static uint64_t system_cpu_ns(void) {
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(-1, "/proc/stat", MAX_PROC_FILE, &text, &len) < 0)
                return 0;
        *strchrnul(text, '\n') = '\0';
        char *words[12];
        size_t n = split_blanks(text, words, MN_ARRAY_LEN(words));
        uint64_t ticks = 0, one;
        for (size_t i = 1; i < n && i <= 7; i++)
                if (mn_parse_u64(words[i], UINT64_MAX, &one) == 0)
                        ticks += one;
        return ticks * (uint64_t) (MN_NS_PER_SEC / sysconf(_SC_CLK_TCK));
}

static uint64_t machine_memory_bytes(void) {
        return (uint64_t) sysconf(_SC_PHYS_PAGES) * (uint64_t) sysconf(_SC_PAGESIZE);
}

static void fill_cpu(wire_cpu_stats *ret, const mn_cgroup_stats *s, mn_arena *arena) {
        ret->cpu_usage.total_usage = s->cpu_usage_ns;
        ret->cpu_usage.usage_in_kernelmode = s->cpu_system_ns;
        ret->cpu_usage.usage_in_usermode = s->cpu_user_ns;
        if (s->cpu_per_cpu_ns.len) {
                ret->cpu_usage.percpu_usage.items = mn_arena_array(arena, s->cpu_per_cpu_ns.len,
                                                                   sizeof(uint64_t));
                ret->cpu_usage.percpu_usage.len = s->cpu_per_cpu_ns.len;
                memcpy(ret->cpu_usage.percpu_usage.items, s->cpu_per_cpu_ns.items,
                       s->cpu_per_cpu_ns.len * sizeof(uint64_t));
        }
        ret->system_cpu_usage = system_cpu_ns();
        ret->online_cpus = (uint32_t) sysconf(_SC_NPROCESSORS_ONLN);
        ret->throttling_data = (wire_throttling){ s->cpu_periods, s->cpu_throttled_periods,
                                                  s->cpu_throttled_ns };
}

/* Docker tells the two counters of v1 for v1 only. */
static void fill_memory(wire_memory_stats *ret, const mn_cgroup_stats *s, bool is_v2, mn_arena *arena) {
        uint64_t machine = machine_memory_bytes();
        ret->usage = s->memory_usage;
        ret->max_usage = is_v2 ? 0 : s->memory_max_usage;
        ret->failcnt = is_v2 ? 0 : s->memory_fail_count;
        ret->limit = s->memory_limit < machine ? s->memory_limit : machine;
        ret->stats.items = mn_arena_array(arena, s->memory_counters.len + 1, sizeof(*ret->stats.items));
        for (size_t i = 0; i < s->memory_counters.len; i++) {
                ret->stats.items[i].key = mn_arena_strdup(arena, s->memory_counters.items[i].name);
                ret->stats.items[i].value = s->memory_counters.items[i].value;
        }
        ret->stats.len = s->memory_counters.len;
}

static void add_io(wire_blkio_entry_list *list, const mn_cgroup_io *io, const char *op, uint64_t value,
                   mn_arena *arena) {
        list->items[list->len++] = (wire_blkio_entry){ io->major, io->minor, mn_arena_strdup(arena, op),
                                                       value };
}

static void fill_blkio(wire_blkio_stats *ret, const mn_cgroup_stats *s, mn_arena *arena) {
        wire_blkio_entry_list *bytes = &ret->io_service_bytes_recursive, *ops = &ret->io_serviced_recursive;
        bytes->items = mn_arena_array(arena, 2 * s->io.len + 1, sizeof(*bytes->items));
        ops->items = mn_arena_array(arena, 2 * s->io.len + 1, sizeof(*ops->items));
        for (size_t i = 0; i < s->io.len; i++) {
                const mn_cgroup_io *io = &s->io.items[i];
                add_io(bytes, io, "read", io->read_bytes, arena);
                add_io(bytes, io, "write", io->write_bytes, arena);
                add_io(ops, io, "read", io->read_ops, arena);
                add_io(ops, io, "write", io->write_ops, arena);
        }
}

/* One line of /proc/PID/net/dev: "  eth0: rx_bytes packets errs drop fifo frame compressed multicast tx_bytes
 * ...". */
static bool parse_interface(char *line, char **ret_name, wire_interface_stats *ret) {
        char *colon = strchr(line, ':'), *words[NET_DEV_FIELDS];
        if (!colon)
                return false;
        *colon = '\0';
        *ret_name = line + strspn(line, " ");
        if (split_blanks(colon + 1, words, NET_DEV_FIELDS) < NET_DEV_FIELDS || strcmp(*ret_name, "lo") == 0)
                return false;
        const struct {
                size_t index;
                uint64_t *to;
        } wanted[] = {
                { 0, &ret->rx_bytes },   { 1, &ret->rx_packets },  { 2, &ret->rx_errors },
                { 3, &ret->rx_dropped }, { 8, &ret->tx_bytes },    { 9, &ret->tx_packets },
                { 10, &ret->tx_errors }, { 11, &ret->tx_dropped },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(wanted); i++)
                if (mn_parse_u64(words[wanted[i].index], UINT64_MAX, wanted[i].to) < 0)
                        return false;
        return true;
}

static void fill_networks(wire_interface_stats_map *ret, pid_t pid, mn_arena *arena) {
        char path[40];
        snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(-1, path, MAX_PROC_FILE, &text, &len) < 0)
                return;
        cleanup_strv char **lines = mn_strv_split(text, '\n');
        ret->items = mn_arena_array(arena, mn_strv_len(lines) + 1, sizeof(*ret->items));
        for (char **line = lines; *line; line++) {
                char *name;
                wire_interface_stats one = { 0 };
                if (!parse_interface(*line, &name, &one))
                        continue;
                ret->items[ret->len].key = mn_arena_strdup(arena, name);
                ret->items[ret->len++].value = one;
        }
}

/* What the cgroup of a running container says. A container that ends meanwhile leaves zeros. */
static void sample(const container *c, pid_t pid, bool has_own_network, mn_arena *arena, wire_stats *ret) {
        cleanup_cgroup_host mn_cgroup_host host = { 0 };
        cleanup_cgroup mn_cgroup cg = { 0 };
        cleanup_cgroup_stats mn_cgroup_stats s = { 0 };
        if (mn_cgroup_host_init(&host) < 0 || mn_cgroup_open_pid(&host, pid, c->id, &cg) < 0 ||
            mn_cgroup_read_stats(&cg, &s) < 0)
                return;
        fill_cpu(&ret->cpu_stats, &s, arena);
        fill_memory(&ret->memory_stats, &s, mn_cgroup_is_v2(&cg, MN_CG_MEMORY), arena);
        fill_blkio(&ret->blkio_stats, &s, arena);
        ret->pids_stats.current = s.pids_current;
        ret->pids_stats.limit = s.pids_limit == MN_CGROUP_NO_LIMIT ? 0 : s.pids_limit;
        if (has_own_network)
                fill_networks(&ret->networks, pid, arena);
}

mn_status container_stats(container_engine *e, const char *name, const wire_stats *previous, mn_arena *arena,
                          wire_stats *ret, mn_err *err) {
        cleanup_container container *c = NULL;
        mn_status st = container_find(e, name, &c, err);
        if (st)
                return st;
        engine_lock(e);
        pid_t pid = container_is_running(c) ? c->state.pid : 0;
        const char *mode = c->record->host_config.network_mode;
        bool has_own_network = mode && strcmp(mode, "host") != 0 && strcmp(mode, "none") != 0;
        *ret = (wire_stats){
                .id = mn_arena_strdup(arena, c->id),
                .name = mn_arena_printf(arena, "/%s", c->record->name),
                .os_type = mn_arena_strdup(arena, "linux"),
        };
        engine_unlock(e);
        if (pid > 0) {
                sample(c, pid, has_own_network, arena, ret);
                ret->read_ns = mn_now_ns();
        }
        if (previous) {
                ret->precpu_stats = previous->cpu_stats;
                mn_json_copy(&wire_stats_type, ret, arena, ret); /* what `previous` lent becomes ours */
                ret->preread_ns = previous->read_ns;
        }
        return MN_OK;
}
