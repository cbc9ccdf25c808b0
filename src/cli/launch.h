/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Starting a container with our terminal attached to it (run, start -a). */

#include "cli/cli.h"

typedef struct launch_spec {
        const char *id;
        bool is_tty, has_stdin, shows_stdout, shows_stderr;
        bool passes_signals;  /* --sig-proxy */
        bool is_auto_removed; /* --rm: the exit code comes with the removal */
        const char *detach_keys;
} launch_spec;

/* Attaches, waits, then starts, in this order, so that neither output nor the exit code can be missed.
 * `*ret_code` is the container's, or 0 after a detach. Three connections: their requests travel together. */
mn_status launch_attached(cli *c, const launch_spec *spec, int *ret_code, mn_err *err) MN_MUST_USE;
