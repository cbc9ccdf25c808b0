/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* linux.seccomp.listenerPath: hands a filter's notification descriptor to the agent that listens there. */

#include "runtime/container.h"

/* Sends the descriptor with the state of the process (`pid`, as the host sees it) and of its container, whose
   first process is that of the record; closes both descriptors. Async-signal-safe but for memory. */
mn_status seccomp_send_listener(int socket_fd, int listener_fd, const container_record *record,
                                container_status status, const oci_spec *spec, pid_t pid,
                                mn_err *err) MN_MUST_USE;
