/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From a name to a connection. */

/* Where to connect: "name:2376" or "[::1]:2376" taken apart. */
typedef struct dial_address {
        char host[256];
        char port[8];
} dial_address;

/* Takes the address apart; 0 or -EINVAL. The port must be there. */
int dial_parse(const char *text, dial_address *ret);

/* Resolves and connects, one address after the other, within DIAL_TIMEOUT_MS altogether. The descriptor is
 * non-blocking; -1 after the failure has been reported. Blocks. */
int dial(const dial_address *address);

enum { DIAL_TIMEOUT_MS = 32000 };
