/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of signals. */

/* "9", "KILL", "SIGKILL", "RTMIN+3" in any case: the number, or -EINVAL. */
int signal_number(const char *name);
