/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The network part of the floor: a bridge with NAT and published ports in a network namespace of the bench's
 * own. */

/* Leaves the machine's network for a namespace with a bridge and a packet filter table. -errno. */
int floor_net_open(void);

/* A namespace with a veth pair to the bridge, an address, a default route and a published port; its
   descriptor or -errno. */
int floor_net_make(int round);

/* Moves the calling thread into it, and back home with -1. */
int floor_net_move(int fd);

/* Takes the published port of the round back; not part of the measured time. */
void floor_net_drop(int round);
