/* SPDX-License-Identifier: Apache-2.0 */
/* The stdio of one process, the container's first or that of an exec session. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "shim/shim.h"
#include "sys/fd.h"

void shim_session_init(struct shim_session *s, struct shim *shim, const char *exec_id) {
        *s = (struct shim_session){
                .shim = shim,
                .exec_id = exec_id,
                .in_fd = -1,
                .out_fd = { -1, -1 },
                .child_fd = { -1, -1, -1 },
        };
}

int shim_session_make_pipes(struct shim_session *s) {
        int in[2], out[2];
        if (s->has_stdin) {
                if (pipe2(in, O_CLOEXEC) < 0)
                        return -errno;
                s->child_fd[0] = in[0];
                s->in_fd = in[1];
                mn_fd_set_nonblock(s->in_fd, true);
        }
        for (int i = 0; i < 2; i++) {
                if (pipe2(out, O_CLOEXEC) < 0)
                        return -errno;
                s->out_fd[i] = out[0];
                s->child_fd[1 + i] = out[1];
                mn_fd_set_nonblock(s->out_fd[i], true);
        }
        return 0;
}

void shim_session_set_terminal(struct shim_session *s, int master) {
        mn_fd_set_nonblock(master, true);
        s->out_fd[0] = master;
        s->in_fd = fcntl(master, F_DUPFD_CLOEXEC, 3); /* its own watch in epoll */
}

/* ---- output ---- */

static bool has_output(const struct shim_session *s) {
        return s->out_fd[0] >= 0 || s->out_fd[1] >= 0;
}

static void close_output(struct shim_session *s, int i) {
        loop_io_remove(s->out_io[i]);
        s->out_io[i] = NULL;
        s->out_fd[i] = mn_close(s->out_fd[i]);
        if (s->log)
                logs_end_stream(s->log, i ? LOGS_STDERR : LOGS_STDOUT);
}

/* One read. False when there is nothing (more) to read now. */
static bool read_output(struct shim_session *s, int i) {
        if (s->out_fd[i] < 0)
                return false;
        char *buffer = s->shim->buffer;
        ssize_t n = read(s->out_fd[i], buffer, SHIM_BUFFER_SIZE);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (n <= 0) { /* a terminal whose last user is gone says EIO */
                close_output(s, i);
                return false;
        }
        logs_stream stream = i ? LOGS_STDERR : LOGS_STDOUT;
        shim_note_activity(s->shim);
        if (s->log)
                logs_write(s->log, stream, buffer, (size_t) n);
        shim_clients_send(s, stream, buffer, (size_t) n);
        return true;
}

static void drained(void *arg) {
        struct shim_session *s = arg;
        loop_timer_remove(MN_TAKE(s->drain_timer));
        for (int i = 0; i < 2; i++)
                if (s->out_fd[i] >= 0)
                        close_output(s, i);
        s->on_drained(s);
}

static void output_ready(struct shim_session *s, int i) {
        read_output(s, i);
        if (s->is_ended && !has_output(s))
                drained(s);
        else
                shim_session_update(s);
}

static void stdout_ready(void *arg, uint32_t events) {
        (void) events;
        output_ready(arg, 0);
}

static void stderr_ready(void *arg, uint32_t events) {
        (void) events;
        output_ready(arg, 1);
}

void shim_session_update(struct shim_session *s) {
        bool is_paused = !s->is_ended && shim_clients_are_behind(s);
        for (int i = 0; i < 2; i++)
                if (s->out_io[i])
                        loop_io_set(s->out_io[i], is_paused ? 0 : EPOLLIN);
}

/* ---- input ---- */

static void close_in(struct shim_session *s) {
        loop_io_remove(MN_TAKE(s->in_io));
        s->in_fd = mn_close(s->in_fd);
        mn_freep(&s->held);
        s->held = NULL;
        s->held_len = 0;
        shim_clients_update(s);
}

/* Bytes taken; all of them when nobody will ever read them. */
static size_t write_in(struct shim_session *s, const char *bytes, size_t len) {
        ssize_t n = write(s->in_fd, bytes, len);
        if (n >= 0)
                return (size_t) n;
        if (errno == EAGAIN || errno == EINTR)
                return 0;
        close_in(s);
        return len;
}

static void in_ready(void *arg, uint32_t events) {
        struct shim_session *s = arg;
        if (!s->held) {
                if (events & (EPOLLERR | EPOLLHUP)) /* the process has closed its input */
                        close_in(s);
                return;
        }
        size_t n = write_in(s, s->held, s->held_len);
        if (!s->held)
                return;
        s->held_len -= n;
        memmove(s->held, s->held + n, s->held_len);
        if (s->held_len)
                return;
        mn_freep(&s->held);
        s->held = NULL;
        loop_io_set(s->in_io, EPOLLERR);
        if (s->is_closing_in)
                close_in(s);
        else
                shim_clients_update(s);
}

void shim_session_input(struct shim_session *s, const char *bytes, size_t len) {
        if (s->in_fd < 0 || s->is_closing_in || len == 0)
                return;
        size_t n = write_in(s, bytes, len);
        if (n == len)
                return;
        s->held = mn_alloc(len - n);
        s->held_len = len - n;
        memcpy(s->held, bytes + n, len - n);
        loop_io_set(s->in_io, EPOLLOUT);
        shim_clients_update(s);
}

void shim_session_close_input(struct shim_session *s) {
        s->is_closing_in = true;
        if (s->is_open && !s->held)
                close_in(s);
}

/* ---- life ---- */

void shim_session_begin(struct shim_session *s) {
        static const loop_io_fn ready[2] = { stdout_ready, stderr_ready };
        for (int i = 0; i < 3; i++)
                s->child_fd[i] = mn_close(s->child_fd[i]);
        s->is_open = true;
        if (s->in_fd >= 0)
                s->in_io = loop_io_add(s->shim->loop, s->in_fd, EPOLLERR, in_ready, s);
        if (!s->in_io)
                s->in_fd = mn_close(s->in_fd);
        for (int i = 0; i < 2; i++)
                if (s->out_fd[i] >= 0)
                        s->out_io[i] = loop_io_add(s->shim->loop, s->out_fd[i], EPOLLIN, ready[i], s);
        if (s->is_closing_in)
                close_in(s);
        shim_clients_update(s);
}

int shim_session_resize(struct shim_session *s, int height, int width) {
        if (!s->is_tty || s->out_fd[0] < 0)
                return -ENOTTY;
        if (height < 0 || height > UINT16_MAX || width < 0 || width > UINT16_MAX)
                return -EINVAL;
        struct winsize size = { .ws_row = (unsigned short) height, .ws_col = (unsigned short) width };
        return ioctl(s->out_fd[0], TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

void shim_session_finish(struct shim_session *s) {
        s->is_ended = true;
        close_in(s);
        /* What the pipes hold now is taken at once; then those who still write get a little time. */
        for (int i = 0; i < 2; i++)
                for (size_t taken = 0; taken < 4 * SHIM_QUEUE_MAX && read_output(s, i);
                     taken += SHIM_BUFFER_SIZE)
                        ;
        if (!has_output(s)) {
                drained(s);
                return;
        }
        s->drain_timer = loop_timer_add(s->shim->loop, drained, s);
        loop_timer_set(s->drain_timer, SHIM_DRAIN_MS);
        shim_session_update(s);
}

void shim_session_release(struct shim_session *s) {
        loop_timer_remove(MN_TAKE(s->drain_timer));
        for (int i = 0; i < 2; i++)
                if (s->out_fd[i] >= 0)
                        close_output(s, i);
        if (s->in_fd >= 0)
                close_in(s);
        for (int i = 0; i < 3; i++)
                s->child_fd[i] = mn_close(s->child_fd[i]);
        shim_clients_finish(s);
}
