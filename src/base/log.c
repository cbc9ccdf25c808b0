/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/time.h"

static const char *const level_names[] = { "debug", "info", "warning", "error", "fatal" };

static atomic_int sink_level = MN_LOG_INFO;
static atomic_int sink_fd = STDERR_FILENO;
static atomic_int sink_is_json = 0;

void mn_log_set_level(mn_log_level level) {
        sink_level = (int) level;
}

void mn_log_set_fd(int fd) {
        sink_fd = fd;
}

void mn_log_set_json(int is_json) {
        sink_is_json = is_json;
}

int mn_log_level_parse(const char *s, mn_log_level *ret) {
        for (int i = 0; s && i <= MN_LOG_FATAL; i++)
                if (strcmp(s, level_names[i]) == 0) {
                        *ret = (mn_log_level) i;
                        return 0;
                }
        if (s && strcmp(s, "warn") == 0) {
                *ret = MN_LOG_WARN;
                return 0;
        }
        return -EINVAL;
}

/* Control characters would let a name forge a line or reach the terminal. */
static void add_escaped(mn_str *out, const char *text) {
        for (const char *p = text; *p; p++) {
                unsigned char c = (unsigned char) *p;
                if (c == '\n')
                        mn_str_add(out, "\\n");
                else if (c < 0x20 || c == 0x7f)
                        mn_str_printf(out, "\\x%02x", c);
                else
                        mn_str_add_char(out, *p);
        }
}

void mn_log(mn_log_level level, const char *msg, const char *fmt, ...) {
        if ((int) level < sink_level)
                return;
        va_list ap;
        va_start(ap, fmt);
        cleanup_free char *pairs = mn_vasprintf(fmt, ap);
        va_end(ap);

        char when[MN_TIME_TEXT_SIZE];
        cleanup_str mn_str line = MN_STR_INIT(16384);
        mn_time_format_nano(mn_now_ns(), when);
        if (sink_is_json) {
                mn_str_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":\"%s", when,
                              level_names[level], msg);
                cleanup_str mn_str escaped = MN_STR_INIT(8192);
                add_escaped(&escaped, pairs);
                for (const char *p = mn_str_text(&escaped); *p; p++) {
                        if (*p == '"' || *p == '\\')
                                mn_str_add_char(&line, '\\');
                        mn_str_add_char(&line, *p);
                }
                mn_str_add(&line, "\"}\n");
        } else {
                mn_str_printf(&line, "time=\"%s\" level=%s msg=\"%s\"", when, level_names[level], msg);
                if (*pairs) {
                        mn_str_add_char(&line, ' ');
                        add_escaped(&line, pairs + (*pairs == ' '));
                }
                mn_str_add_char(&line, '\n');
        }
        /* One write, so that lines of threads do not mix. A log that cannot be written has nowhere to
         * complain. */
        ssize_t ignored = write(sink_fd, mn_str_text(&line), line.len);
        (void) ignored;
}
