/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From a request to the handler of its operation. */

#include "api/api.h"
#include "api/http_server.h"

/* Serves one request; `arg` is the api_spec. The HTTP server's handler. */
void api_dispatch(http_request *request, void *arg);
