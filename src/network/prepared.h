/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Namespaces made ahead, while nothing else is to do: a start that finds one saves the two longest steps, the
 * namespace and its veth pair. They belong to nobody and die with the daemon.
 */

#include "network/manager.h"
#include "network/namespace.h"

/* With or without an interface "eth0" whose other end is a port of the default bridge. */
enum prepared_kind { PREPARED_BARE, PREPARED_BRIDGED, PREPARED_KINDS };

struct prepared_namespace {
        struct network_namespace ns;
        char veth[MN_LINK_NAME_SIZE];
        int bridge; /* index of the bridge it is a port of */
};

/* Takes one out of the stock; its descriptors are the caller's. Asks the thread for a new one. */
bool network_prepared_take(network_manager *m, enum prepared_kind kind, struct prepared_namespace *ret);

/* Makes one that is missing; false when none is. In the module's thread. */
bool network_prepared_refill(network_manager *m);

/* Closes all. */
void network_prepared_release(network_manager *m);
