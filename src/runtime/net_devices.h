/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* linux.netDevices: interfaces of the runtime's network namespace that move into the container's. */

#include <sys/types.h>

#include "oci/runtime_spec.h"
#include "runtime/namespaces.h"

/* Names, and that there is a network namespace of the container's own. */
mn_status net_devices_check(const oci_linux *linux_, const namespace_plan *namespaces,
                            mn_err *err) MN_MUST_USE;

/* Moves every one into the network namespace of `pid`, under the name wanted there, puts its permanent global
   addresses back (a move drops them) and brings it up. Our own namespace is left for a moment. */
mn_status net_devices_move(const oci_linux *linux_, pid_t pid, mn_err *err) MN_MUST_USE;
