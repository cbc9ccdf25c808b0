/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and the ends of processes as events of the loop. */

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "loop/loop_private.h"
#include "sys/fd.h"
#include "sys/spawn.h"

static void read_signals(void *arg, uint32_t events) {
        (void) events;
        loop_io *io = arg;
        struct signalfd_siginfo info;
        while (!io->is_removed && read(io->fd, &info, sizeof(info)) == (ssize_t) sizeof(info))
                io->on_signal(io->user_arg, &info);
}

loop_io *loop_signals_add(loop *l, const sigset_t *signals, loop_signal_fn fn, void *arg) {
        int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return NULL;
        loop_io *io = loop_io_add(l, fd, EPOLLIN, read_signals, NULL);
        if (!io) {
                mn_close(fd);
                return NULL;
        }
        io->arg = io;
        io->owns_fd = true;
        io->on_signal = fn;
        io->user_arg = arg;
        pthread_sigmask(SIG_BLOCK, signals, NULL);
        return io;
}

static void reap(void *arg, uint32_t events) {
        (void) events;
        loop_io *io = arg;
        int wait_status = mn_wait_pidfd(io->fd);
        loop_io_remove(io);
        io->on_exit(io->user_arg, wait_status); /* removed watches live until the batch is over */
}

loop_io *loop_process_add(loop *l, int pidfd, loop_exit_fn fn, void *arg) {
        loop_io *io = loop_io_add(l, pidfd, EPOLLIN, reap, NULL);
        if (!io)
                return NULL;
        io->arg = io;
        io->on_exit = fn;
        io->user_arg = arg;
        return io;
}
