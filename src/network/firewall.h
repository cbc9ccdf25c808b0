/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The packet filter: one table of our own, `inet <instance>`, whose rules are fixed and whose sets and maps
 * say which bridges there are, how they may talk and which ports are published. A published port is one map
 * element. Other tables are never touched, and an accept here never undoes another table's drop.
 */

#include "network/manager.h"

/* Replaces the whole table by what the manager's state says, in one transaction. */
mn_status network_firewall_rebuild(network_manager *m, mn_err *err) MN_MUST_USE;

/* Publishes the sandbox's ports that are not yet; on failure none of them is. */
mn_status network_firewall_publish(network_manager *m, struct sandbox *s, mn_err *err) MN_MUST_USE;

/* Takes all of the sandbox's ports away. */
void network_firewall_unpublish(network_manager *m, struct sandbox *s);

/* Makes port 53 of 127.0.0.11 in the calling thread's network namespace lead to the name server's own ports.
   A namespace that is not fresh may have our table already. 0 or -errno. */
int network_firewall_redirect_dns(uint16_t udp_port, uint16_t tcp_port, bool is_fresh);

/* Rebuilds the table when somebody else removed it (`nft flush ruleset`). */
void network_firewall_check(network_manager *m);
