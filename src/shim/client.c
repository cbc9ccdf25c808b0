/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attached client: a socket the daemon handed over after its HTTP head.
 *
 * Output goes to the socket at once; what it does not take is queued, and while anything is queued no more
 * output is read from the process. So a slow client slows the container, as a pipe would, and memory is
 * bounded by one read. A client that takes nothing for SHIM_CLIENT_STALL_MS is disconnected: nobody's
 * forgotten terminal stops a service.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "shim/shim.h"
#include "sys/fd.h"
#include "wire/stdio.h"

struct shim_client {
        struct shim *shim;
        struct shim_session *session; /* NULL once it is leaving */
        int fd;
        loop_io *io;
        bool has_stdin, has_stdout, has_stderr, is_framed;
        bool is_hung_up; /* closed by its other side, with input we could not take yet */
        mn_keys keys;
        char *queue;
        size_t queue_len, queue_sent;
        loop_timer *stall_timer;
        struct shim_client *next;
};

static void free_client(struct shim_client *c) {
        loop_io_remove(c->io);
        loop_timer_remove(c->stall_timer);
        mn_close(c->fd);
        free(c->queue);
        free(c);
}

static void unlink_client(struct shim_client *c) {
        struct shim_client **at = &c->session->clients;
        while (*at != c)
                at = &(*at)->next;
        *at = c->next;
        c->session->num_clients--;
        c->session = NULL;
}

/* Ends the client at once. */
static void drop(struct shim_client *c) {
        struct shim *shim = c->shim;
        struct shim_session *s = c->session;
        if (s) {
                unlink_client(c);
                if (c->has_stdin && s->has_stdin && s->closes_stdin && !s->is_tty)
                        shim_session_close_input(s);
        } else {
                shim->leaving_clients--;
        }
        free_client(c);
        if (s)
                shim_session_update(s);
        else
                shim_leave_when_done(shim);
}

static void stalled(void *arg) {
        drop(arg);
}

static bool can_take_input(const struct shim_client *c) {
        return c->session && c->has_stdin && c->session->has_stdin && c->session->is_open &&
               !c->session->held;
}

static void update_events(struct shim_client *c) {
        uint32_t events = c->is_hung_up
                                  ? 0
                                  : EPOLLERR; /* hang-ups are reported with any interest, not with none */
        if (can_take_input(c))
                events |= EPOLLIN;
        if (c->queue_len && !c->is_hung_up)
                events |= EPOLLOUT;
        loop_io_set(c->io, events);
}

/* Closes the client when its queue is empty. */
static void finish(struct shim_client *c) {
        if (c->session) {
                unlink_client(c);
                c->shim->leaving_clients++;
        }
        if (c->queue_len == 0)
                drop(c);
        else
                update_events(c);
}

/* ---- output ---- */

static void enqueue(struct shim_client *c, const struct iovec *parts, size_t count, size_t sent) {
        for (size_t i = 0; i < count; i++) {
                size_t skip = MN_MIN(sent, parts[i].iov_len), len = parts[i].iov_len - skip;
                sent -= skip;
                c->queue = mn_realloc(c->queue, c->queue_len + len);
                memcpy(c->queue + c->queue_len, (const char *) parts[i].iov_base + skip, len);
                c->queue_len += len;
        }
        if (!c->stall_timer)
                c->stall_timer = loop_timer_add(c->shim->loop, stalled, c);
        if (!loop_timer_is_running(c->stall_timer))
                loop_timer_set(c->stall_timer, SHIM_CLIENT_STALL_MS);
        update_events(c);
}

static void send_queue(struct shim_client *c) {
        ssize_t n = send(c->fd, c->queue + c->queue_sent, c->queue_len - c->queue_sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0) {
                drop(c);
                return;
        }
        c->queue_sent += (size_t) n;
        loop_timer_set(c->stall_timer, SHIM_CLIENT_STALL_MS);
        if (c->queue_sent < c->queue_len)
                return;
        mn_freep(&c->queue);
        c->queue = NULL;
        c->queue_len = c->queue_sent = 0;
        loop_timer_set(c->stall_timer, -1);
        update_events(c);
        if (c->session)
                shim_session_update(c->session);
        else
                drop(c);
}

/* False when the client is gone. */
static bool send_output(struct shim_client *c, logs_stream stream, const char *bytes, size_t len) {
        uint8_t header[WIRE_STDIO_HEADER_SIZE];
        wire_stdio_put_header(header, stream == LOGS_STDOUT ? WIRE_STDOUT : WIRE_STDERR, (uint32_t) len);
        struct iovec parts[] = { { header, c->is_framed ? sizeof(header) : 0 }, { (void *) bytes, len } };
        struct msghdr msg = { .msg_iov = parts, .msg_iovlen = MN_ARRAY_LEN(parts) };
        ssize_t n = 0;
        if (c->queue_len == 0) {
                n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return false;
                n = MN_MAX(n, (ssize_t) 0);
        }
        if ((size_t) n < parts[0].iov_len + len) {
                if (c->queue_len + len > SHIM_QUEUE_MAX)
                        return false;
                enqueue(c, parts, MN_ARRAY_LEN(parts), (size_t) n);
        }
        return true;
}

void shim_clients_send(struct shim_session *s, logs_stream stream, const char *bytes, size_t len) {
        for (struct shim_client *c = s->clients, *next; c; c = next) {
                next = c->next;
                bool is_wanted = stream == LOGS_STDOUT ? c->has_stdout : c->has_stderr;
                if (is_wanted && !send_output(c, stream, bytes, len))
                        drop(c);
        }
}

bool shim_clients_are_behind(const struct shim_session *s) {
        for (const struct shim_client *c = s->clients; c; c = c->next)
                if (c->queue_len)
                        return true;
        return false;
}

/* ---- input ---- */

static void detach(struct shim_client *c) {
        wire_shim_message event = { .event = (char *) WIRE_SHIM_DETACHED,
                                    .exec_id = (char *) c->session->exec_id };
        shim_broadcast(c->shim, &event, -1, 0);
        finish(c);
}

/* The client sends no more. As Docker has it: where a client's end closes the process's input, the client
   stays for the output; otherwise its session is over. */
static void input_ended(struct shim_client *c) {
        struct shim_session *s = c->session;
        if (s->closes_stdin && !s->is_tty) {
                c->has_stdin = c->is_hung_up = false;
                update_events(c);
                shim_session_close_input(s);
        } else {
                finish(c);
        }
}

/* Detach keys are only heard on a terminal; without one the bytes are the process's own business. */
static void pass_on(struct shim_client *c, const char *bytes, size_t len) {
        if (!c->session->is_tty) {
                shim_session_input(c->session, bytes, len);
                return;
        }
        cleanup_free uint8_t *passed = mn_alloc(len + MN_KEYS_MAX);
        size_t passed_len;
        bool is_detached = mn_keys_filter(&c->keys, (const uint8_t *) bytes, len, passed, &passed_len);
        shim_session_input(c->session, (const char *) passed, passed_len);
        if (is_detached)
                detach(c);
}

static void receive(struct shim_client *c) {
        ssize_t n = recv(c->fd, c->shim->buffer, SHIM_BUFFER_SIZE, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        shim_note_activity(c->shim);
        if (n > 0)
                pass_on(c, c->shim->buffer, (size_t) n);
        else if (n == 0)
                input_ended(c);
        else
                drop(c);
}

/* The other side is gone, but what it sent before is still to be read. Not watched meanwhile, it would spin.
 */
static void hang_up(struct shim_client *c) {
        c->is_hung_up = true;
        update_events(c);
}

static void client_ready(void *arg, uint32_t events) {
        struct shim_client *c = arg;
        /* One thing at a time: any of these may end the client. What is left is reported again. */
        if (events & EPOLLIN)
                receive(c);
        else if ((events & EPOLLHUP) && c->session && c->has_stdin && !can_take_input(c))
                hang_up(c);
        else if (events & (EPOLLERR | EPOLLHUP))
                drop(c);
        else if (events & EPOLLOUT)
                send_queue(c);
}

void shim_clients_update(struct shim_session *s) {
        for (struct shim_client *c = s->clients; c; c = c->next)
                update_events(c);
}

/* ---- life ---- */

int shim_client_add(struct shim_session *s, int fd, const wire_shim_streams *streams) {
        cleanup_close int own_fd = fd;
        mn_keys keys;
        int r = mn_keys_parse(streams->detach_keys, &keys, NULL, NULL);
        if (r < 0)
                return r;
        if (s->num_clients >= SHIM_MAX_CLIENTS)
                return -EMFILE;
        struct shim_client *c = mn_alloc(sizeof(*c));
        *c = (struct shim_client){
                .shim = s->shim,
                .session = s,
                .fd = fd,
                .has_stdin = streams->has_stdin,
                .has_stdout = streams->has_stdout,
                .has_stderr = streams->has_stderr,
                .is_framed = streams->is_framed,
                .keys = keys,
        };
        c->io = loop_io_add(s->shim->loop, fd, EPOLLERR, client_ready, c);
        if (!c->io) {
                free(c);
                return -errno;
        }
        MN_TAKE_FD(own_fd);
        c->next = s->clients;
        s->clients = c;
        s->num_clients++;
        update_events(c);
        return 0;
}

void shim_clients_finish(struct shim_session *s) {
        for (struct shim_client *c = s->clients, *next; c; c = next) {
                next = c->next;
                c->has_stdin = false;
                finish(c);
        }
}
