/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A connection to the daemon's address. */

#include "cli/client.h"

/* Checks the host's form without connecting. MN_INVALID "unable to parse docker host `x`". */
mn_status connect_check(const client_spec *spec, mn_err *err) MN_MUST_USE;

/* A connection, and where the program that carries it tells what went wrong with it. */
typedef struct connection {
        int fd;
        int report_fd; /* -1: opened here, there is no such program */
} connection;

/* Unix sockets and TCP to a numeric address are opened here; names, TLS and ssh are carried by a program of
 * their own (`minato-tunnel`, `ssh`), so that this one stays static. MN_UNAVAILABLE "Cannot connect to the
 * Docker daemon ..." when nobody answers; MN_INTERNAL with the bare cause for other failures. */
mn_status connect_open(const client_spec *spec, connection *ret, mn_err *err) MN_MUST_USE;

/* Why a connection that stood has ended, when the program that carried it knows: false without a word. */
bool connect_cause(const connection *c, mn_err *err);
