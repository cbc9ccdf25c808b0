/* SPDX-License-Identifier: Apache-2.0 */
/* events: figures and out-of-memory notices, as runc prints them. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "base/time.h"
#include "runtime/commands.h"
#include "runtime/container.h"
#include "sys/fd.h"

enum { MAX_EVENT = 1 << 20, DEFAULT_INTERVAL_S = 5, OOM_POLL_MS = 500 };

typedef struct events_options {
        char *interval;
        bool is_stats_only;
} events_options;

static const option_row events_options_table[] = {
        { "interval", 0, OPTION_STRING, offsetof(events_options, interval), "TIME  between figures (5s)" },
        { "stats", 0, OPTION_FLAG, offsetof(events_options, is_stats_only), "print the figures once" },
        { 0 },
};

static void add_number(mn_str *out, const char *name, uint64_t value, bool is_last) {
        mn_str_printf(out, "\"%s\":%llu%s", name,
                      (unsigned long long) (value == MN_CGROUP_NO_LIMIT ? 0 : value), is_last ? "" : ",");
}

static void add_pressure_line(mn_str *out, const char *name, const mn_cgroup_pressure_line *p, bool is_last) {
        mn_str_printf(out, "\"%s\":{\"avg10\":%u.%02u,\"avg60\":%u.%02u,\"avg300\":%u.%02u,\"total\":%llu}%s",
                      name, p->avg10 / 100, p->avg10 % 100, p->avg60 / 100, p->avg60 % 100, p->avg300 / 100,
                      p->avg300 % 100, (unsigned long long) p->total_us, is_last ? "" : ",");
}

/* Last member of its object. */
static void add_pressure(mn_str *out, const mn_cgroup_pressure *p) {
        if (!p->is_known)
                return;
        mn_str_add(out, ",\"psi\":{");
        add_pressure_line(out, "some", &p->some, false);
        add_pressure_line(out, "full", &p->full, true);
        mn_str_add(out, "}");
}

static void add_memory(mn_str *out, const mn_cgroup_stats *s) {
        mn_str_add(out, "\"memory\":{\"usage\":{");
        add_number(out, "limit", s->memory_limit, false);
        add_number(out, "usage", s->memory_usage, false);
        add_number(out, "max", s->memory_max_usage, false);
        add_number(out, "failcnt", s->memory_fail_count, true);
        mn_str_add(out, "},\"swap\":{");
        add_number(out, "limit", s->swap_limit, false);
        add_number(out, "usage", s->swap_usage, true);
        mn_str_add(out, "},\"raw\":{");
        for (size_t i = 0; i < s->memory_counters.len; i++)
                add_number(out, s->memory_counters.items[i].name, s->memory_counters.items[i].value,
                           i + 1 == s->memory_counters.len);
        mn_str_add(out, "}");
        add_pressure(out, &s->memory_pressure);
        mn_str_add(out, "}");
}

static void add_cpu(mn_str *out, const mn_cgroup_stats *s) {
        mn_str_add(out, "\"cpu\":{\"usage\":{");
        add_number(out, "total", s->cpu_usage_ns, false);
        add_number(out, "kernel", s->cpu_system_ns, false);
        add_number(out, "user", s->cpu_user_ns, true);
        mn_str_add(out, "},\"throttling\":{");
        add_number(out, "periods", s->cpu_periods, false);
        add_number(out, "throttledPeriods", s->cpu_throttled_periods, false);
        add_number(out, "throttledTime", s->cpu_throttled_ns, true);
        mn_str_add(out, "}");
        add_pressure(out, &s->cpu_pressure);
        mn_str_add(out, "}");
}

static void add_io(mn_str *out, const mn_cgroup_stats *s) {
        mn_str_add(out, "\"blkio\":{\"ioServiceBytesRecursive\":[");
        for (size_t i = 0; i < s->io.len; i++) {
                const mn_cgroup_io *io = &s->io.items[i];
                mn_str_printf(out, "%s{\"major\":%u,\"minor\":%u,\"op\":\"Read\",\"value\":%llu},",
                              i ? "," : "", io->major, io->minor, (unsigned long long) io->read_bytes);
                mn_str_printf(out, "{\"major\":%u,\"minor\":%u,\"op\":\"Write\",\"value\":%llu}", io->major,
                              io->minor, (unsigned long long) io->write_bytes);
        }
        mn_str_add(out, "]");
        add_pressure(out, &s->io_pressure);
        mn_str_add(out, "}");
}

static void print_stats(const char *id, const mn_cgroup *cg) {
        mn_cgroup_stats s;
        cleanup_str mn_str out = MN_STR_INIT(MAX_EVENT);
        mn_cgroup_read_stats(cg, &s);
        mn_str_add(&out, "{\"type\":\"stats\",\"id\":");
        mn_json_add_str(&out, id);
        mn_str_add(&out, ",\"data\":{");
        add_cpu(&out, &s);
        mn_str_add(&out, ",");
        add_memory(&out, &s);
        mn_str_add(&out, ",\"pids\":{");
        add_number(&out, "current", s.pids_current, false);
        add_number(&out, "limit", s.pids_limit, true);
        mn_str_add(&out, "},");
        add_io(&out, &s);
        mn_str_add(&out, "}}\n");
        mn_cgroup_stats_release(&s);
        (void) mn_write_all(STDOUT_FILENO, mn_str_text(&out), out.len);
}

static mn_status parse_interval(const char *text, int *ret_ms, mn_err *err) {
        int seconds = DEFAULT_INTERVAL_S;
        if (text) {
                size_t len = strlen(text);
                cleanup_free char *digits = mn_strndup(text, len && text[len - 1] == 's' ? len - 1 : len);
                if (mn_parse_int(digits, 1, 86400, &seconds) < 0)
                        return mn_fail(err, MN_INVALID, "--interval: \"%s\" is not a number of seconds",
                                       text);
        }
        *ret_ms = seconds * 1000;
        return MN_OK;
}

static void tell_kills(const container *c, const mn_cgroup *cg, int64_t *kills) {
        int64_t now = mn_cgroup_oom_kills(cg);
        if (now > *kills)
                dprintf(STDOUT_FILENO, "{\"type\":\"oom\",\"id\":\"%s\"}\n", c->record.id);
        *kills = now;
}

/* Until the container ends: figures every interval, a notice when the count of kills has grown. */
static void watch(const container *c, const mn_cgroup *cg, int interval_ms) {
        cleanup_close int pidfd = container_open_pid(c);
        int64_t next = mn_monotonic_ns(), kills = mn_cgroup_oom_kills(cg);
        bool has_ended = pidfd < 0;
        while (!has_ended) {
                if (mn_monotonic_ns() >= next) {
                        print_stats(c->record.id, cg);
                        next += interval_ms * MN_NS_PER_MS;
                }
                int n = poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1,
                             MN_MIN(interval_ms, (int) OOM_POLL_MS));
                has_ended = n > 0 || (n < 0 && errno != EINTR);
                tell_kills(c, cg, &kills); /* also of what ended it */
        }
}

static mn_status events(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                        mn_err *err) {
        (void) argc;
        (void) ret_code;
        const events_options *o = options;
        cleanup_container container c = { .dir_fd = -1 };
        int interval_ms = 0;
        mn_status st = parse_interval(o->interval, &interval_ms, err);
        if (st == MN_OK)
                st = container_open(rt, argv[0], &c, err);
        if (st)
                return st;
        if (container_get_status(&c) == CONTAINER_STOPPED)
                return mn_fail(err, MN_CONFLICT, "container with id %s is not running", argv[0]);
        mn_cgroup_host host;
        mn_cgroup cg;
        int r = container_open_cgroup(&c, &host, &cg);
        if (r == 0) {
                if (o->is_stats_only)
                        print_stats(argv[0], &cg);
                else
                        watch(&c, &cg, interval_ms);
                mn_cgroup_release(&cg);
        }
        mn_cgroup_host_release(&host);
        return r < 0 ? mn_fail_errno(err, r, "opening the cgroup of container \"%s\"", argv[0]) : MN_OK;
}

const command command_events = { "events",
                                 "CONTAINER",
                                 "print figures and out-of-memory notices",
                                 events_options_table,
                                 sizeof(events_options),
                                 1,
                                 1,
                                 false,
                                 events };
