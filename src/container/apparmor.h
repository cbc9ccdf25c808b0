/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* AppArmor: which profile a container gets, and the default one, which is ours to load. */

#include "wire/container_config.h"

#define CONTAINER_DEFAULT_PROFILE "docker-default"

/* The profile's name: what --security-opt says, "unconfined" for a privileged container, the default where
   `has_apparmor`; "" for none. */
const char *container_apparmor_profile(const wire_host_config *host, bool has_apparmor);

/* Loads the default profile unless one of that name is loaded: packages that update others' unload it now and
   then. Spawns apparmor_parser and waits for it. */
mn_status container_apparmor_load_default(mn_err *err) MN_MUST_USE;
