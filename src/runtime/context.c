/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/context.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/time.h"
#include "codec/json.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { MAX_UID_MAP = 16 << 10 };

void runtime_trace(runtime_context *rt, const char *step) {
        if (!rt->is_tracing)
                return;
        int64_t now = mn_monotonic_ns();
        if (rt->trace_start_ns == 0) {
                rt->trace_start_ns = rt->trace_last_ns = now;
                return;
        }
        char line[128];
        int len = snprintf(line, sizeof(line), "trace: %8.1f us  %8.1f  %s\n",
                           (double) (now - rt->trace_last_ns) / 1e3,
                           (double) (now - rt->trace_start_ns) / 1e3, step);
        if (write(rt->trace_fd, line, (size_t) len) < 0)
                rt->is_tracing = false;
        rt->trace_last_ns = mn_monotonic_ns();
}

bool runtime_is_rootless(void) {
        static const char all_ids[] =
                " 4294967295\n"; /* the size at the end of the initial namespace's only line */
        cleanup_free char *map = NULL;
        if (geteuid() != 0)
                return true;
        if (mn_file_read(AT_FDCWD, "/proc/self/uid_map", MAX_UID_MAP, &map, NULL) < 0)
                return false;
        const char *size = strrchr(map, ' ');
        return !size || strcmp(size, all_ids) != 0;
}

/* One line of the log file in runc's two forms: logfmt and JSON. */
static void write_log(const runtime_context *rt, const char *level, const char *message) {
        if (!rt->log_path)
                return;
        cleanup_close int fd = open(rt->log_path,
                                    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
        if (fd < 0)
                return;
        char now[MN_TIME_TEXT_SIZE];
        cleanup_str mn_str line = MN_STR_INIT(65536);
        bool is_json = mn_str_equal(rt->log_format, "json");
        mn_str_add(&line, is_json ? "{\"level\":" : "time=");
        mn_json_add_str(&line, is_json ? level : mn_time_format(mn_now_ns(), now));
        mn_str_add(&line, is_json ? ",\"msg\":" : " level=");
        if (is_json)
                mn_json_add_str(&line, message);
        else
                mn_str_add(&line, level);
        mn_str_add(&line, is_json ? ",\"time\":" : " msg=");
        mn_json_add_str(&line, is_json ? mn_time_format(mn_now_ns(), now) : message);
        mn_str_add(&line, is_json ? "}\n" : "\n");
        (void) mn_write_all(fd, line.data, line.len);
}

void runtime_warn(const runtime_context *rt, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        cleanup_free char *text = mn_vasprintf(fmt, ap);
        va_end(ap);
        write_log(rt, "warning", text);
        if (!rt->log_path)
                dprintf(STDERR_FILENO, "minato-runtime: warning: %s\n", text);
}

void runtime_report(const runtime_context *rt, const mn_err *err) {
        write_log(rt, "error", mn_err_text(err));
        dprintf(STDERR_FILENO, "minato-runtime: %s\n", mn_err_text(err));
}
