/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stats.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "codec/size.h"

/* What `docker stats` calls used: the page cache that can be dropped does not count. */
static double memory_used(const mn_json *memory) {
        const mn_json *stats = mn_json_get(memory, "stats");
        double usage = cli_double(memory, "usage");
        double cache = mn_json_get(stats, "total_inactive_file") ? cli_double(stats, "total_inactive_file")
                                                                 : cli_double(stats, "inactive_file");
        return cache < usage ? usage - cache : usage;
}

static double cpu_percent(const mn_json *document) {
        const mn_json *now = mn_json_get(document, "cpu_stats"),
                      *before = mn_json_get(document, "precpu_stats");
        double used = cli_double(mn_json_get(now, "cpu_usage"), "total_usage") -
                      cli_double(mn_json_get(before, "cpu_usage"), "total_usage");
        double all = cli_double(now, "system_cpu_usage") - cli_double(before, "system_cpu_usage");
        double cpus = cli_double(now, "online_cpus");
        const mn_json *per_cpu = mn_json_get(mn_json_get(now, "cpu_usage"), "percpu_usage");
        if (cpus == 0 && per_cpu)
                cpus = (double) per_cpu->len;
        return used > 0 && all > 0 ? used / all * cpus * 100 : 0;
}

static void take(stats_sample *s, const mn_json *document) {
        const mn_json *networks = mn_json_get(document, "networks");
        const mn_json *blocks = mn_json_get(mn_json_get(document, "blkio_stats"),
                                            "io_service_bytes_recursive");
        const char *name = cli_text(document, "name");
        mn_freep(&s->id);
        mn_freep(&s->name);
        s->id = mn_strdup(cli_text(document, "id"));
        s->name = mn_strdup(*name == '/' ? name + 1 : name);
        s->cpu_percent = cpu_percent(document);
        s->memory = memory_used(mn_json_get(document, "memory_stats"));
        s->memory_limit = cli_double(mn_json_get(document, "memory_stats"), "limit");
        s->pids = (long long) cli_number(mn_json_get(document, "pids_stats"), "current");
        s->received = s->sent = s->read = s->written = 0;
        for (const mn_json *n = networks ? networks->child : NULL; n; n = n->next) {
                s->received += cli_double(n, "rx_bytes");
                s->sent += cli_double(n, "tx_bytes");
        }
        for (const mn_json *b = blocks ? blocks->child : NULL; b; b = b->next) {
                if (strcasecmp(cli_text(b, "op"), "read") == 0)
                        s->read += cli_double(b, "value");
                else if (strcasecmp(cli_text(b, "op"), "write") == 0)
                        s->written += cli_double(b, "value");
        }
        s->is_set = *s->id != '\0';
}

bool stats_read(client_stream *stream, stats_sample *s) {
        char buf[16 << 10];
        ssize_t n = client_stream_read(stream, buf, sizeof(buf));
        if (n > 0)
                mn_str_add_len(&s->pending, buf, (size_t) n);
        for (;;) {
                const char *end = s->pending.len ? memchr(s->pending.data, '\n', s->pending.len) : NULL;
                size_t len = end ? (size_t) (end - s->pending.data) + 1 : n <= 0 ? s->pending.len : 0;
                if (!len)
                        break;
                cleanup_arena mn_arena *arena = mn_arena_new();
                const mn_json *document;
                const mn_json_limits limits = { .allows_duplicate_keys = true };
                if (mn_json_parse(arena, s->pending.data, len, &limits, &document, NULL) == MN_OK)
                        take(s, document);
                memmove(s->pending.data, s->pending.data + len, s->pending.len - len);
                mn_str_truncate(&s->pending, s->pending.len - len);
        }
        return n > 0;
}

static const char *pair(mn_arena *arena, double a, double b) {
        char first[MN_SIZE_TEXT_SIZE], second[MN_SIZE_TEXT_SIZE];
        return mn_arena_printf(arena, "%s / %s", mn_size_human(a, 3, first), mn_size_human(b, 3, second));
}

void stats_add_row(mn_arena *arena, format_list *list, const char *name, const stats_sample *s,
                   bool is_full) {
        char used[MN_SIZE_TEXT_SIZE], limit[MN_SIZE_TEXT_SIZE];
        format_row(list, NULL);
        format_set(list, "Container", name);
        format_set(list, "ID", !s->is_set ? name : is_full ? s->id : mn_arena_printf(arena, "%.12s", s->id));
        format_set(list, "Name", s->is_set ? s->name : "--");
        if (!s->is_set) {
                static const char *const rest[] = { "CPUPerc", "MemPerc", "NetIO", "BlockIO", "PIDs" };
                for (size_t i = 0; i < MN_ARRAY_LEN(rest); i++)
                        format_set(list, rest[i], "--");
                format_set(list, "MemUsage", "-- / --");
                return;
        }
        mn_size_binary(s->memory, used);
        mn_size_binary(s->memory_limit, limit);
        double percent = s->memory_limit > 0 ? s->memory / s->memory_limit * 100 : 0;
        format_set(list, "CPUPerc", mn_arena_printf(arena, "%.2f%%", s->cpu_percent));
        format_set(list, "MemUsage", mn_arena_printf(arena, "%s / %s", used, limit));
        format_set(list, "MemPerc", mn_arena_printf(arena, "%.2f%%", percent));
        format_set(list, "NetIO", pair(arena, s->received, s->sent));
        format_set(list, "BlockIO", pair(arena, s->read, s->written));
        format_set(list, "PIDs", mn_arena_printf(arena, "%lld", s->pids));
}

void stats_release(stats_sample *s) {
        mn_freep(&s->id);
        mn_freep(&s->name);
        mn_str_release(&s->pending);
}
