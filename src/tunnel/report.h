/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the tunnel tells the program that started it, on a pipe of its own: one line, "+" when the connection
 * stands, "!" when nobody answers at that address, "-cause" when it failed otherwise; and "-cause" again when
 * a connection that stood ends before the server has said anything. The causes are in Go's words, as Docker's
 * command line prints them.
 */

#include "base/macro.h"

enum { REPORT_FD = 3 };

/* The connection stands. */
void report_ready(void);

/* Nobody answers there: refused, or not within the time. */
void report_unreachable(void);

/* Any other failure: its text, without a line break. */
void report_failure(const char *fmt, ...) MN_PRINTF(1, 2);
