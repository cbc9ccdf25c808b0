/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The event loop (epoll) and the worker threads.
 *
 * A loop belongs to the thread that runs it: every function here is for that thread, except loop_post and
 * loop_quit. Callbacks must not block; in the daemon they hand work to the workers, in the shim all is so
 * small that there are none. Every watch may be removed from inside any callback, its own included.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "base/macro.h"

/* ---- loop ---- */

typedef struct loop loop;

/* A loop without watches, or NULL with errno set. */
loop *loop_new(void);

/* Frees the loop and what is still registered with it; descriptors stay open. NULL is accepted. */
void loop_free(loop *l);

/* Runs callbacks until loop_quit; 0 or -errno. */
int loop_run(loop *l);

/* Waits at most `timeout_ms` (-1: as long as it takes) for one batch of events and serves it; 0 or -errno. */
int loop_run_once(loop *l, int timeout_ms);

/* Makes loop_run return after the current batch. From the loop's thread; others post it. */
void loop_quit(loop *l);

/* Runs `fn(arg)` in the loop's thread, in the order of posting. From any thread. */
void loop_post(loop *l, void (*fn)(void *arg), void *arg);

void loop_freep(loop **l);
#define cleanup_loop MN_CLEANUP(loop_freep)

/* ---- descriptors ---- */

typedef struct loop_io loop_io;

/* `events` is what epoll reported; EPOLLHUP and EPOLLERR come unasked. */
typedef void (*loop_io_fn)(void *arg, uint32_t events);

/* Watches `fd` for `events` (EPOLLIN, EPOLLOUT, EPOLLRDHUP, 0 for none). The descriptor stays the caller's:
   close it after loop_io_remove. NULL with errno set, EPERM for a regular file. */
loop_io *loop_io_add(loop *l, int fd, uint32_t events, loop_io_fn fn, void *arg);

/* Changes the events; no system call when they are the same. With 0 the watch is out of epoll altogether, so
   that a hang-up does not spin. */
void loop_io_set(loop_io *io, uint32_t events);

/* Ends the watch; NULL is accepted. No callback comes after it, not even one already reported by epoll. */
void loop_io_remove(loop_io *io);

/* ---- timers ---- */

typedef struct loop_timer loop_timer;

/* A timer that is not running. It fires once per loop_timer_set, on the monotonic clock. */
loop_timer *loop_timer_add(loop *l, void (*fn)(void *arg), void *arg) __attribute__((returns_nonnull));

/* (Re)starts it: fires in `after_ms` or a little later. Negative stops it. */
void loop_timer_set(loop_timer *t, int64_t after_ms);
bool loop_timer_is_running(const loop_timer *t);
void loop_timer_remove(loop_timer *t);

/* ---- signals and children ---- */

/* Blocks the signals in this thread (call it before others are started) and reports each through `fn`. */
typedef void (*loop_signal_fn)(void *arg, const struct signalfd_siginfo *info);
loop_io *loop_signals_add(loop *l, const sigset_t *signals, loop_signal_fn fn, void *arg);

/* Reports the end of the process behind `pidfd`, once; the watch removes itself before `fn`. A child of ours
   is reaped (`wait_status` as waitpid() gives it); for any other process `wait_status` is -ECHILD. The pidfd
   stays the caller's. */
typedef void (*loop_exit_fn)(void *arg, int wait_status);
loop_io *loop_process_add(loop *l, int pidfd, loop_exit_fn fn, void *arg);

/* ---- workers ---- */

/* Threads that run blocking work. They are started when work comes and no thread is idle, up to
   `max_threads`, and end after a while of idleness. */
typedef struct loop_workers loop_workers;

/* `max_queued`: jobs that may wait for a thread. */
loop_workers *loop_workers_new(size_t max_threads, size_t max_queued) __attribute__((returns_nonnull));

/* Runs `fn(arg)` in a worker. -EAGAIN when the queue is full or no thread could be started; then `fn` will
   not run. From any thread. */
int loop_workers_run(loop_workers *w, void (*fn)(void *arg), void *arg) MN_MUST_USE;

/* Jobs that run or wait. */
size_t loop_workers_busy(loop_workers *w);

/* Waits until all jobs are done and all threads have ended, then frees. No job may be added meanwhile. */
void loop_workers_free(loop_workers *w);
