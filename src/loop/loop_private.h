/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What loop.c and timer.c share. */

#include <pthread.h>

#include "base/vec.h"
#include "loop/loop.h"

/* A function with its argument. */
struct loop_job {
        void (*fn)(void *arg);
        void *arg;
};

struct loop_io {
        loop *loop;
        int fd;
        uint32_t events;
        bool is_removed; /* waits in loop.removed until the batch is over */
        bool owns_fd;    /* signalfd, eventfd: closed with the watch */
        loop_io_fn fn;
        void *arg;
        union { /* watches with a callback of another shape: `arg` is the watch itself */
                loop_signal_fn on_signal;
                loop_exit_fn on_exit;
        };
        void *user_arg;
        loop_io *prev, *next;
};

struct loop {
        int epoll_fd;
        bool is_quitting;
        loop_io *ios;                /* all watches */
        loop_io *removed;            /* to be freed after the batch; linked by next */
        MN_VEC(loop_timer *) timers; /* those that run, a binary heap on their moment */
        pthread_mutex_t post_lock;
        int post_fd; /* eventfd */
        MN_VEC(struct loop_job) posted;
};

/* Milliseconds until the next timer, -1 without one, and at most `limit_ms` unless that is -1. */
int loop_timers_wait_ms(const loop *l, int limit_ms);

/* Runs the timers that are due. */
void loop_timers_fire(loop *l);

/* Frees the heap; the timers themselves belong to their owners. */
void loop_timers_release(loop *l);
