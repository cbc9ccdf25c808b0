/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "codec/keys.h"
#include "sys/fd.h"
#include "wire/stdio.h"

enum { COPY_SIZE = 32 << 10 };

/* Where a demultiplexer stands in its frames. */
typedef struct demux {
        uint8_t header[WIRE_STDIO_HEADER_SIZE];
        size_t header_len;
        uint32_t remaining;
} demux;

typedef struct session {
        cli *c;
        const session_spec *spec;
        demux frames;
        mn_keys keys;
        terminal tty;
        int signal_fd;
        bool is_stdin_open;
} session;

static const int passed_on[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,  SIGUSR2,   SIGALRM,
                                 SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGVTALRM, SIGPROF };

static void signal_set(sigset_t *set) {
        sigemptyset(set);
        for (size_t i = 0; i < MN_ARRAY_LEN(passed_on); i++)
                sigaddset(set, passed_on[i]);
}

void session_hold_signals(void) {
        sigset_t set;
        signal_set(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
}

mn_status session_check_keys(const char *keys, mn_err *err) {
        mn_keys parsed;
        if (mn_keys_parse(keys, &parsed, NULL, NULL) < 0)
                return mn_fail(err, MN_INVALID, "invalid detach keys (%s) provided", keys);
        return MN_OK;
}

mn_status session_check_tty(bool has_stdin, bool is_tty, mn_err *err) {
        if (has_stdin && is_tty && !isatty(STDIN_FILENO))
                return mn_fail(err, MN_INVALID, "the input device is not a TTY");
        return MN_OK;
}

void session_resize(cli *c, const char *prefix, const char *id) {
        struct winsize size;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
                return;
        const char *target = mn_arena_printf(c->arena, "%s/%s/resize?h=%u&w=%u", prefix, id, size.ws_row,
                                             size.ws_col);
        mn_status status = cli_request(c, "POST", target, NULL, NULL);
        (void) status; /* the process may have ended meanwhile: its size matters no more */
}

/* Writes what arrived of the stream; */
static int write_frames(const session_spec *spec, demux *d, const uint8_t *data, size_t len) {
        while (len > 0) {
                if (d->remaining == 0) {
                        size_t n = MN_MIN(len, WIRE_STDIO_HEADER_SIZE - d->header_len);
                        memcpy(d->header + d->header_len, data, n);
                        d->header_len += n;
                        data += n;
                        len -= n;
                        if (d->header_len < WIRE_STDIO_HEADER_SIZE)
                                return 0;
                        d->remaining = wire_stdio_get_length(d->header);
                        d->header_len = 0;
                        continue;
                }
                size_t n = MN_MIN(len, (size_t) d->remaining);
                bool is_out = d->header[0] == WIRE_STDOUT;
                bool is_shown = is_out ? spec->shows_stdout
                                       : spec->shows_stderr || d->header[0] == WIRE_SYSTEM_ERROR;
                int r = is_shown ? mn_write_all(is_out ? STDOUT_FILENO : STDERR_FILENO, data, n) : 0;
                if (r < 0)
                        return r;
                data += n;
                len -= n;
                d->remaining -= (uint32_t) n;
        }
        return 0;
}

/* Moves what the daemon sent; false at the end of the stream. */
static bool take_output(session *s) {
        uint8_t buf[COPY_SIZE];
        do {
                ssize_t n = client_stream_read(s->spec->stream, buf, sizeof(buf));
                if (n <= 0)
                        return false;
                int r = s->spec->is_tty ? mn_write_all(STDOUT_FILENO, buf, (size_t) n)
                                        : write_frames(s->spec, &s->frames, buf, (size_t) n);
                if (r < 0)
                        return false;
        } while (client_stream_has_buffered(s->spec->stream));
        return true;
}

/* Moves what the user typed; true when that was the detach keys. */
static bool take_input(session *s) {
        uint8_t typed[COPY_SIZE], out[COPY_SIZE + MN_KEYS_MAX];
        ssize_t n = read(STDIN_FILENO, typed, sizeof(typed));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return false;
        if (n <= 0) {
                s->is_stdin_open = false;
                client_stream_shut(s->spec->stream);
                return false;
        }
        size_t len = (size_t) n;
        bool is_detach = false;
        const uint8_t *data = typed;
        if (s->tty.is_raw) {
                is_detach = mn_keys_filter(&s->keys, typed, len, out, &len);
                data = out;
        }
        if (mn_write_all(client_stream_fd(s->spec->stream), data, len) < 0)
                s->is_stdin_open = false;
        return is_detach;
}

static void take_signal(session *s) {
        struct signalfd_siginfo info;
        if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
                return;
        int number = (int) info.ssi_signo;
        if (number == SIGWINCH) {
                if (s->spec->resize_id && s->spec->is_tty)
                        session_resize(s->c, s->spec->resize_prefix, s->spec->resize_id);
                return;
        }
        if (s->spec->signal_container) {
                const char *target = mn_arena_printf(s->c->arena, "/containers/%s/kill?signal=%d",
                                                     s->spec->signal_container, number);
                mn_status status = cli_request(s->c, "POST", target, NULL, NULL);
                (void) status; /* the container may have ended meanwhile */
                return;
        }
        /* Not passed on: it does to us what it does to any program. */
        sigset_t set;
        terminal_restore(&s->tty);
        sigemptyset(&set);
        sigaddset(&set, number);
        signal(number, SIG_DFL);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void loop(session *s, session_end *ret) {
        enum { STREAM, SIGNALS, INPUT };
        for (;;) {
                struct pollfd fds[] = {
                        [STREAM] = { client_stream_fd(s->spec->stream), POLLIN, 0 },
                        [SIGNALS] = { s->signal_fd, POLLIN, 0 },
                        [INPUT] = { s->is_stdin_open ? STDIN_FILENO : -1, POLLIN, 0 },
                };
                bool is_ready = client_stream_has_buffered(s->spec->stream);
                if (poll(fds, MN_ARRAY_LEN(fds), is_ready ? 0 : -1) < 0 && errno != EINTR)
                        return;
                if (is_ready || fds[STREAM].revents) {
                        if (!take_output(s))
                                return;
                        continue; /* output first: what was written before the end is shown before it */
                }
                if (fds[SIGNALS].revents)
                        take_signal(s);
                if (fds[INPUT].revents && take_input(s)) {
                        *ret = SESSION_DETACHED;
                        return;
                }
        }
}

mn_status session_run(cli *c, const session_spec *spec, session_end *ret, mn_err *err) {
        session s = { .c = c, .spec = spec, .is_stdin_open = spec->has_stdin };
        sigset_t set;
        fflush(stdout);
        signal_set(&set);
        session_hold_signals();
        cleanup_close int signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
        if (signal_fd < 0)
                return mn_fail_errno(err, -errno, "cannot watch signals");
        s.signal_fd = signal_fd;
        if (mn_keys_parse(spec->detach_keys, &s.keys, NULL, NULL) < 0)
                return mn_fail(err, MN_INVALID, "invalid detach keys (%s) provided", spec->detach_keys);
        *ret = SESSION_ENDED;
        if (spec->is_tty && spec->has_stdin)
                terminal_set_raw(&s.tty, STDIN_FILENO);
        if (!spec->has_stdin && client_stream_fd(spec->stream) >= 0)
                client_stream_shut(spec->stream);
        loop(&s, ret);
        terminal_restore(&s.tty);
        return MN_OK;
}

mn_status session_copy(client_stream *stream, bool is_framed, mn_err *err) {
        static const session_spec everything = { .shows_stdout = true, .shows_stderr = true };
        uint8_t buf[COPY_SIZE];
        demux frames = { 0 };
        for (;;) {
                ssize_t n = client_stream_read(stream, buf, sizeof(buf));
                if (n == 0)
                        return MN_OK;
                if (n < 0)
                        return mn_fail_errno(err, (int) n, "cannot read from the daemon");
                int r = is_framed ? write_frames(&everything, &frames, buf, (size_t) n)
                                  : mn_write_all(STDOUT_FILENO, buf, (size_t) n);
                if (r < 0)
                        return MN_OK; /* whoever reads our output has gone */
        }
}
