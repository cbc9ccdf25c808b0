/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Connection tracking by netlink. */

#include <stdint.h>

/* Makes the kernel forget the flows to this destination port, of one family (AF_INET, AF_INET6) and protocol.
   For UDP: a client that goes on sending keeps its flow, and where that once led, when the port is published
   anew. Number of flows forgotten, or -errno. */
int mn_conntrack_forget(uint8_t family, uint8_t protocol, uint16_t port);
