/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_server.h"

#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http_private.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/time.h"
#include "sys/fd.h"

enum {
        DEFAULT_MAX_WORKERS = 2048,
        MAX_QUEUED = 4096,
        ACCEPTS_PER_WAKEUP = 64,
        RESERVED_DESCRIPTORS = 512, /* for everything that is not a client's connection */
        SWEEP_MS = 1000,
};

static int64_t now_ms(void) {
        return mn_monotonic_ns() / MN_NS_PER_MS;
}

/* ---- lists of connections ---- */

static void list_append(conn_list *l, http_conn *c) {
        c->prev = l->last;
        c->next = NULL;
        if (l->last)
                l->last->next = c;
        else
                l->first = c;
        l->last = c;
}

static void list_remove(conn_list *l, http_conn *c) {
        if (c->prev)
                c->prev->next = c->next;
        else
                l->first = c->next;
        if (c->next)
                c->next->prev = c->prev;
        else
                l->last = c->prev;
        c->prev = c->next = NULL;
}

static conn_list *list_of(http_server *s, http_conn_state state) {
        switch (state) {
        case HTTP_CONN_HANDSHAKE:
                return &s->shake;
        case HTTP_CONN_IDLE:
                return &s->idle;
        case HTTP_CONN_HEAD:
                return &s->head;
        case HTTP_CONN_BUSY:
                break;
        }
        return &s->busy;
}

/* Moves a connection to another state with a fresh deadline. Loop thread; the list of busy ones is shared. */
static void set_state(http_conn *c, http_conn_state state) {
        http_server *s = c->server;
        pthread_mutex_lock(&s->lock);
        list_remove(list_of(s, c->state), c);
        s->nbusy -= c->state == HTTP_CONN_BUSY;
        c->state = state;
        s->nbusy += state == HTTP_CONN_BUSY;
        list_append(list_of(s, state), c);
        pthread_mutex_unlock(&s->lock);
        c->deadline_ms = now_ms() + (state == HTTP_CONN_IDLE ? HTTP_IDLE_TIMEOUT_MS : HTTP_HEAD_TIMEOUT_MS);
        if (!loop_timer_is_running(s->sweep) && !s->is_stopping)
                loop_timer_set(s->sweep, SWEEP_MS);
}

/* ---- life of a connection (loop thread) ---- */

static void pause_accepting(http_server *s, bool is_full) {
        if (s->is_full == is_full || s->is_stopping)
                return;
        s->is_full = is_full;
        for (http_listener *l = s->listeners; l; l = l->next)
                loop_io_set(l->io, is_full ? 0 : EPOLLIN);
        if (!is_full)
                return;
        loop_timer_set(s->sweep, SWEEP_MS);
        mn_log(MN_LOG_WARN, "too many connections: waiting for some to close", " connections=%zu", s->nconns);
}

static void conn_close(http_conn *c) {
        http_server *s = c->server;
        loop_io_remove(c->io);
        pthread_mutex_lock(&s->lock);
        list_remove(list_of(s, c->state), c);
        s->nbusy -= c->state == HTTP_CONN_BUSY;
        pthread_mutex_unlock(&s->lock);
        http_tls_stream_free(c->tls);
        mn_close(c->fd);
        mn_freep(&c->head);
        mn_freep(&c);
        s->nconns--;
        pause_accepting(s, false);
}

int http_conn_give_away(http_conn *c) {
        pthread_mutex_lock(&c->server->lock);
        int fd = MN_TAKE_FD(c->fd);
        pthread_mutex_unlock(&c->server->lock);
        return fd;
}

static void on_readable(void *arg, uint32_t events);

/* Asks for a trim once all has been quiet for a while. */
static void trim_later(http_server *s) {
        s->trim_at_ms = now_ms() + HTTP_TRIM_AFTER_MS;
        if (!loop_timer_is_running(s->sweep) && !s->is_stopping)
                loop_timer_set(s->sweep, SWEEP_MS);
}

/* A worker is through with the connection (loop thread again). */
static void on_served(void *arg) {
        http_conn *c = arg;
        trim_later(c->server);
        if (c->fd < 0 || c->server->is_stopping) {
                conn_close(c);
                return;
        }
        set_state(c, c->head ? HTTP_CONN_HEAD : HTTP_CONN_IDLE);
        c->io = loop_io_add(c->server->spec.loop, c->fd, EPOLLIN, on_readable, c);
        if (!c->io)
                conn_close(c);
        else if (c->tls && http_tls_has_pending(c->tls))
                on_readable(c, EPOLLIN);
}

static void on_served_last(void *arg) {
        http_conn *c = arg;
        trim_later(c->server);
        conn_close(c);
}

static void serve_in_worker(void *arg) {
        http_conn *c = arg;
        bool is_kept = http_serve(c);
        loop_post(c->server->spec.loop, is_kept ? on_served : on_served_last, c);
}

/* The head is complete: the connection leaves the loop until it has been answered. */
static void dispatch(http_conn *c) {
        loop_io_remove(MN_TAKE(c->io));
        set_state(c, HTTP_CONN_BUSY);
        if (loop_workers_run(c->server->workers, serve_in_worker, c) < 0) {
                http_refuse(c, 503, "the daemon is serving too many requests");
                conn_close(c);
        }
}

/* Ends a connection whose handshake has failed. A client that speaks HTTP without TLS is told so, in Go's
 * words: command lines show them. Closing at once would reset the connection when more of the client's bytes
 * come, and take the answer, or OpenSSL's alert, away: the client closes, or the handshake's time runs out.
 */
static void refuse_handshake(http_conn *c, int why) {
        static const char answer[] = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
                                     "Client sent an HTTP request to an HTTPS server.\n";
        if (why == -EBADMSG && send(c->fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                mn_log(MN_LOG_DEBUG, "cannot answer a plain request", " error=\"%s\"", mn_strerror(-errno));
        c->is_refused = true;
        shutdown(c->fd, SHUT_WR);
}

/* Throws away what a refused client still sends. */
static void drain_refused(http_conn *c) {
        char rest[4096];
        ssize_t n = recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                conn_close(c);
}

/* Goes on with a TLS handshake; true when it is done. */
static bool is_handshake_done(http_conn *c) {
        int r = http_tls_handshake(c->tls);
        if (r == -EAGAIN)
                return false;
        if (r < 0) {
                mn_log(MN_LOG_DEBUG, "TLS handshake failed", " error=\"%s\"", mn_strerror(r));
                refuse_handshake(c, r);
                return false;
        }
        set_state(c, HTTP_CONN_IDLE);
        return true;
}

static void on_readable(void *arg, uint32_t events) {
        http_conn *c = arg;
        (void) events;
        if (c->is_refused) {
                drain_refused(c);
                return;
        }
        if (c->state == HTTP_CONN_HANDSHAKE && !is_handshake_done(c))
                return;
        int r = http_read_head(c, c->server->scratch, HTTP_MAX_HEAD);
        if (r == 1) {
                dispatch(c);
        } else if (r < 0) {
                if (r == -EBADMSG)
                        http_refuse(c, 400, "malformed request: bare line feed");
                if (r == -EMSGSIZE)
                        http_refuse(c, 431, "request header fields too large");
                conn_close(c);
        } else if (c->head && c->state == HTTP_CONN_IDLE) {
                set_state(c, HTTP_CONN_HEAD);
        }
}

/* Closes what is past its deadline at the front of one list. */
static void sweep_list(conn_list *l, int64_t now) {
        while (l->first && l->first->deadline_ms <= now) {
                if (l->first->state == HTTP_CONN_HEAD)
                        http_refuse(l->first, 408, "request head took too long");
                conn_close(l->first);
        }
}

static void on_sweep(void *arg) {
        http_server *s = arg;
        int64_t now = now_ms();
        sweep_list(&s->shake, now);
        sweep_list(&s->head, now);
        sweep_list(&s->idle, now);
        if (s->is_full && s->nconns < s->max_conns)
                pause_accepting(s, false);
        if (s->trim_at_ms && now >= s->trim_at_ms && http_server_busy(s) == 0) {
                malloc_trim(0);
                s->trim_at_ms = 0;
        }
        if (s->is_full || s->trim_at_ms || s->shake.first || s->head.first || s->idle.first)
                loop_timer_set(s->sweep, SWEEP_MS);
}

/* ---- accepting ---- */

static void conn_open(http_listener *l, int fd) {
        http_server *s = l->server;
        http_conn *c = mn_alloc(sizeof(*c));
        *c = (http_conn){ .fd = fd, .listener = l, .server = s, .state = HTTP_CONN_IDLE };
        if (l->tls) {
                c->tls = http_tls_accept(l->tls, fd);
                c->state = HTTP_CONN_HANDSHAKE;
        }
        s->nconns++;
        pthread_mutex_lock(&s->lock);
        list_append(list_of(s, c->state), c);
        pthread_mutex_unlock(&s->lock);
        set_state(c, c->state);
        c->io = loop_io_add(s->spec.loop, fd, EPOLLIN, on_readable, c);
        if (!c->io || (l->tls && !c->tls))
                conn_close(c);
        else if (!l->tls)
                on_readable(c, EPOLLIN); /* most clients have sent their request by now */
}

static void on_connection(void *arg, uint32_t events) {
        http_listener *l = arg;
        (void) events;
        for (int i = 0; i < ACCEPTS_PER_WAKEUP; i++) {
                if (l->server->nconns >= l->server->max_conns) {
                        pause_accepting(l->server, true);
                        return;
                }
                int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0) {
                        if (errno == EMFILE || errno == ENFILE)
                                pause_accepting(l->server, true);
                        return;
                }
                conn_open(l, fd);
        }
}

/* ---- the server ---- */

static size_t default_max_connections(void) {
        struct rlimit limit;
        size_t files = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (size_t) limit.rlim_cur : 1024;
        return files > 2 * RESERVED_DESCRIPTORS ? files - RESERVED_DESCRIPTORS : files / 2;
}

http_server *http_server_new(const http_server_spec *spec) {
        http_server *s = mn_alloc(sizeof(*s));
        s->spec = *spec;
        s->max_conns = spec->max_connections ? spec->max_connections : default_max_connections();
        size_t max_workers = spec->max_workers ? spec->max_workers : DEFAULT_MAX_WORKERS;
        s->workers = loop_workers_new(max_workers, MAX_QUEUED);
        s->max_waiting = max_workers - max_workers / 8;
        s->sweep = loop_timer_add(spec->loop, on_sweep, s);
        s->scratch = mn_alloc(HTTP_MAX_HEAD);
        pthread_mutex_init(&s->lock, NULL);
        return s;
}

mn_status http_server_listen(http_server *s, const http_listener_spec *spec, mn_err *err) {
        http_listener *l = mn_alloc(sizeof(*l));
        *l = (http_listener){ .fd = spec->fd,
                              .is_local = spec->is_local,
                              .checks_clients = spec->checks_clients,
                              .tls = spec->tls,
                              .server = s,
                              .next = s->listeners };
        int r = mn_fd_set_nonblock(l->fd, 1);
        l->io = r < 0 ? NULL : loop_io_add(s->spec.loop, l->fd, EPOLLIN, on_connection, l);
        if (!l->io) {
                r = r < 0 ? r : -errno;
                mn_close(l->fd);
                http_tls_free(l->tls);
                mn_freep(&l);
                return mn_fail_errno(err, r, "cannot accept connections");
        }
        s->listeners = l;
        return MN_OK;
}

static void close_all(conn_list *l) {
        while (l->first)
                conn_close(l->first);
}

void http_server_stop(http_server *s) {
        s->is_stopping = true;
        loop_timer_set(s->sweep, -1);
        for (http_listener *l = s->listeners; l; l = l->next) {
                loop_io_remove(MN_TAKE(l->io));
                l->fd = mn_close(l->fd);
        }
        close_all(&s->idle);
        close_all(&s->head);
        close_all(&s->shake);
}

void http_server_break(http_server *s) {
        pthread_mutex_lock(&s->lock);
        for (http_conn *c = s->busy.first; c; c = c->next) {
                if (c->fd >= 0)
                        shutdown(c->fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&s->lock);
}

size_t http_server_busy(http_server *s) {
        pthread_mutex_lock(&s->lock);
        size_t n = s->nbusy;
        pthread_mutex_unlock(&s->lock);
        return n;
}

void http_server_free(http_server *s) {
        if (!s)
                return;
        loop_workers_free(s->workers);
        close_all(&s->busy); /* their last posts are never run: the loop is the caller's and has ended */
        for (http_listener *l = s->listeners, *next; l; l = next) {
                next = l->next;
                http_tls_free(l->tls);
                mn_freep(&l);
        }
        loop_timer_remove(s->sweep);
        pthread_mutex_destroy(&s->lock);
        mn_freep(&s->scratch);
        mn_freep(&s);
}
