/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A connection to the daemon's address. */

#include "cli/client.h"

/* Checks the host's form without connecting. MN_INVALID "unable to parse docker host `x`". */
mn_status connect_check(const client_spec *spec, mn_err *err) MN_MUST_USE;

/* A connected descriptor in `*ret_fd`. Unix sockets and TCP to a numeric address are opened here; names, TLS
 * and ssh are carried by a program of their own (`minato-tunnel`, `ssh`), so that this one stays static. */
mn_status connect_open(const client_spec *spec, int *ret_fd, mn_err *err) MN_MUST_USE;
