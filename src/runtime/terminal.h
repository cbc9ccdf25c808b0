/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The caller's side of a terminal when there is no --console-socket: `run` and `exec` in the foreground join
   the container's pseudo terminal with their own standard input and output. */

#include <stdbool.h>
#include <sys/types.h>

#include "oci/runtime_spec.h"

typedef struct terminal {
        int socket_fd; /* where the master will arrive; -1: no terminal of ours */
} terminal;

/* A socket whose other end, `*ret_peer`, takes the place of the connection to a console socket. Without a
   size, that of our own terminal is put into `size` (when there is one). */
mn_status terminal_open(terminal *t, int *ret_peer, oci_console_size **size, mn_arena *arena,
                        mn_err *err) MN_MUST_USE;
void terminal_close(terminal *t);

/* Receives the master, puts our own terminal into raw mode, and carries bytes, window sizes and signals
   between the two until process `pid` has ended and its output is through. Its exit code as a shell shows it.
   All signals are blocked (launch_block_signals). */
int terminal_wait(terminal *t, pid_t pid);
