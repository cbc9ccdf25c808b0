/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The embedded name server, 127.0.0.11 in containers on user-defined networks: the module's thread serves the
 * sockets of all sandboxes. It answers for the containers that share a network with the asking one and sends
 * everything else to the host's resolvers, unless all networks of the container are internal.
 */

#include <stddef.h>
#include <stdint.h>

#include "network/dns_message.h"

struct network_manager;
struct loop;
struct dns_listener;

/* The sockets of one sandbox. */
struct dns_sockets {
        int udp_fd;
        int tcp_fd;
};

/* Makes the sockets in the calling thread's network namespace, whose lo is up, and leads port 53 to them. In
   a namespace that is not fresh an older redirection is replaced. 0 or -errno. */
int network_dns_open(bool is_fresh, struct dns_sockets *ret);

/* Hands the sockets of a sandbox to the thread, and takes them away again (they are closed a moment later).
   Without a thread the sockets are closed at once and NULL is returned. */
struct dns_listener *network_dns_serve(struct network_manager *m, const char *container_id,
                                       const struct dns_sockets *sockets);
void network_dns_drop(struct network_manager *m, struct dns_listener *listener);

/* ---- names (dns_names.c) ---- */

#define DNS_MAX_ADDRESSES 64

/* What is known about a question of one container. */
enum dns_verdict {
        DNS_ANSWER,  /* `answer` is complete */
        DNS_FORWARD, /* not ours */
};

/* Answers from the manager's state, or says that others must be asked. Writes the response to `out` (at most
   `max` bytes) and its length to `ret_len`. */
enum dns_verdict network_dns_answer(struct network_manager *m, const char *container_id,
                                    const struct dns_query *query, uint8_t *out, size_t max, size_t *ret_len);

/* ---- resolvers (dns_forward.c) ---- */

struct dns_forwarder;
struct dns_request;

struct dns_forwarder *dns_forwarder_new(struct network_manager *m, struct loop *l);
void dns_forwarder_free(struct dns_forwarder *f);

/* Called once per request, in the loop's thread, with the response to the client's query; NULL when nobody
   answered. */
typedef void (*dns_reply_fn)(void *arg, const uint8_t *response, size_t len);

/* Asks the container's resolvers, all at the same time, over UDP or TCP. NULL when too many requests are
   under way or there is no resolver; then `fn` is not called. */
struct dns_request *dns_forward(struct dns_forwarder *f, const char *container_id,
                                const struct dns_query *query, int is_tcp, dns_reply_fn fn, void *arg);

/* Forgets a request whose client is gone; `fn` is not called. */
void dns_request_cancel(struct dns_request *r);
