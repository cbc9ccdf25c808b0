/* SPDX-License-Identifier: Apache-2.0 */
#include "container/shim_link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/time.h"
#include "sys/fd.h"
#include "sys/spawn.h"
#include "sys/unix.h"

enum { SEND_TIMEOUT_MS = 5000 };

/* A request that waits for its reply; on the caller's stack. */
struct call {
        uint64_t id;
        struct call *next;
        bool is_done; /* answered, or the link broke (text NULL) */
        char *text;
        size_t len;
        int fd;
};

struct shim_link {
        atomic_uint refs;
        int sock;
        pid_t pid; /* of the shim */
        int pidfd;
        atomic_bool is_reaped;

        pthread_mutex_t lock;
        pthread_cond_t answered;
        uint64_t last_id;
        struct call *calls;
        bool is_watched;
        bool is_broken;

        loop *loop; /* the rest: loop thread */
        loop_io *io;
        shim_event_fn fn;
        void *arg;
};

static shim_link *new_link(int sock, pid_t pid, int pidfd) {
        shim_link *l = mn_alloc(sizeof *l);
        l->refs = 1;
        l->sock = sock;
        l->pid = pid;
        l->pidfd = pidfd;
        mn_fd_set_nonblock(sock, true);
        pthread_mutex_init(&l->lock, NULL);
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&l->answered, &monotonic);
        pthread_condattr_destroy(&monotonic);
        return l;
}

mn_status shim_link_spawn(const char *shim_path, shim_link **ret, mn_err *err) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return mn_fail_errno(err, -errno, "cannot make the shim's socket");
        cleanup_close int ours = pair[0], theirs = pair[1];
        const mn_spawn_fd fds[] = { { theirs, WIRE_SHIM_CONTROL_FD } };
        char *argv[] = { (char *) "minato-shim", NULL };
        const mn_spawn_spec spec = {
                .path = shim_path, .argv = argv, .fds = fds, .nfds = 1, .cwd_fd = -1, .has_new_session = true
        };
        int pidfd = -1;
        pid_t pid = mn_spawn(&spec, &pidfd);
        if (pid < 0)
                return mn_fail_errno(err, pid, "cannot start \"%s\"", shim_path);
        *ret = new_link(MN_TAKE_FD(ours), pid, pidfd);
        return MN_OK;
}

mn_status shim_link_connect(int bundle_fd, shim_link **ret, mn_err *err) {
        /* One that does not accept any more is not waited for. */
        cleanup_close int sock = mn_unix_connect(bundle_fd, WIRE_SHIM_SOCKET, SOCK_SEQPACKET | SOCK_NONBLOCK);
        if (sock == -ENOENT || sock == -ECONNREFUSED)
                return mn_fail(err, MN_NOT_FOUND, "no shim listens");
        if (sock < 0)
                return mn_fail_errno(err, sock, "cannot connect to the shim");
        struct ucred peer;
        socklen_t len = sizeof peer;
        int pidfd = getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? -errno
                                                                               : mn_pidfd_open(peer.pid);
        if (pidfd < 0)
                return mn_fail_errno(err, pidfd, "cannot open the shim's process");
        *ret = new_link(MN_TAKE_FD(sock), peer.pid, pidfd);
        return MN_OK;
}

shim_link *shim_link_ref(shim_link *l) {
        l->refs++;
        return l;
}

void shim_link_unref(shim_link *l) {
        if (!l || --l->refs)
                return;
        mn_close(l->sock);
        mn_close(l->pidfd);
        pthread_mutex_destroy(&l->lock);
        pthread_cond_destroy(&l->answered);
        mn_freep(&l);
}

void shim_link_unrefp(shim_link **l) {
        shim_link_unref(*l);
}

pid_t shim_link_pid(const shim_link *l) {
        return l->pid;
}

int shim_link_fd(const shim_link *l) {
        return l->sock;
}

/* ---- receiving ---- */

/* One packet: its bytes in `buf` (NUL-terminated), or 0 at the end, -EAGAIN, -errno. */
static ssize_t receive(shim_link *l, char *buf, int *ret_fd) {
        int fds[WIRE_SHIM_MAX_FDS];
        size_t nfds = 0;
        ssize_t n = mn_recv_fds(l->sock, buf, WIRE_SHIM_MAX_MESSAGE, fds, WIRE_SHIM_MAX_FDS, &nfds);
        for (size_t i = 1; n >= 0 && i < nfds; i++)
                mn_close(fds[i]);
        *ret_fd = n >= 0 && nfds ? fds[0] : -1;
        if (n >= 0)
                buf[n] = 0;
        return n;
}

/* Gives a reply to the call that waits for it. Takes the descriptor. */
static void answer(shim_link *l, uint64_t id, const char *text, size_t len, int fd) {
        pthread_mutex_lock(&l->lock);
        for (struct call *c = l->calls; c; c = c->next) {
                if (c->id != id || c->is_done)
                        continue;
                c->text = mn_strndup(text, len);
                c->len = len;
                c->fd = MN_TAKE_FD(fd);
                c->is_done = true;
                pthread_cond_broadcast(&l->answered);
                break;
        }
        pthread_mutex_unlock(&l->lock);
        mn_close(fd);
}

static void break_link(shim_link *l) {
        pthread_mutex_lock(&l->lock);
        l->is_broken = true;
        for (struct call *c = l->calls; c; c = c->next)
                c->is_done = true;
        pthread_cond_broadcast(&l->answered);
        pthread_mutex_unlock(&l->lock);
}

/* A packet read by the loop. */
static void dispatch(shim_link *l, const char *text, size_t len, int fd) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        wire_shim_message message;
        if (wire_shim_message_decode(text, len, arena, &message, &err)) {
                mn_log(MN_LOG_WARN, "a shim sent nonsense", " error=\"%s\"", mn_err_text(&err));
                mn_close(fd);
        } else if (message.id) {
                answer(l, message.id, text, len, fd);
        } else {
                l->fn(l->arg, &message, fd);
        }
}

static void end_of_link(shim_link *l) {
        loop_io_remove(l->io);
        l->io = NULL;
        break_link(l);
        l->fn(l->arg, NULL, -1);
        shim_link_unref(l); /* the loop's reference */
}

static void readable(void *arg, uint32_t events) {
        shim_link *l = arg;
        (void) events;
        cleanup_free char *buf = mn_alloc_unset(WIRE_SHIM_MAX_MESSAGE + 1);
        for (int i = 0; i < 16; i++) { /* then others have their turn */
                int fd = -1;
                ssize_t n = receive(l, buf, &fd);
                if (n == -EAGAIN || n == -EINTR)
                        return;
                if (n <= 0) {
                        end_of_link(l);
                        return;
                }
                dispatch(l, buf, (size_t) n, fd);
        }
}

static void add_to_loop(void *arg) {
        shim_link *l = arg;
        l->io = loop_io_add(l->loop, l->sock, EPOLLIN, readable, l);
        if (!l->io)
                end_of_link(l);
}

void shim_link_watch(shim_link *l, loop *in, shim_event_fn fn, void *arg) {
        pthread_mutex_lock(&l->lock);
        l->is_watched = true;
        pthread_mutex_unlock(&l->lock);
        l->loop = in;
        l->fn = fn;
        l->arg = arg;
        shim_link_ref(l);
        loop_post(in, add_to_loop, l);
}

/* ---- calls ---- */

static int send_packet(shim_link *l, const mn_str *text, const int *fds, size_t nfds) {
        for (;;) {
                int r = mn_send_fds(l->sock, text->data, text->len, fds, nfds);
                if (r != -EAGAIN)
                        return r;
                struct pollfd p = { .fd = l->sock, .events = POLLOUT };
                if (poll(&p, 1, SEND_TIMEOUT_MS) <= 0)
                        return -ETIMEDOUT;
        }
}

/* The starting thread reads for itself until its reply is there. */
static void read_until_answered(shim_link *l, struct call *call, int64_t deadline_ns) {
        cleanup_free char *buf = mn_alloc_unset(WIRE_SHIM_MAX_MESSAGE + 1);
        while (!call->is_done) {
                int64_t left_ms = (deadline_ns - mn_monotonic_ns()) / MN_NS_PER_MS;
                struct pollfd p = { .fd = l->sock, .events = POLLIN };
                if (left_ms <= 0 || poll(&p, 1, (int) left_ms) == 0)
                        return;
                int fd = -1;
                ssize_t n = receive(l, buf, &fd);
                if (n == -EAGAIN || n == -EINTR)
                        continue;
                if (n <= 0) {
                        break_link(l);
                        return;
                }
                cleanup_arena mn_arena *arena = mn_arena_new();
                wire_shim_message message;
                if (wire_shim_message_decode(buf, (size_t) n, arena, &message, NULL) == MN_OK && message.id)
                        answer(l, message.id, buf, (size_t) n, fd);
                else
                        mn_close(fd);
        }
}

static void wait_until_answered(shim_link *l, struct call *call, int64_t deadline_ns) {
        struct timespec until = { deadline_ns / MN_NS_PER_SEC, deadline_ns % MN_NS_PER_SEC };
        pthread_mutex_lock(&l->lock);
        while (!call->is_done && pthread_cond_timedwait(&l->answered, &l->lock, &until) != ETIMEDOUT)
                ;
        pthread_mutex_unlock(&l->lock);
}

static void enter(shim_link *l, struct call *call) {
        pthread_mutex_lock(&l->lock);
        call->id = ++l->last_id;
        call->is_done = l->is_broken;
        call->next = l->calls;
        l->calls = call;
        pthread_mutex_unlock(&l->lock);
}

/* Takes the call off the list; from then on nobody touches it. */
static void leave(shim_link *l, struct call *call) {
        pthread_mutex_lock(&l->lock);
        for (struct call **at = &l->calls; *at; at = &(*at)->next)
                if (*at == call) {
                        *at = call->next;
                        break;
                }
        pthread_mutex_unlock(&l->lock);
}

static int send_request(shim_link *l, const wire_shim_request *request, const int *fds, size_t nfds) {
        cleanup_str mn_str text = MN_STR_INIT(WIRE_SHIM_MAX_MESSAGE);
        wire_shim_request_encode(request, &text);
        int r = mn_str_error(&text);
        return r < 0 ? r : send_packet(l, &text, fds, nfds);
}

mn_status shim_link_post(shim_link *l, wire_shim_request *request, const int *fds, size_t nfds, mn_err *err) {
        pthread_mutex_lock(&l->lock);
        request->id = ++l->last_id; /* no call has it: the reply is dropped */
        pthread_mutex_unlock(&l->lock);
        int r = send_request(l, request, fds, nfds);
        return r < 0 ? mn_fail_errno(err, r, "request to the shim") : MN_OK;
}

mn_status shim_link_call(shim_link *l, wire_shim_request *request, const int *fds, size_t nfds,
                         int timeout_ms, mn_arena *arena, wire_shim_message *ret, int *ret_fd, mn_err *err) {
        struct call call = { .fd = -1 };
        enter(l, &call);
        request->id = call.id;
        int r = send_request(l, request, fds, nfds);
        int64_t deadline = mn_monotonic_ns() + timeout_ms * MN_NS_PER_MS;
        if (r >= 0 && l->is_watched)
                wait_until_answered(l, &call, deadline);
        else if (r >= 0)
                read_until_answered(l, &call, deadline);
        leave(l, &call);
        cleanup_free char *reply = call.text;
        if (r == -EMSGSIZE)
                return mn_fail_errno(err, r, "request to the shim");
        if (!reply)
                return mn_fail(err, MN_UNAVAILABLE,
                               call.is_done || r < 0 ? "the shim is gone" : "the shim does not answer");
        mn_status status = wire_shim_message_decode(reply, call.len, arena, ret, err);
        if (!status && !mn_str_is_empty(ret->error))
                status = mn_fail(err, MN_INTERNAL, "%s", ret->error);
        if (ret_fd && !status)
                *ret_fd = MN_TAKE_FD(call.fd);
        mn_close(call.fd);
        return status;
}

/* ---- the end ---- */

bool shim_link_wait_gone(shim_link *l, int timeout_ms) {
        if (l->is_reaped)
                return true;
        struct pollfd p = { .fd = l->pidfd, .events = POLLIN };
        if (poll(&p, 1, timeout_ms) <= 0)
                return false;
        if (!atomic_exchange(&l->is_reaped, true))
                (void) mn_wait_pidfd(l->pidfd); /* -ECHILD for one we have taken over */
        return true;
}

void shim_link_kill(shim_link *l) {
        if (!l->is_reaped)
                (void) mn_pidfd_kill(l->pidfd, SIGKILL);
}
