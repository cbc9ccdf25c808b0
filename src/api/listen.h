/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Making listening sockets. */

#include <stddef.h>

#include "api/api.h"

enum { API_MAX_SOCKETS = 16 };

/* What an address gave: one socket, or several for "fd://" and for names with more than one address. */
typedef struct api_sockets {
        int fds[API_MAX_SOCKETS];
        size_t len;
        bool is_local; /* unix sockets */
} api_sockets;

/* Opens the sockets of an address. Unix sockets are never reachable for anybody but root and the group: made
 * under a temporary name with their final mode, then renamed, replacing a socket nobody listens on
 * (MN_CONFLICT when somebody does). */
mn_status api_open_sockets(const api_listen_spec *spec, api_sockets *ret, mn_err *err) MN_MUST_USE;
