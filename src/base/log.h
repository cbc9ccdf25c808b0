/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The program's own log: one line per event on standard error, `time=... level=... msg="..." key=value`.
 * Only owners of an operation log, once. Level by meaning: error = failed and nobody else says so, warn =
 * continued, info = life of the program, debug = for its developers. No secrets, no request bodies.
 */

#include "base/macro.h"

typedef enum mn_log_level { MN_LOG_DEBUG, MN_LOG_INFO, MN_LOG_WARN, MN_LOG_ERROR, MN_LOG_FATAL } mn_log_level;

/* The process-wide log sink is the one piece of global state: where lines go and from which level on. */
void mn_log_set_level(mn_log_level level);
void mn_log_set_fd(int fd);
void mn_log_set_json(int is_json);

/* "debug", "info", "warn", "error", "fatal"; -EINVAL otherwise. */
int mn_log_level_parse(const char *s, mn_log_level *ret);

/* `msg` is a literal; the format that follows gives ` key=value` pairs. Values are escaped. */
void mn_log(mn_log_level level, const char *msg, const char *fmt, ...) MN_PRINTF(3, 4);

#define mn_debug(msg, ...) mn_log(MN_LOG_DEBUG, msg, "" __VA_ARGS__)
#define mn_info(msg, ...) mn_log(MN_LOG_INFO, msg, "" __VA_ARGS__)
#define mn_warn(msg, ...) mn_log(MN_LOG_WARN, msg, "" __VA_ARGS__)
#define mn_error(msg, ...) mn_log(MN_LOG_ERROR, msg, "" __VA_ARGS__)
