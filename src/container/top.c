/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /containers/{id}/top: the container's processes as the host's /proc shows them. No program runs for it,
 * neither the host's ps nor, ever, one of the container's. The columns are ps's: "-ef" (the default), "aux",
 * and lists with -o.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "base/time.h"
#include "container/engine.h"
#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { MAX_COLUMNS = 32, MAX_COMMAND_LINE = 64 * 1024, STAT_FIELDS = 40 };

/* What /proc says of one process. */
struct process {
        pid_t pid;
        uid_t uid;
        gid_t gid;
        char state;
        int64_t ppid, pgid, sid, tty, nice, threads, start_ticks, user_ticks, system_ticks, rss_pages;
        uint64_t vsize_bytes;
        char *name;    /* in brackets for what has no command line */
        char *command; /* arguments joined with spaces */
};

/* The moment all processes are compared with. */
struct moment {
        int64_t now_s, boot_s;
        int64_t ticks_per_s, page_bytes, memory_bytes;
};

/* ---- reading /proc ---- */

/* Fields 4.. of /proc/PID/stat; the name may hold spaces and brackets, so they count from the last one. */
static int parse_stat(const char *text, struct process *p) {
        const char *close = strrchr(text, ')');
        if (!close || close[1] != ' ' || !close[2])
                return -EBADMSG;
        p->state = close[2];
        cleanup_strv char **fields = mn_strv_split(close + 4, ' ');
        if (mn_strv_len(fields) < STAT_FIELDS - 4)
                return -EBADMSG;
        const struct {
                size_t index;
                int64_t *to;
        } wanted[] = {
                { 0, &p->ppid },         { 1, &p->pgid },          { 2, &p->sid },   { 3, &p->tty },
                { 10, &p->user_ticks },  { 11, &p->system_ticks }, { 15, &p->nice }, { 16, &p->threads },
                { 18, &p->start_ticks }, { 20, &p->rss_pages },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(wanted); i++)
                if (mn_parse_i64(fields[wanted[i].index], INT64_MIN, INT64_MAX, wanted[i].to) < 0)
                        return -EBADMSG;
        return mn_parse_u64(fields[19], UINT64_MAX, &p->vsize_bytes) < 0 ? -EBADMSG : 0;
}

/* The name between the outermost brackets of the stat line. */
static char *stat_name(const char *text, mn_arena *arena) {
        const char *open = strchr(text, '('), *close = strrchr(text, ')');
        return mn_arena_strndup(arena, open + 1, (size_t) (close - open - 1));
}

static char *join_command(const char *bytes, size_t len, const char *name, mn_arena *arena) {
        while (len && !bytes[len - 1])
                len--;
        if (!len)
                return mn_arena_printf(arena, "[%s]", name);
        char *text = mn_arena_strndup(arena, bytes, len);
        for (size_t i = 0; i < len; i++)
                if (!text[i] || text[i] == '\n')
                        text[i] = ' ';
        return text;
}

/* 0, or -errno: most often -ENOENT, the process has ended. */
static int read_process(pid_t pid, mn_arena *arena, struct process *ret) {
        char path[32];
        snprintf(path, sizeof(path), "/proc/%d", pid);
        cleanup_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        if (dir < 0 || fstat(dir, &st) < 0)
                return -errno;
        *ret = (struct process){ .pid = pid, .uid = st.st_uid, .gid = st.st_gid };
        cleanup_free char *stat_text = NULL, *command = NULL;
        size_t len;
        int r = mn_file_read(dir, "stat", 4096, &stat_text, &len);
        if (r == 0)
                r = parse_stat(stat_text, ret);
        if (r == 0)
                r = mn_file_read(dir, "cmdline", MAX_COMMAND_LINE, &command, &len);
        if (r == -EFBIG) { /* the beginning says enough */
                command = mn_strdup("");
                len = 0;
                r = 0;
        }
        if (r < 0)
                return r;
        ret->name = stat_name(stat_text, arena);
        ret->command = join_command(command, len, ret->name, arena);
        return 0;
}

static void read_moment(struct moment *ret) {
        struct timespec uptime;
        clock_gettime(CLOCK_BOOTTIME, &uptime);
        ret->now_s = mn_now_ns() / MN_NS_PER_SEC;
        ret->boot_s = ret->now_s - uptime.tv_sec;
        ret->ticks_per_s = sysconf(_SC_CLK_TCK);
        ret->page_bytes = sysconf(_SC_PAGESIZE);
        ret->memory_bytes = (int64_t) sysconf(_SC_PHYS_PAGES) * ret->page_bytes;
}

/* ---- columns ---- */

static int64_t started_at(const struct process *p, const struct moment *m) {
        return m->boot_s + p->start_ticks / m->ticks_per_s;
}

/* Whole-life CPU share in tenths of a percent. */
static int64_t cpu_permille(const struct process *p, const struct moment *m) {
        int64_t age_s = m->now_s - started_at(p, m);
        return age_s > 0 ? (p->user_ticks + p->system_ticks) * 1000 / m->ticks_per_s / age_s : 0;
}

static char *text_start(const struct process *p, const struct moment *m, mn_arena *arena) {
        time_t t = started_at(p, m);
        struct tm tm;
        char buf[16];
        localtime_r(&t, &tm);
        strftime(buf, sizeof(buf), m->now_s - t < 24 * 3600 ? "%H:%M" : "%b%d", &tm);
        return mn_arena_strdup(arena, buf);
}

static char *text_time(const struct process *p, const struct moment *m, mn_arena *arena, bool is_short) {
        int64_t s = (p->user_ticks + p->system_ticks) / m->ticks_per_s;
        if (is_short)
                return mn_arena_printf(arena, "%lld:%02lld", (long long) s / 60, (long long) s % 60);
        return mn_arena_printf(arena, "%02lld:%02lld:%02lld", (long long) s / 3600, (long long) s / 60 % 60,
                               (long long) s % 60);
}

static char *text_elapsed(const struct process *p, const struct moment *m, mn_arena *arena) {
        int64_t s = MN_MAX(m->now_s - started_at(p, m), (int64_t) 0), days = s / 86400;
        if (days)
                return mn_arena_printf(arena, "%lld-%02lld:%02lld:%02lld", (long long) days,
                                       (long long) s / 3600 % 24, (long long) s / 60 % 60,
                                       (long long) s % 60);
        if (s >= 3600)
                return mn_arena_printf(arena, "%02lld:%02lld:%02lld", (long long) s / 3600,
                                       (long long) s / 60 % 60, (long long) s % 60);
        return mn_arena_printf(arena, "%02lld:%02lld", (long long) s / 60, (long long) s % 60);
}

static char *text_tty(const struct process *p, mn_arena *arena) {
        unsigned major = (unsigned) p->tty >> 8 & 0xfff,
                 minor = ((unsigned) p->tty & 0xff) | ((unsigned) p->tty >> 12 & 0xfff00);
        if (!p->tty)
                return mn_arena_strdup(arena, "?");
        return major >= 136 && major < 144 ? mn_arena_printf(arena, "pts/%u", (major - 136) * 256 + minor)
                                           : mn_arena_printf(arena, "tty%u", minor);
}

static char *text_user(uid_t uid, mn_arena *arena) {
        /* The host's names, without the C library's plug-ins: root is the one that matters, the rest are
         * numbers. */
        return uid == 0 ? mn_arena_strdup(arena, "root") : mn_arena_printf(arena, "%u", uid);
}

static char *text_state(const struct process *p, mn_arena *arena) {
        return mn_arena_printf(arena, "%c%s%s%s", p->state,
                               p->nice < 0   ? "<"
                               : p->nice > 0 ? "N"
                                             : "",
                               p->sid == p->pid ? "s" : "", p->threads > 1 ? "l" : "");
}

enum column_kind {
        COL_USER,
        COL_UID,
        COL_GROUP,
        COL_GID,
        COL_PID,
        COL_PPID,
        COL_PGID,
        COL_SID,
        COL_CPU_WHOLE,
        COL_CPU,
        COL_MEMORY,
        COL_VSZ,
        COL_RSS,
        COL_TTY,
        COL_STATE,
        COL_START,
        COL_TIME,
        COL_TIME_SHORT,
        COL_ELAPSED,
        COL_NICE,
        COL_THREADS,
        COL_NAME,
        COL_COMMAND,
};

static const struct column {
        const char *keyword, *title;
        enum column_kind kind;
} columns[] = {
        { "user", "USER", COL_USER },
        { "euser", "EUSER", COL_USER },
        { "uname", "USER", COL_USER },
        { "uid", "UID", COL_UID },
        { "euid", "EUID", COL_UID },
        { "group", "GROUP", COL_GROUP },
        { "gid", "GID", COL_GID },
        { "pid", "PID", COL_PID },
        { "ppid", "PPID", COL_PPID },
        { "pgid", "PGID", COL_PGID },
        { "pgrp", "PGRP", COL_PGID },
        { "sid", "SID", COL_SID },
        { "sess", "SESS", COL_SID },
        { "c", "C", COL_CPU_WHOLE },
        { "pcpu", "%CPU", COL_CPU },
        { "%cpu", "%CPU", COL_CPU },
        { "pmem", "%MEM", COL_MEMORY },
        { "%mem", "%MEM", COL_MEMORY },
        { "vsz", "VSZ", COL_VSZ },
        { "rss", "RSS", COL_RSS },
        { "tty", "TT", COL_TTY },
        { "tt", "TT", COL_TTY },
        { "stat", "STAT", COL_STATE },
        { "state", "S", COL_STATE },
        { "s", "S", COL_STATE },
        { "start", "START", COL_START },
        { "stime", "STIME", COL_START },
        { "time", "TIME", COL_TIME },
        { "cputime", "TIME", COL_TIME },
        { "etime", "ELAPSED", COL_ELAPSED },
        { "ni", "NI", COL_NICE },
        { "nice", "NI", COL_NICE },
        { "nlwp", "NLWP", COL_THREADS },
        { "thcount", "THCNT", COL_THREADS },
        { "comm", "COMMAND", COL_NAME },
        { "ucmd", "CMD", COL_NAME },
        { "cmd", "CMD", COL_COMMAND },
        { "args", "COMMAND", COL_COMMAND },
        { "command", "COMMAND", COL_COMMAND },
};

static const struct column full_format[] = {
        { NULL, "UID", COL_USER },    { NULL, "PID", COL_PID },     { NULL, "PPID", COL_PPID },
        { NULL, "C", COL_CPU_WHOLE }, { NULL, "STIME", COL_START }, { NULL, "TTY", COL_TTY },
        { NULL, "TIME", COL_TIME },   { NULL, "CMD", COL_COMMAND },
};
static const struct column bsd_format[] = {
        { NULL, "USER", COL_USER },       { NULL, "PID", COL_PID },         { NULL, "%CPU", COL_CPU },
        { NULL, "%MEM", COL_MEMORY },     { NULL, "VSZ", COL_VSZ },         { NULL, "RSS", COL_RSS },
        { NULL, "TTY", COL_TTY },         { NULL, "STAT", COL_STATE },      { NULL, "START", COL_START },
        { NULL, "TIME", COL_TIME_SHORT }, { NULL, "COMMAND", COL_COMMAND },
};

static char *cell(const struct process *p, const struct moment *m, enum column_kind kind, mn_arena *arena) {
        int64_t number = 0;
        switch (kind) {
        case COL_USER:
                return text_user(p->uid, arena);
        case COL_GROUP:
                return text_user(p->gid, arena);
        case COL_TTY:
                return text_tty(p, arena);
        case COL_STATE:
                return text_state(p, arena);
        case COL_START:
                return text_start(p, m, arena);
        case COL_TIME:
        case COL_TIME_SHORT:
                return text_time(p, m, arena, kind == COL_TIME_SHORT);
        case COL_ELAPSED:
                return text_elapsed(p, m, arena);
        case COL_NAME:
                return p->name;
        case COL_COMMAND:
                return p->command;
        case COL_CPU: {
                int64_t permille = cpu_permille(p, m);
                return mn_arena_printf(arena, "%lld.%lld", (long long) permille / 10,
                                       (long long) permille % 10);
        }
        case COL_MEMORY: {
                int64_t permille = m->memory_bytes ? p->rss_pages * m->page_bytes * 1000 / m->memory_bytes
                                                   : 0;
                return mn_arena_printf(arena, "%lld.%lld", (long long) permille / 10,
                                       (long long) permille % 10);
        }
        case COL_UID:
                number = p->uid;
                break;
        case COL_GID:
                number = p->gid;
                break;
        case COL_PID:
                number = p->pid;
                break;
        case COL_PPID:
                number = p->ppid;
                break;
        case COL_PGID:
                number = p->pgid;
                break;
        case COL_SID:
                number = p->sid;
                break;
        case COL_CPU_WHOLE:
                number = cpu_permille(p, m) / 10;
                break;
        case COL_VSZ:
                number = (int64_t) (p->vsize_bytes / 1024);
                break;
        case COL_RSS:
                number = p->rss_pages * m->page_bytes / 1024;
                break;
        case COL_NICE:
                number = p->nice;
                break;
        case COL_THREADS:
                number = p->threads;
                break;
        }
        return mn_arena_printf(arena, "%lld", (long long) number);
}

/* ---- ps's arguments ---- */

struct format {
        struct column columns[MAX_COLUMNS];
        size_t len;
};

static void use_format(struct format *f, const struct column *list, size_t len) {
        memcpy(f->columns, list, len * sizeof(*list));
        f->len = len;
}

/* "pid,comm" or "pid=Number": keywords with titles of their own. */
static mn_status add_columns(struct format *f, const char *list, mn_arena *arena, mn_err *err) {
        cleanup_strv char **words = mn_strv_split(list, ',');
        for (char **w = words; *w; w++) {
                char *title = strchr(*w, '=');
                if (title)
                        *title++ = '\0';
                size_t k = 0;
                while (k < MN_ARRAY_LEN(columns) && strcmp(columns[k].keyword, *w) != 0)
                        k++;
                if (k == MN_ARRAY_LEN(columns) || f->len == MAX_COLUMNS)
                        return mn_fail(err, MN_INVALID, "ps: unknown or too many columns: \"%s\"", *w);
                f->columns[f->len] = columns[k];
                if (title)
                        f->columns[f->len].title = mn_arena_strdup(arena, title);
                f->len++;
        }
        return MN_OK;
}

static mn_status parse_arguments(const char *ps_args, struct format *f, mn_arena *arena, mn_err *err) {
        *f = (struct format){ .len = 0 };
        cleanup_strv char **words = mn_strv_split(ps_args && *ps_args ? ps_args : "-ef", ' ');
        bool is_bsd = false;
        for (char **w = words; *w; w++) {
                const char *word = *w + (**w == '-'), *o = strchr(word, 'o');
                if (!**w)
                        continue;
                size_t flags = o ? (size_t) (o - word) : strlen(word);
                if (strspn(word, "eAafxuwHlj") < flags)
                        return mn_fail(
                                err, MN_INVALID,
                                "ps: unsupported argument \"%s\"; there are -ef, aux and -o with columns",
                                *w);
                is_bsd = is_bsd || memchr(word, 'u', flags) != NULL;
                if (!o)
                        continue;
                const char *list = o[1] ? o + 1 : w[1] ? *++w : NULL;
                mn_status st = list ? add_columns(f, list, arena, err)
                                    : mn_fail(err, MN_INVALID, "ps: option -o needs a list of columns");
                if (st)
                        return st;
        }
        if (!f->len && is_bsd)
                use_format(f, bsd_format, MN_ARRAY_LEN(bsd_format));
        else if (!f->len)
                use_format(f, full_format, MN_ARRAY_LEN(full_format));
        return MN_OK;
}

/* ---- the call ---- */

static mn_status container_pids(container *c, mn_pid_list *ret, mn_err *err) {
        engine_lock(c->engine);
        pid_t pid = c->state.pid;
        engine_unlock(c->engine);
        cleanup_cgroup_host mn_cgroup_host host = { 0 };
        cleanup_cgroup mn_cgroup cg = { 0 };
        int r = mn_cgroup_host_init(&host);
        if (r >= 0)
                r = mn_cgroup_open_pid(&host, pid, c->id, &cg);
        if (r >= 0)
                r = mn_cgroup_pids(&cg, ret);
        return r < 0 ? mn_fail_errno(err, r, "cannot list the processes of container %s", c->id) : MN_OK;
}

mn_status container_top(container_engine *e, const char *name, const char *ps_args, mn_arena *arena,
                        wire_container_top *ret, mn_err *err) {
        cleanup_container container *c = NULL;
        struct format format;
        mn_status st = container_find(e, name, &c, err);
        if (!st)
                st = container_check_running(c, err);
        if (!st)
                st = parse_arguments(ps_args, &format, arena, err);
        mn_pid_list pids = { 0 };
        if (!st)
                st = container_pids(c, &pids, err);
        if (st)
                return st;
        struct moment moment;
        read_moment(&moment);
        ret->titles = mn_arena_array(arena, format.len + 1, sizeof(char *));
        for (size_t k = 0; k < format.len; k++)
                ret->titles[k] = mn_arena_strdup(arena, format.columns[k].title);
        ret->processes.items = mn_arena_array(arena, pids.len + 1, sizeof(char **));
        ret->processes.len = 0;
        for (size_t i = 0; i < pids.len; i++) {
                struct process p;
                if (read_process(pids.items[i], arena, &p) < 0)
                        continue;
                char **row = mn_arena_array(arena, format.len + 1, sizeof(char *));
                for (size_t k = 0; k < format.len; k++)
                        row[k] = cell(&p, &moment, format.columns[k].kind, arena);
                ret->processes.items[ret->processes.len++] = row;
        }
        mn_vec_release(&pids);
        container_event(c, "top", NULL);
        return MN_OK;
}
