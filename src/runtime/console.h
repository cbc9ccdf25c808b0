/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The terminal of a process: a pseudo terminal of the container's own devpts whose master goes to the caller.
 */

#include <sys/types.h>

#include "oci/runtime_spec.h"

/* Connects to the socket that will receive the master. */
mn_status console_connect(const char *socket_path, int *ret_fd, mn_err *err) MN_MUST_USE;

/* Makes a pair from the multiplexer "dev/pts/ptmx" below the root, sends the master over `socket_fd`, sets
   the size (may be NULL) and the owner; `*ret_slave` is the other end. */
mn_status console_open(int root_fd, int socket_fd, const oci_console_size *size, uid_t uid, int *ret_slave,
                       mn_err *err) MN_MUST_USE;

/* Makes it standard input, output and error and the controlling terminal of this session. */
mn_status console_take(int slave_fd, mn_err *err) MN_MUST_USE;
