/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The handlers of the route table, by file. Each serves the operation its row in routes.c names. */

#include "api/route.h"

#define API_HANDLER(name) mn_status name(api_call *c, mn_err *err)

/* handle_system.c */
API_HANDLER(api_ping);
API_HANDLER(api_get_version);
API_HANDLER(api_get_info);
API_HANDLER(api_auth);

/* handle_absent.c */
API_HANDLER(api_no_swarm);
API_HANDLER(api_no_build);
API_HANDLER(api_no_plugins);
API_HANDLER(api_list_plugins);
API_HANDLER(api_no_such_plugin);
API_HANDLER(api_not_built);
