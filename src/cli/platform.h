/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Platforms of --platform as the API takes them. */

#include "cli/cli.h"

/* "linux/arm/v7" as the JSON of an OCI platform, in the arena; a text of one part as it is, for the daemon to
   complete. NULL for NULL or "". */
const char *platform_json(cli *c, const char *text);

/* Appends each of a list as a query parameter of that name. */
void platform_add_query(cli *c, mn_str *target, const char *name, char *const *platforms);
