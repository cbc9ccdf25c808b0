/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which daemon the command line speaks to: of the options, the environment, or a context. */

#include "cli/cli.h"

/* Strings live in the arena of the command line. */
typedef struct endpoint {
        const char *context; /* "default": options and environment have it */
        const char *host;    /* "tcp://name:2376"; a port is always there */
        bool has_tls, verifies_tls;
        const char *ca_file, *cert_file, *key_file; /* NULL: none */
} endpoint;

/* Name of the context in use: --context; "default" when a host is named (--host, MINATO_HOST, DOCKER_HOST);
 * MINATO_CONTEXT, DOCKER_CONTEXT; the configuration's currentContext; "default". */
const char *endpoint_context(cli *c);

/* Name of the variable that names a host, NULL when none does. */
const char *endpoint_host_variable(void);

/* The endpoint of a context; NULL: of the one in use. MN_INVALID or MN_NOT_FOUND in Docker's words. */
mn_status endpoint_find(cli *c, const char *context, endpoint *ret, mn_err *err) MN_MUST_USE;
