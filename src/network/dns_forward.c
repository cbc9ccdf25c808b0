/* SPDX-License-Identifier: Apache-2.0 */
/* Questions passed on to resolvers: all of them at the same time, the first good answer wins. A request has
   sockets of its own, so its port is as hard to guess as its number. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/str.h"
#include "loop/loop.h"
#include "network/manager.h"
#include "network/resolv_conf.h"
#include "sys/fd.h"

#define MAX_REQUESTS 1024
#define MAX_RESOLVERS 3
#define RETRY_MS 1500
#define GIVE_UP_MS 4500
#define DNS_PORT 53

/* One resolver that was asked. */
struct upstream {
        struct dns_request *request;
        int fd;
        loop_io *io;
        bool is_done;
        bool is_sent;    /* TCP: the query is out */
        uint8_t *buffer; /* TCP: what came so far, length first */
        size_t received;
};

struct dns_request {
        struct dns_forwarder *forwarder;
        struct dns_query query;
        uint8_t *message; /* two bytes of length, then the query under our number */
        uint16_t client_id;
        bool is_tcp;
        struct upstream upstreams[MAX_RESOLVERS];
        size_t count;
        loop_timer *timer;
        int waited_ms;
        uint8_t *second_best; /* a response that is no answer (SERVFAIL ...), for when nobody does better */
        size_t second_best_len;
        dns_reply_fn fn;
        void *arg;
};

struct dns_forwarder {
        network_manager *m;
        loop *loop;
        size_t count;
};

struct dns_forwarder *dns_forwarder_new(network_manager *m, loop *l) {
        struct dns_forwarder *f = mn_alloc(sizeof(*f));
        f->m = m;
        f->loop = l;
        return f;
}

void dns_forwarder_free(struct dns_forwarder *f) {
        mn_freep(&f);
}

/* ---- whom to ask ---- */

/* The container's resolvers, else the daemon's, else the host's. The caller frees. */
static char **resolvers_of(network_manager *m, const char *container_id) {
        network_lock(m);
        const struct sandbox *s = network_find_sandbox(m, container_id);
        char **list = mn_strv_copy(s && s->dns && s->dns[0] ? s->dns : m->options.dns);
        network_unlock(m);
        if (list && list[0])
                return list;
        mn_strv_free(list);
        cleanup_resolv_conf struct resolv_conf host = { 0 };
        resolv_conf_read_host(0, &host);
        return MN_TAKE(host.nameservers);
}

static int open_upstream(const char *address, bool is_tcp) {
        mn_net_address a;
        if (network_address_parse(address, &a) < 0)
                return -EINVAL;
        cleanup_close int fd = socket(a.family,
                                      (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT) };
        memcpy(&v4.sin_addr, a.bytes, sizeof(v4.sin_addr));
        memcpy(&v6.sin6_addr, a.bytes, sizeof(v6.sin6_addr));
        int r = a.family == AF_INET ? connect(fd, (struct sockaddr *) &v4, sizeof(v4))
                                    : connect(fd, (struct sockaddr *) &v6, sizeof(v6));
        return r < 0 && errno != EINPROGRESS ? -errno : MN_TAKE_FD(fd);
}

/* ---- the end of a request ---- */

void dns_request_cancel(struct dns_request *r) {
        if (!r)
                return;
        for (size_t i = 0; i < r->count; i++) {
                loop_io_remove(r->upstreams[i].io);
                mn_close(r->upstreams[i].fd);
                mn_freep(&r->upstreams[i].buffer);
        }
        loop_timer_remove(r->timer);
        r->forwarder->count--;
        mn_freep(&r->message);
        mn_freep(&r->second_best);
        mn_freep(&r);
}

/* Gives the response to the client, under the client's number. */
static void finish(struct dns_request *r, uint8_t *response, size_t len) {
        if (response) {
                response[0] = (uint8_t) (r->client_id >> 8);
                response[1] = (uint8_t) r->client_id;
        }
        r->fn(r->arg, response, len);
        dns_request_cancel(r);
}

static void finish_if_all_done(struct dns_request *r) {
        for (size_t i = 0; i < r->count; i++)
                if (!r->upstreams[i].is_done)
                        return;
        finish(r, r->second_best, r->second_best_len);
}

static void give_up_on(struct upstream *u) {
        u->is_done = true;
        loop_io_set(u->io, 0);
        finish_if_all_done(u->request);
}

/* A whole message from a resolver; the request may be gone afterwards. */
static void take_response(struct upstream *u, uint8_t *message, size_t len) {
        struct dns_request *r = u->request;
        bool is_ours = len >= DNS_HEADER_SIZE && memcmp(message, r->message + 2, 2) == 0 &&
                       dns_response_matches(&r->query, message, len);
        if (!is_ours)
                return; /* forged or late: the true one may still come */
        unsigned code = dns_response_code(message);
        if (code == DNS_NOERROR || code == DNS_NXDOMAIN) {
                finish(r, message, len);
                return;
        }
        mn_freep(&r->second_best);
        r->second_best = mn_alloc(len);
        memcpy(r->second_best, message, len);
        r->second_best_len = len;
        give_up_on(u);
}

/* ---- UDP ---- */

static void send_udp(const struct upstream *u) {
        /* A lost datagram is sent again by the timer. */
        ssize_t n = send(u->fd, u->request->message + 2, u->request->query.len, MSG_NOSIGNAL);
        (void) n;
}

static void on_udp(void *arg, uint32_t events) {
        struct upstream *u = arg;
        uint8_t message[4096 + 512];
        (void) events;
        ssize_t n = recv(u->fd, message, sizeof(message), 0);
        if (n >= 0)
                take_response(u, message, (size_t) n);
        else if (errno != EAGAIN && errno != EINTR)
                give_up_on(u);
}

/* ---- TCP ---- */

static void send_tcp(struct upstream *u) {
        size_t len = u->request->query.len + 2;
        ssize_t n = send(u->fd, u->request->message, len, MSG_NOSIGNAL);
        if (n == (ssize_t) len) {
                u->is_sent = true;
                loop_io_set(u->io, EPOLLIN);
        } else if (n >= 0 || (errno != EAGAIN && errno != EINTR)) {
                give_up_on(u); /* a fresh connection that does not take a query at once is of no use */
        }
}

static void on_tcp(void *arg, uint32_t events) {
        struct upstream *u = arg;
        (void) events;
        if (!u->is_sent) {
                send_tcp(u);
                return;
        }
        if (!u->buffer)
                u->buffer = mn_alloc(DNS_MAX_MESSAGE + 2);
        ssize_t n = recv(u->fd, u->buffer + u->received, DNS_MAX_MESSAGE + 2 - u->received, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                give_up_on(u);
                return;
        }
        u->received += (size_t) n;
        size_t want = u->received < 2 ? 2 : 2 + ((size_t) u->buffer[0] << 8 | u->buffer[1]);
        if (u->received < 2 || u->received < want)
                return;
        cleanup_free uint8_t *buffer = MN_TAKE(u->buffer); /* the request may end here */
        take_response(u, buffer + 2, want - 2);
}

/* ---- asking ---- */

static void on_timer(void *arg) {
        struct dns_request *r = arg;
        r->waited_ms += RETRY_MS;
        if (r->waited_ms >= GIVE_UP_MS) {
                finish(r, r->second_best, r->second_best_len);
                return;
        }
        for (size_t i = 0; !r->is_tcp && i < r->count; i++)
                if (!r->upstreams[i].is_done)
                        send_udp(&r->upstreams[i]);
        loop_timer_set(r->timer, RETRY_MS);
}

static void ask(struct dns_request *r, const char *resolver) {
        struct upstream *u = &r->upstreams[r->count];
        *u = (struct upstream){ .request = r, .fd = open_upstream(resolver, r->is_tcp) };
        if (u->fd < 0)
                return;
        u->io = loop_io_add(r->forwarder->loop, u->fd, r->is_tcp ? EPOLLOUT : EPOLLIN,
                            r->is_tcp ? on_tcp : on_udp, u);
        if (!u->io) {
                mn_close(u->fd);
                return;
        }
        r->count++;
        if (!r->is_tcp)
                send_udp(u);
}

struct dns_request *dns_forward(struct dns_forwarder *f, const char *container_id,
                                const struct dns_query *query, int is_tcp, dns_reply_fn fn, void *arg) {
        if (f->count >= MAX_REQUESTS)
                return NULL;
        cleanup_strv char **resolvers = resolvers_of(f->m, container_id);
        struct dns_request *r = mn_alloc(sizeof(*r));
        f->count++;
        *r = (struct dns_request){ .forwarder = f,
                                   .query = *query,
                                   .client_id = query->id,
                                   .is_tcp = is_tcp,
                                   .fn = fn,
                                   .arg = arg };
        r->timer = loop_timer_add(f->loop, on_timer, r);
        r->message = mn_alloc(query->len + 2);
        r->message[0] = (uint8_t) (query->len >> 8);
        r->message[1] = (uint8_t) query->len;
        memcpy(r->message + 2, query->message, query->len);
        mn_random(r->message + 2, 2);
        r->query.message = r->message + 2;
        for (size_t i = 0; resolvers && resolvers[i] && r->count < MAX_RESOLVERS; i++)
                ask(r, resolvers[i]);
        if (!r->count) {
                dns_request_cancel(r);
                return NULL;
        }
        loop_timer_set(r->timer, RETRY_MS);
        return r;
}
