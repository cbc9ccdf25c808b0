/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A request's body whose length is not known beforehand, sent in chunks. */

#include "cli/client.h"

/* Sends what `request` produces or its descriptor holds, on the connection `fd` (borrowed), and the last
 * chunk. A daemon that takes no more is no error here: its answer says why. */
mn_status client_body_send(int fd, const client_request *request, mn_err *err) MN_MUST_USE;
