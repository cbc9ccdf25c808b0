/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a cgroup, brought to one shape from the files of v1 and v2. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/file.h"

enum { MAX_FILE = 4 << 20, NS_PER_US = 1000, USER_HZ_NS = 10000000 };

/* v1 says "no limit" with the largest page-aligned number. */
#define V1_UNLIMITED UINT64_C(0x7ffffffffffff000)

/* A file with one number; "max" is MN_CGROUP_NO_LIMIT. 0 when it is not there. */
static uint64_t read_number(int dirfd, const char *file) {
        cleanup_free char *text = NULL;
        uint64_t n = 0;
        if (dirfd < 0 || mn_file_read(dirfd, file, 4096, &text, NULL) < 0)
                return 0;
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, "max") == 0)
                return MN_CGROUP_NO_LIMIT;
        return mn_parse_u64(text, UINT64_MAX, &n) < 0 ? 0 : n;
}

static uint64_t read_limit(int dirfd, const char *file) {
        uint64_t n = read_number(dirfd, file);
        return n == 0 || n >= V1_UNLIMITED ? MN_CGROUP_NO_LIMIT : n;
}

/* Calls `found` for every "name value" line. */
static int read_pairs(int dirfd, const char *file,
                      void (*found)(void *data, const char *name, uint64_t value), void *data) {
        cleanup_free char *text = NULL;
        int r = dirfd < 0 ? -ENOENT : mn_file_read(dirfd, file, MAX_FILE, &text, NULL);
        if (r < 0)
                return r;
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *value = strchr(line, ' ');
                uint64_t n;
                if (!value)
                        continue;
                *value++ = '\0';
                if (mn_parse_u64(value, UINT64_MAX, &n) == 0)
                        found(data, line, n);
        }
        return 0;
}

/* One number out of such a file. */
struct wanted {
        const char *name;
        uint64_t value;
        bool is_found;
};

static void take_wanted(void *data, const char *name, uint64_t value) {
        struct wanted *w = data;
        if (strcmp(w->name, name) == 0) {
                w->value = value;
                w->is_found = true;
        }
}

int64_t mn_cgroup_oom_kills(const mn_cgroup *cg) {
        struct wanted w = { .name = "oom_kill" };
        int fd = mn_cgroup_fd(cg, MN_CG_MEMORY);
        int r = read_pairs(fd, mn_cgroup_is_v2(cg, MN_CG_MEMORY) ? "memory.events" : "memory.oom_control",
                           take_wanted, &w);
        return r < 0 ? r : (int64_t) w.value;
}

/* ---- memory ---- */

static void add_counter(void *data, const char *name, uint64_t value) {
        mn_cgroup_stats *stats = data;
        mn_cgroup_counter c = { .value = value };
        strncpy(c.name, name, sizeof(c.name) - 1);
        mn_vec_push(&stats->memory_counters, c);
}

static void read_memory(const mn_cgroup *cg, mn_cgroup_stats *s) {
        int fd = mn_cgroup_fd(cg, MN_CG_MEMORY);
        s->memory_limit = s->swap_limit = MN_CGROUP_NO_LIMIT;
        if (fd < 0)
                return;
        if (mn_cgroup_is_v2(cg, MN_CG_MEMORY)) {
                struct wanted max = { .name = "max" };
                read_pairs(fd, "memory.events", take_wanted, &max);
                s->memory_fail_count = max.value;
                s->memory_usage = read_number(fd, "memory.current");
                s->memory_max_usage = read_number(fd, "memory.peak");
                s->memory_limit = read_limit(fd, "memory.max");
                s->swap_usage = read_number(fd, "memory.swap.current");
                s->swap_limit = read_number(fd, "memory.swap.max");
        } else {
                s->memory_usage = read_number(fd, "memory.usage_in_bytes");
                s->memory_max_usage = read_number(fd, "memory.max_usage_in_bytes");
                s->memory_limit = read_limit(fd, "memory.limit_in_bytes");
                s->memory_fail_count = read_number(fd, "memory.failcnt");
                uint64_t both = read_number(fd, "memory.memsw.usage_in_bytes");
                s->swap_usage = both > s->memory_usage ? both - s->memory_usage : 0;
                uint64_t limit = read_limit(fd, "memory.memsw.limit_in_bytes");
                s->swap_limit = limit == MN_CGROUP_NO_LIMIT || limit < s->memory_limit
                                        ? limit
                                        : limit - s->memory_limit;
        }
        int64_t kills = mn_cgroup_oom_kills(cg);
        s->oom_kill_count = kills > 0 ? (uint64_t) kills : 0;
        read_pairs(fd, "memory.stat", add_counter, s);
}

/* ---- cpu ---- */

static void take_cpu_v2(void *data, const char *name, uint64_t value) {
        mn_cgroup_stats *s = data;
        if (strcmp(name, "usage_usec") == 0)
                s->cpu_usage_ns = value * NS_PER_US;
        else if (strcmp(name, "user_usec") == 0)
                s->cpu_user_ns = value * NS_PER_US;
        else if (strcmp(name, "system_usec") == 0)
                s->cpu_system_ns = value * NS_PER_US;
        else if (strcmp(name, "nr_periods") == 0)
                s->cpu_periods = value;
        else if (strcmp(name, "nr_throttled") == 0)
                s->cpu_throttled_periods = value;
        else if (strcmp(name, "throttled_usec") == 0)
                s->cpu_throttled_ns = value * NS_PER_US;
}

static void take_cpu_v1(void *data, const char *name, uint64_t value) {
        mn_cgroup_stats *s = data;
        if (strcmp(name, "nr_periods") == 0)
                s->cpu_periods = value;
        else if (strcmp(name, "nr_throttled") == 0)
                s->cpu_throttled_periods = value;
        else if (strcmp(name, "throttled_time") == 0)
                s->cpu_throttled_ns = value;
        else if (strcmp(name, "user") == 0)
                s->cpu_user_ns = value * USER_HZ_NS;
        else if (strcmp(name, "system") == 0)
                s->cpu_system_ns = value * USER_HZ_NS;
}

static void read_per_cpu(int fd, mn_cgroup_stats *s) {
        cleanup_free char *text = NULL;
        if (mn_file_read(fd, "cpuacct.usage_percpu", MAX_FILE, &text, NULL) < 0)
                return;
        char *save = NULL;
        for (char *word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
                uint64_t n = 0;
                if (mn_parse_u64(word, UINT64_MAX, &n) == 0)
                        mn_vec_push(&s->cpu_per_cpu_ns, n);
        }
}

static void read_cpu(const mn_cgroup *cg, mn_cgroup_stats *s) {
        int fd = mn_cgroup_fd(cg, MN_CG_CPU), acct = mn_cgroup_fd(cg, MN_CG_CPUACCT);
        if (mn_cgroup_is_v2(cg, MN_CG_CPU) || cg->mode == MN_CGROUP_V2) {
                read_pairs(mn_cgroup_fd(cg, MN_CG_UNIFIED), "cpu.stat", take_cpu_v2, s);
                return;
        }
        read_pairs(fd, "cpu.stat", take_cpu_v1, s);
        if (acct < 0)
                return;
        s->cpu_usage_ns = read_number(acct, "cpuacct.usage");
        read_pairs(acct, "cpuacct.stat", take_cpu_v1, s);
        read_per_cpu(acct, s);
}

/* ---- block devices ---- */

static mn_cgroup_io *io_of(mn_cgroup_stats *s, const char *device) {
        const char *colon = strchr(device, ':');
        if (!colon)
                return NULL;
        char major_text[16] = "";
        strncpy(major_text, device, MN_MIN((size_t) (colon - device), sizeof(major_text) - 1));
        int major, minor;
        if (mn_parse_int(major_text, 0, INT32_MAX, &major) < 0 ||
            mn_parse_int(colon + 1, 0, INT32_MAX, &minor) < 0)
                return NULL;
        for (size_t i = 0; i < s->io.len; i++)
                if (s->io.items[i].major == (unsigned) major && s->io.items[i].minor == (unsigned) minor)
                        return &s->io.items[i];
        mn_cgroup_io io = { .major = (unsigned) major, .minor = (unsigned) minor };
        mn_vec_push(&s->io, io);
        return &s->io.items[s->io.len - 1];
}

/* v1: "8:0 Read 4096" per line. */
static void read_io_v1(int fd, const char *file, bool is_ops, mn_cgroup_stats *s) {
        cleanup_free char *text = NULL;
        if (mn_file_read(fd, file, MAX_FILE, &text, NULL) < 0)
                return;
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *word = NULL, *device = strtok_r(line, " ", &word), *op = strtok_r(NULL, " ", &word),
                     *value = strtok_r(NULL, " ", &word);
                uint64_t n;
                if (!value || mn_parse_u64(value, UINT64_MAX, &n) < 0)
                        continue;
                bool is_read = strcmp(op, "Read") == 0;
                if (!is_read && strcmp(op, "Write") != 0)
                        continue;
                mn_cgroup_io *io = io_of(s, device);
                if (io)
                        *(is_ops    ? is_read ? &io->read_ops : &io->write_ops
                          : is_read ? &io->read_bytes
                                    : &io->write_bytes) = n;
        }
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" per line. */
static void read_io_v2(int fd, mn_cgroup_stats *s) {
        cleanup_free char *text = NULL;
        if (mn_file_read(fd, "io.stat", MAX_FILE, &text, NULL) < 0)
                return;
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *word = NULL, *device = strtok_r(line, " ", &word);
                mn_cgroup_io *io = device ? io_of(s, device) : NULL;
                for (char *pair; io && (pair = strtok_r(NULL, " ", &word));) {
                        char *value = strchr(pair, '=');
                        uint64_t n;
                        if (!value || mn_parse_u64(value + 1, UINT64_MAX, &n) < 0)
                                continue;
                        *value = '\0';
                        uint64_t *to = strcmp(pair, "rbytes") == 0   ? &io->read_bytes
                                       : strcmp(pair, "wbytes") == 0 ? &io->write_bytes
                                       : strcmp(pair, "rios") == 0   ? &io->read_ops
                                       : strcmp(pair, "wios") == 0   ? &io->write_ops
                                                                     : NULL;
                        if (to)
                                *to = n;
                }
        }
}

static void read_io(const mn_cgroup *cg, mn_cgroup_stats *s) {
        int fd = mn_cgroup_fd(cg, MN_CG_BLKIO);
        if (fd < 0)
                return;
        if (mn_cgroup_is_v2(cg, MN_CG_BLKIO)) {
                read_io_v2(fd, s);
                return;
        }
        read_io_v1(fd, "blkio.throttle.io_service_bytes_recursive", false, s);
        read_io_v1(fd, "blkio.throttle.io_serviced_recursive", true, s);
}

/* ---- pressure ---- */

/* "0.25" as 25. */
static uint32_t hundredths(const char *text) {
        cleanup_free char *whole = mn_strndup(text, strspn(text, "0123456789"));
        const char *fraction = text + strlen(whole) + (text[strlen(whole)] == '.');
        uint64_t n = 0, part = 0;
        cleanup_free char *digits = mn_strndup(fraction, MN_MIN(strspn(fraction, "0123456789"), (size_t) 2));
        (void) mn_parse_u64(whole, 100, &n);
        (void) mn_parse_u64(digits, 99, &part);
        return (uint32_t) (n * 100 + part);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0". */
static void parse_pressure(char *line, mn_cgroup_pressure *ret) {
        char *save = NULL, *kind = strtok_r(line, " ", &save);
        mn_cgroup_pressure_line *to = kind && strcmp(kind, "full") == 0 ? &ret->full : &ret->some;
        for (char *pair; (pair = strtok_r(NULL, " ", &save));) {
                char *value = strchr(pair, '=');
                if (!value)
                        continue;
                *value++ = '\0';
                if (strcmp(pair, "avg10") == 0)
                        to->avg10 = hundredths(value);
                else if (strcmp(pair, "avg60") == 0)
                        to->avg60 = hundredths(value);
                else if (strcmp(pair, "avg300") == 0)
                        to->avg300 = hundredths(value);
                else if (strcmp(pair, "total") == 0)
                        (void) mn_parse_u64(value, UINT64_MAX, &to->total_us);
        }
}

static void read_pressure(const mn_cgroup *cg, const char *file, mn_cgroup_pressure *ret) {
        cleanup_free char *text = NULL;
        int fd = mn_cgroup_fd(cg, MN_CG_UNIFIED);
        if (fd < 0 || mn_file_read(fd, file, 4096, &text, NULL) < 0)
                return;
        ret->is_known = true;
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                parse_pressure(line, ret);
}

int mn_cgroup_read_stats(const mn_cgroup *cg, mn_cgroup_stats *ret) {
        *ret = (mn_cgroup_stats){ .pids_limit = MN_CGROUP_NO_LIMIT };
        read_memory(cg, ret);
        read_cpu(cg, ret);
        read_io(cg, ret);
        read_pressure(cg, "cpu.pressure", &ret->cpu_pressure);
        read_pressure(cg, "memory.pressure", &ret->memory_pressure);
        read_pressure(cg, "io.pressure", &ret->io_pressure);
        int pids = mn_cgroup_fd(cg, MN_CG_PIDS);
        if (pids >= 0) {
                ret->pids_current = read_number(pids, "pids.current");
                ret->pids_limit = read_limit(pids, "pids.max");
        }
        return 0;
}

void mn_cgroup_stats_release(mn_cgroup_stats *stats) {
        mn_vec_release(&stats->memory_counters);
        mn_vec_release(&stats->cpu_per_cpu_ns);
        mn_vec_release(&stats->io);
}
