/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What every command of minato-runtime knows: the global options. */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct runtime_context {
        char *root;       /* --root: where the state of containers is kept */
        char *log_path;   /* --log: file for messages besides standard error */
        char *log_format; /* --log-format: "text" or "json" */
        char *criu;       /* --criu, --rootless: accepted for runc's callers, without effect */
        char *rootless;
        bool is_debug;
        bool uses_systemd; /* --systemd-cgroup */
        bool is_tracing;   /* --trace: microseconds per step on standard error */
        bool shows_version;
        bool shows_help;
        int64_t trace_start_ns, trace_last_ns;
        int trace_fd; /* a copy of standard error that stays ours */
} runtime_context;

/* Without the host's privileges: another user than root, or in a user namespace that is not the first. */
bool runtime_is_rootless(void);

/* With --trace, prints "step: microseconds since the last step". */
void runtime_trace(runtime_context *rt, const char *step);

/* Reports what went wrong but does not stop the command: on standard error and in the log. */
void runtime_warn(const runtime_context *rt, const char *fmt, ...) MN_PRINTF(2, 3);

/* Reports the failure of the command in the form the caller asked for (--log, --log-format). */
void runtime_report(const runtime_context *rt, const mn_err *err);
