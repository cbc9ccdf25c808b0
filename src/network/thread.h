/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The module's thread: one event loop for the name server and for the watch over the packet filter, whose
   tables somebody else may flush. */

#include "base/err.h"
#include "loop/loop.h"

struct network_manager;
struct network_thread;
struct dns_forwarder;
struct sandbox;

mn_status network_thread_start(struct network_manager *m, mn_err *err) MN_MUST_USE;

/* Ends it, after what was posted before; NULL is accepted. */
void network_thread_stop(struct network_thread *t);

/* Soon, when it is quiet, namespaces are made ahead. From any thread. */
void network_thread_ask_refill(struct network_thread *t);

/* Makes the kernel forget flows to the UDP ports of a sandbox, so that packets find their new way. From any
 * thread. */
void network_thread_forget_flows(struct network_thread *t, const struct sandbox *s);

loop *network_thread_loop(struct network_thread *t);
struct dns_forwarder *network_thread_forwarder(struct network_thread *t);
