/* SPDX-License-Identifier: Apache-2.0 */
/* The name server's sockets: UDP and TCP in every sandbox that has user-defined networks. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "loop/loop.h"
#include "network/firewall.h"
#include "network/thread.h"
#include "sys/fd.h"

#define SERVER_ADDRESS 0x7f00000b /* 127.0.0.11 */
#define MAX_PENDING 128           /* UDP questions of one container that wait for resolvers */
#define MAX_CONNECTIONS 16
#define IDLE_MS 10000
#define DATAGRAMS_PER_WAKE 32

/* A UDP question under way to the resolvers. */
struct pending {
        struct dns_listener *listener;
        struct dns_request *request;
        struct sockaddr_in client;
        struct dns_query query; /* only its header and question are kept, in `question` */
        uint8_t question[DNS_HEADER_SIZE + DNS_NAME_SIZE + 4];
};

/* A TCP connection of a container; one question at a time. */
struct connection {
        struct dns_listener *listener;
        int fd;
        loop_io *io;
        loop_timer *timer;
        struct dns_request *request;
        uint8_t *buffer; /* length, then the question */
        size_t received;
};

struct dns_listener {
        network_manager *m;
        struct dns_forwarder *forwarder;
        loop *loop;
        char container_id[MN_ID_SIZE];
        struct dns_sockets sockets;
        loop_io *udp_io, *tcp_io;
        MN_VEC(struct pending *) pending;
        MN_VEC(struct connection *) connections;
};

/* ---- sockets ---- */

static int open_socket(int type, uint16_t *ret_port) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(SERVER_ADDRESS) };
        socklen_t len = sizeof(address);
        cleanup_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, len) < 0 ||
            getsockname(fd, (struct sockaddr *) &address, &len) < 0 ||
            (type == SOCK_STREAM && listen(fd, 16) < 0))
                return -errno;
        *ret_port = ntohs(address.sin_port);
        return MN_TAKE_FD(fd);
}

int network_dns_open(bool is_fresh, struct dns_sockets *ret) {
        uint16_t udp_port = 0, tcp_port = 0;
        cleanup_close int udp = open_socket(SOCK_DGRAM, &udp_port);
        if (udp < 0)
                return udp;
        cleanup_close int tcp = open_socket(SOCK_STREAM, &tcp_port);
        if (tcp < 0)
                return tcp;
        int r = network_firewall_redirect_dns(udp_port, tcp_port, is_fresh);
        if (r < 0)
                return r;
        *ret = (struct dns_sockets){ .udp_fd = MN_TAKE_FD(udp), .tcp_fd = MN_TAKE_FD(tcp) };
        return 0;
}

/* ---- UDP ---- */

static void send_udp(struct dns_listener *l, const struct sockaddr_in *client, const uint8_t *message,
                     size_t len) {
        ssize_t n = sendto(l->sockets.udp_fd, message, len, MSG_NOSIGNAL, (const struct sockaddr *) client,
                           sizeof(*client));
        (void) n; /* a client that is gone, or a full buffer: it will ask again */
}

static void send_failure(struct dns_listener *l, const struct sockaddr_in *client,
                         const struct dns_query *query) {
        uint8_t out[512];
        struct dns_response r;
        dns_response_begin(&r, query, DNS_SERVFAIL, out, sizeof(out));
        send_udp(l, client, out, dns_response_end(&r));
}

static void forget_pending(struct pending *p) {
        struct dns_listener *l = p->listener;
        for (size_t i = 0; i < l->pending.len; i++)
                if (l->pending.items[i] == p) {
                        mn_vec_remove(&l->pending, i);
                        break;
                }
        mn_freep(&p);
}

static void on_udp_reply(void *arg, const uint8_t *response, size_t len) {
        struct pending *p = arg;
        if (response)
                send_udp(p->listener, &p->client, response, len);
        else
                send_failure(p->listener, &p->client, &p->query);
        forget_pending(p);
}

static void forward_udp(struct dns_listener *l, const struct sockaddr_in *client,
                        const struct dns_query *query) {
        if (l->pending.len >= MAX_PENDING) {
                send_failure(l, client, query);
                return;
        }
        struct pending *p = mn_alloc(sizeof(*p));
        p->listener = l;
        p->client = *client;
        p->query = *query;
        memcpy(p->question, query->message, query->question_end);
        p->query.message = p->question;
        mn_vec_push(&l->pending, p);
        p->request = dns_forward(l->forwarder, l->container_id, query, 0, on_udp_reply, p);
        if (!p->request) {
                send_failure(l, client, query);
                forget_pending(p);
        }
}

static void on_udp(void *arg, uint32_t events) {
        struct dns_listener *l = arg;
        uint8_t message[4096], answer[4096];
        (void) events;
        for (int i = 0; i < DATAGRAMS_PER_WAKE; i++) {
                struct sockaddr_in client;
                socklen_t client_len = sizeof(client);
                ssize_t n = recvfrom(l->sockets.udp_fd, message, sizeof(message), 0,
                                     (struct sockaddr *) &client, &client_len);
                if (n < 0)
                        return;
                struct dns_query query;
                size_t len;
                if (client_len != sizeof(client) || dns_query_parse(message, (size_t) n, &query) < 0)
                        continue;
                size_t max = MN_MIN((size_t) query.udp_size, sizeof(answer));
                if (network_dns_answer(l->m, l->container_id, &query, answer, max, &len) == DNS_ANSWER)
                        send_udp(l, &client, answer, len);
                else
                        forward_udp(l, &client, &query);
        }
}

/* ---- TCP ---- */

static void close_connection(struct connection *c) {
        struct dns_listener *l = c->listener;
        for (size_t i = 0; i < l->connections.len; i++)
                if (l->connections.items[i] == c) {
                        mn_vec_remove(&l->connections, i);
                        break;
                }
        dns_request_cancel(c->request);
        loop_io_remove(c->io);
        loop_timer_remove(c->timer);
        mn_close(c->fd);
        mn_freep(&c->buffer);
        mn_freep(&c);
}

static void on_idle(void *arg) {
        close_connection(arg);
}

/* Length of the complete question at the front of the buffer with its two bytes of length; 0: not there yet.
 */
static size_t question_size(const struct connection *c) {
        size_t want = c->received < 2 ? 2 : 2 + ((size_t) c->buffer[0] << 8 | c->buffer[1]);
        return c->received < want || c->received < 2 ? 0 : want;
}

/* Sends a response and drops the question from the buffer. False when the client does not read: it is cut. */
static bool reply_tcp(struct connection *c, const uint8_t *message, size_t len) {
        cleanup_free uint8_t *framed = mn_alloc(len + 2);
        framed[0] = (uint8_t) (len >> 8);
        framed[1] = (uint8_t) len;
        memcpy(framed + 2, message, len);
        if (send(c->fd, framed, len + 2, MSG_NOSIGNAL) != (ssize_t) (len + 2)) {
                close_connection(c);
                return false;
        }
        size_t used = question_size(c);
        memmove(c->buffer, c->buffer + used, c->received - used);
        c->received -= used;
        loop_timer_set(c->timer, IDLE_MS);
        return true;
}

static void serve_questions(struct connection *c);

static void on_tcp_reply(void *arg, const uint8_t *response, size_t len) {
        struct connection *c = arg;
        c->request = NULL;
        if (!response) {
                close_connection(c);
        } else if (reply_tcp(c, response, len)) {
                loop_io_set(c->io, EPOLLIN);
                serve_questions(c);
        }
}

/* Answers one question; false when the connection is gone or has to wait for resolvers. */
static bool serve_question(struct connection *c, size_t size) {
        struct dns_listener *l = c->listener;
        struct dns_query query;
        if (dns_query_parse(c->buffer + 2, size - 2, &query) < 0) {
                close_connection(c);
                return false;
        }
        cleanup_free uint8_t *answer = mn_alloc(DNS_MAX_MESSAGE);
        size_t len;
        if (network_dns_answer(l->m, l->container_id, &query, answer, DNS_MAX_MESSAGE, &len) == DNS_ANSWER)
                return reply_tcp(c, answer, len);
        loop_io_set(c->io, 0); /* the next question has to wait */
        c->request = dns_forward(l->forwarder, l->container_id, &query, 1, on_tcp_reply, c);
        if (!c->request)
                close_connection(c);
        return false;
}

static void serve_questions(struct connection *c) {
        size_t size;
        while ((size = question_size(c)) && serve_question(c, size))
                ;
}

static void on_connection(void *arg, uint32_t events) {
        struct connection *c = arg;
        (void) events;
        ssize_t n = recv(c->fd, c->buffer + c->received, DNS_MAX_MESSAGE + 2 - c->received, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                close_connection(c);
                return;
        }
        c->received += (size_t) n;
        serve_questions(c);
}

static void on_accept(void *arg, uint32_t events) {
        struct dns_listener *l = arg;
        (void) events;
        cleanup_close int fd = accept4(l->sockets.tcp_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 || l->connections.len >= MAX_CONNECTIONS)
                return;
        struct connection *c = mn_alloc(sizeof(*c));
        c->listener = l;
        c->io = loop_io_add(l->loop, fd, EPOLLIN, on_connection, c);
        if (!c->io) {
                mn_freep(&c);
                return;
        }
        c->fd = MN_TAKE_FD(fd);
        c->buffer = mn_alloc(DNS_MAX_MESSAGE + 2);
        c->timer = loop_timer_add(l->loop, on_idle, c);
        loop_timer_set(c->timer, IDLE_MS);
        mn_vec_push(&l->connections, c);
}

/* ---- listeners ---- */

static void start_listening(void *arg) {
        struct dns_listener *l = arg;
        l->udp_io = loop_io_add(l->loop, l->sockets.udp_fd, EPOLLIN, on_udp, l);
        l->tcp_io = loop_io_add(l->loop, l->sockets.tcp_fd, EPOLLIN, on_accept, l);
}

static void stop_listening(void *arg) {
        struct dns_listener *l = arg;
        while (l->connections.len)
                close_connection(l->connections.items[0]);
        for (size_t i = 0; i < l->pending.len; i++) {
                dns_request_cancel(l->pending.items[i]->request);
                mn_freep(&l->pending.items[i]);
        }
        loop_io_remove(l->udp_io);
        loop_io_remove(l->tcp_io);
        mn_close(l->sockets.udp_fd);
        mn_close(l->sockets.tcp_fd);
        mn_vec_release(&l->pending);
        mn_vec_release(&l->connections);
        mn_freep(&l);
}

struct dns_listener *network_dns_serve(network_manager *m, const char *container_id,
                                       const struct dns_sockets *sockets) {
        if (!m->thread) {
                mn_close(sockets->udp_fd);
                mn_close(sockets->tcp_fd);
                return NULL;
        }
        struct dns_listener *l = mn_alloc(sizeof(*l));
        l->m = m;
        l->loop = network_thread_loop(m->thread);
        l->forwarder = network_thread_forwarder(m->thread);
        memcpy(l->container_id, container_id, strnlen(container_id, MN_ID_LEN));
        l->sockets = *sockets;
        loop_post(l->loop, start_listening, l);
        return l;
}

void network_dns_drop(network_manager *m, struct dns_listener *listener) {
        (void) m;
        loop_post(listener->loop, stop_listening, listener);
}
