/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/report.h"

#include <stdarg.h>

#include "base/str.h"
#include "sys/fd.h"

enum { REPORT_MAX = 4096 }; /* what a pipe takes in one piece */

void report_ready(void) {
        mn_write_all(REPORT_FD, "+\n", 2);
}

void report_unreachable(void) {
        mn_write_all(REPORT_FD, "!\n", 2);
}

void report_failure(const char *fmt, ...) {
        cleanup_str mn_str text = MN_STR_INIT(REPORT_MAX);
        va_list ap;
        va_start(ap, fmt);
        mn_str_add_char(&text, '-');
        mn_str_vprintf(&text, fmt, ap);
        va_end(ap);
        mn_str_add_char(&text, '\n');
        mn_write_all(REPORT_FD, mn_str_text(&text), text.len);
}
