/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Credential helpers: `docker-credential-<name>` programs that keep secrets, spoken to in JSON. */

#include "cli/config.h"

/* Credentials for `server`; none is not a failure. A helper that is missing or fails is one. */
mn_status credential_get(mn_arena *arena, const char *helper, const char *server, config_auth *ret,
                         mn_err *err) MN_MUST_USE;
mn_status credential_store(const char *helper, const config_auth *auth, mn_err *err) MN_MUST_USE;
mn_status credential_erase(const char *helper, const char *server, mn_err *err) MN_MUST_USE;
