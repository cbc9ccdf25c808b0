/* SPDX-License-Identifier: Apache-2.0 */
/* Control connections. A peer that does not read what it is sent is disconnected: it can come back and ask.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "shim/shim.h"
#include "sys/fd.h"
#include "sys/unix.h"

struct shim_peer {
        struct shim *shim;
        unsigned number;
        int fd;
        loop_io *io;
        bool is_control; /* the connection we were born with */
        struct shim_peer *next;
};

static void remove_peer(struct shim_peer *p) {
        struct shim *shim = p->shim;
        struct shim_peer **at = &shim->peers;
        while (*at != p)
                at = &(*at)->next;
        *at = p->next;
        shim->num_peers--;
        loop_io_remove(p->io);
        mn_close(p->fd);
        /* The daemon is gone before it said what to start: nobody will ever know of us. */
        if (p->is_control && shim->state <= SHIM_PREPARED)
                loop_quit(shim->loop);
        free(p);
}

/* ---- sending ---- */

static void send_message(struct shim_peer *p, const wire_shim_message *message, int fd) {
        cleanup_str mn_str text = MN_STR_INIT(WIRE_SHIM_MAX_MESSAGE);
        wire_shim_message_encode(message, &text);
        if (mn_str_error(&text) < 0 || mn_send_fds(p->fd, text.data, text.len, &fd, fd >= 0) < 0)
                shutdown(p->fd, SHUT_RDWR); /* its watch removes it */
}

void shim_reply(struct shim *shim, struct shim_asker asker, wire_shim_message *message, int fd) {
        message->id = asker.id;
        for (struct shim_peer *p = shim->peers; p; p = p->next)
                if (p->number == asker.peer)
                        send_message(p, message, fd);
}

void shim_broadcast(struct shim *shim, const wire_shim_message *message, int fd, unsigned except) {
        for (struct shim_peer *p = shim->peers; p; p = p->next)
                if (p->number != except)
                        send_message(p, message, fd);
}

/* ---- requests ---- */

static void reply_result(struct shim *shim, struct shim_asker asker, mn_status st, const mn_err *err) {
        wire_shim_message message = { .error = st ? (char *) mn_err_text(err) : NULL, .code = st ? 125 : 0 };
        shim_reply(shim, asker, &message, -1);
}

static const char *state_name(const struct shim *shim) {
        switch (shim->state) {
        case SHIM_CREATED:
        case SHIM_PREPARED:
                return WIRE_SHIM_STATE_CREATED;
        case SHIM_STARTING:
                return WIRE_SHIM_STATE_STARTING;
        case SHIM_RUNNING:
        case SHIM_ENDED:
                return WIRE_SHIM_STATE_RUNNING;
        case SHIM_EXITED:
                break;
        }
        return WIRE_SHIM_STATE_EXITED;
}

static void reply_status(struct shim *shim, struct shim_asker asker, mn_arena *arena) {
        bool is_over = shim->state == SHIM_EXITED;
        wire_shim_message message = {
                .state = (char *) state_name(shim),
                .pid = shim->pid,
                .code = is_over ? shim->code : 0,
                .started_at = shim->started_at,
                .exited_at = is_over ? shim->exited_at : 0,
                .is_oom_killed = is_over && shim->is_oom_killed,
        };
        shim_execs_list(shim, arena, &message);
        shim_reply(shim, asker, &message, shim->pidfd);
}

static mn_status attach(struct shim *shim, const wire_shim_streams *streams, int fd, mn_err *err) {
        if (shim->state >= SHIM_ENDED) {
                mn_close(fd);
                return mn_fail(err, MN_CONFLICT, "container is not running");
        }
        int r = shim_client_add(&shim->session, fd, streams);
        return r < 0 ? mn_fail_errno(err, r, "attach") : MN_OK;
}

static mn_status resize(struct shim *shim, const wire_shim_resize *request, mn_err *err) {
        struct shim_session *s = mn_str_is_empty(request->exec_id)
                                         ? &shim->session
                                         : shim_exec_session(shim, request->exec_id);
        if (!s)
                return mn_fail(err, MN_NOT_FOUND, "no such exec instance: %s", request->exec_id);
        int r = shim_session_resize(s, request->height, request->width);
        return r < 0 ? mn_fail_errno(err, r, "resize") : MN_OK;
}

static mn_status reopen_log(struct shim *shim, mn_err *err) {
        int r = shim->session.log ? logs_writer_reopen(shim->session.log) : 0;
        return r < 0 ? mn_fail_errno(err, r, "reopen the log") : MN_OK;
}

/* Takes the descriptor of that name out of the packet's; -1 when there is none. */
static int take_fd(const wire_shim_request *request, int *fds, const char *name) {
        int i = wire_shim_fd_index(request, name);
        return i < 0 ? -1 : MN_TAKE_FD(fds[i]);
}

static void serve(struct shim *shim, struct shim_asker asker, const wire_shim_request *request, int *fds,
                  mn_arena *arena) {
        cleanup_err mn_err err = { 0 };
        mn_status st;
        bool is_answered_later = false;
        if (strcmp(request->op, WIRE_SHIM_STATUS) == 0) {
                reply_status(shim, asker, arena);
                return;
        }
        if (strcmp(request->op, WIRE_SHIM_START) == 0) {
                st = shim_start(shim, asker, request, fds, &err);
                is_answered_later = true;
        } else if (strcmp(request->op, WIRE_SHIM_RUN) == 0) {
                st = shim_run(shim, asker, request, fds, &err);
                is_answered_later = true;
        } else if (strcmp(request->op, WIRE_SHIM_PREPARE) == 0) {
                st = shim_prepare(shim, request, fds, &err);
        } else if (strcmp(request->op, WIRE_SHIM_EXEC) == 0) {
                st = shim_exec_start(shim, asker, request->exec, take_fd(request, fds, "client"), &err);
                is_answered_later = true;
        } else if (strcmp(request->op, WIRE_SHIM_ATTACH) == 0) {
                st = attach(shim, request->attach, take_fd(request, fds, "client"), &err);
        } else if (strcmp(request->op, WIRE_SHIM_RESIZE) == 0) {
                st = resize(shim, request->resize, &err);
        } else {
                st = reopen_log(shim, &err);
        }
        if (st || !is_answered_later)
                reply_result(shim, asker, st, &err);
}

static void peer_ready(void *arg, uint32_t events) {
        (void) events;
        struct shim_peer *p = arg;
        struct shim *shim = p->shim;
        int fds[WIRE_SHIM_MAX_FDS];
        size_t nfds = 0;
        cleanup_free char *text = mn_alloc_unset(WIRE_SHIM_MAX_MESSAGE);
        ssize_t n = mn_recv_fds(p->fd, text, WIRE_SHIM_MAX_MESSAGE, fds, WIRE_SHIM_MAX_FDS, &nfds);
        if (n < 0 && (n == -EAGAIN || n == -EINTR))
                return;
        if (n <= 0) {
                remove_peer(p);
                return;
        }
        struct shim_asker asker = { .peer = p->number };
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        wire_shim_request request = { 0 };
        mn_status st = wire_shim_request_decode(text, (size_t) n, nfds, arena, &request, &err);
        asker.id = request.id;
        if (st)
                reply_result(shim, asker, st, &err);
        else
                serve(shim, asker, &request, fds, arena);
        for (size_t i = 0; i < nfds; i++)
                mn_close(fds[i]);
}

/* ---- connections ---- */

int shim_peer_add(struct shim *shim, int fd, bool is_control) {
        struct shim_peer *p = mn_alloc(sizeof(*p));
        *p = (struct shim_peer){
                .shim = shim, .number = ++shim->last_peer, .fd = fd, .is_control = is_control
        };
        int r = mn_fd_set_nonblock(fd, true);
        p->io = r < 0 ? NULL : loop_io_add(shim->loop, fd, EPOLLIN, peer_ready, p);
        if (!p->io) {
                r = r < 0 ? r : -errno;
                free(p);
                return r;
        }
        p->next = shim->peers;
        shim->peers = p;
        shim->num_peers++;
        return 0;
}

static void connection_ready(void *arg, uint32_t events) {
        (void) events;
        struct shim *shim = arg;
        cleanup_close int fd = accept4(shim->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        uid_t uid;
        /* The bundle's directory is closed to others; this is for the day somebody opens it. */
        if (fd < 0 || mn_unix_peer_uid(fd, &uid) < 0 || uid != geteuid() || shim->num_peers >= SHIM_MAX_PEERS)
                return;
        if (shim_peer_add(shim, fd, false) == 0)
                MN_TAKE_FD(fd);
}

int shim_peers_listen(struct shim *shim) {
        int fd = mn_unix_listen(shim->bundle_fd, WIRE_SHIM_SOCKET, SOCK_SEQPACKET);
        if (fd < 0)
                return fd;
        shim->listen_fd = fd;
        shim->listen_io = loop_io_add(shim->loop, fd, EPOLLIN, connection_ready, shim);
        return shim->listen_io ? 0 : -errno;
}

void shim_peers_close(struct shim *shim) {
        if (shim->listen_fd >= 0) {
                unlinkat(shim->bundle_fd, WIRE_SHIM_SOCKET, 0);
                loop_io_remove(MN_TAKE(shim->listen_io));
                shim->listen_fd = mn_close(shim->listen_fd);
        }
        while (shim->peers)
                remove_peer(shim->peers);
}
