/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "sys/fd.h"
#include "sys/spawn.h"

/* What is left in the terminal when the process has ended is waited for this long: somebody else in the
   container may hold it open. */
enum { DRAIN_MS = 100, BUFFER = 16384 };

struct relay {
        int master, signals;
        pid_t pid;
        struct termios saved;
        bool is_raw, has_input, has_ended;
        int code;
};

mn_status terminal_open(terminal *t, int *ret_peer, oci_console_size **size, mn_arena *arena, mn_err *err) {
        struct winsize ws;
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return mn_fail_errno(err, -errno, "process.terminal: socketpair");
        t->socket_fd = pair[0];
        *ret_peer = pair[1];
        if (!*size && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col) {
                *size = mn_arena_alloc(arena, sizeof(**size));
                **size = (oci_console_size){ .height = ws.ws_row, .width = ws.ws_col };
        }
        return MN_OK;
}

void terminal_close(terminal *t) {
        t->socket_fd = mn_close(t->socket_fd);
}

static void make_raw(struct relay *r) {
        struct termios raw;
        if (tcgetattr(STDIN_FILENO, &r->saved) < 0)
                return;
        raw = r->saved;
        cfmakeraw(&raw);
        r->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void copy_window_size(const struct relay *r) {
        struct winsize ws;
        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
                ioctl(r->master, TIOCSWINSZ, &ws);
}

static void reap(struct relay *r) {
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
                if (pid == r->pid) {
                        r->has_ended = true;
                        r->code = mn_exit_code(status);
                }
}

static void take_signal(struct relay *r) {
        struct signalfd_siginfo info;
        if (read(r->signals, &info, sizeof(info)) != (ssize_t) sizeof(info))
                return;
        int sig = (int) info.ssi_signo;
        if (sig == SIGCHLD)
                reap(r);
        else if (sig == SIGWINCH)
                copy_window_size(r);
        else if (sig != SIGTSTP && sig != SIGTTOU && sig != SIGTTIN && sig != SIGPIPE)
                kill(r->pid, sig);
}

/* False at the end of `from`; a terminal without a process at its other end reads as EIO. */
static bool carry(int from, int to) {
        char buf[BUFFER];
        ssize_t n = read(from, buf, sizeof(buf));
        return n > 0 ? mn_write_all(to, buf, (size_t) n) == 0 : n < 0 && (errno == EINTR || errno == EAGAIN);
}

/* End of our input that is no terminal becomes the end-of-file character of theirs. */
static void end_input(struct relay *r) {
        static const char eof = 4;
        r->has_input = false;
        (void) mn_write_all(r->master, &eof, 1);
}

static void relay(struct relay *r) {
        for (;;) {
                struct pollfd fds[] = { { .fd = r->master, .events = POLLIN },
                                        { .fd = r->signals, .events = POLLIN },
                                        { .fd = r->has_input ? STDIN_FILENO : -1, .events = POLLIN } };
                int n = poll(fds, MN_ARRAY_LEN(fds), r->has_ended ? DRAIN_MS : -1);
                if (n < 0 && errno != EINTR)
                        return;
                if (n == 0)
                        return;
                if (fds[0].revents && !carry(r->master, STDOUT_FILENO)) {
                        if (r->has_ended)
                                return;
                        r->master = mn_close(
                                r->master); /* all closed their terminal; the process may live on */
                }
                if (fds[1].revents)
                        take_signal(r);
                if (fds[2].revents && r->has_input && !carry(STDIN_FILENO, r->master))
                        end_input(r);
                if (r->has_ended && r->master < 0)
                        return;
        }
}

int terminal_wait(terminal *t, pid_t pid) {
        struct relay r = { .master = -1, .pid = pid, .has_input = true };
        sigset_t all;
        sigfillset(&all);
        cleanup_close int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
        char name[64];
        size_t count = 0;
        r.signals = signals;
        if (mn_recv_fds(t->socket_fd, name, sizeof(name), &r.master, 1, &count) < 0 || count == 0)
                r.master = -1;
        make_raw(&r);
        reap(&r);
        relay(&r);
        if (r.is_raw)
                tcsetattr(STDIN_FILENO, TCSANOW, &r.saved);
        mn_close(r.master);
        return r.code;
}
