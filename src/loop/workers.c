/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "loop/loop.h"

enum { IDLE_SECONDS = 10, STACK_SIZE = 512 * 1024 };

struct job {
        struct job *next;
        void (*fn)(void *arg);
        void *arg;
};

struct loop_workers {
        pthread_mutex_t lock;
        pthread_cond_t has_work; /* or the pool is closing */
        pthread_cond_t is_empty; /* the last thread ended */
        struct job *first, **last;
        size_t queued, max_queued;
        size_t threads, max_threads;
        size_t idle; /* threads that wait for work */
        bool is_closing;
};

loop_workers *loop_workers_new(size_t max_threads, size_t max_queued) {
        loop_workers *w = mn_alloc(sizeof(*w));
        w->last = &w->first;
        w->max_threads = MN_MAX(max_threads, (size_t) 1);
        w->max_queued = MN_MAX(max_queued, (size_t) 1);
        pthread_mutex_init(&w->lock, NULL);
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&w->has_work, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_cond_init(&w->is_empty, NULL);
        return w;
}

/* With the lock held; NULL when the thread should end. */
static struct job *wait_for_job(loop_workers *w) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_SECONDS;
        while (!w->first && !w->is_closing) {
                w->idle++;
                int r = pthread_cond_timedwait(&w->has_work, &w->lock, &until);
                w->idle--;
                if (r == ETIMEDOUT && !w->first)
                        return NULL;
        }
        struct job *job = w->first;
        if (job) {
                w->first = job->next;
                if (!w->first)
                        w->last = &w->first;
                w->queued--;
        }
        return job;
}

static void *thread_main(void *arg) {
        loop_workers *w = arg;
        pthread_mutex_lock(&w->lock);
        for (struct job *job; (job = wait_for_job(w));) {
                pthread_mutex_unlock(&w->lock);
                job->fn(job->arg);
                free(job);
                pthread_mutex_lock(&w->lock);
        }
        if (--w->threads == 0)
                pthread_cond_signal(&w->is_empty);
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

/* With the lock held. Signals are the loop thread's: a worker has them all blocked. */
static bool start_thread(loop_workers *w) {
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        pthread_t thread;
        int r = pthread_create(&thread, &attr, thread_main, w);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pthread_attr_destroy(&attr);
        w->threads += r == 0;
        return r == 0;
}

int loop_workers_run(loop_workers *w, void (*fn)(void *arg), void *arg) {
        struct job *job = mn_alloc(sizeof(*job));
        *job = (struct job){ NULL, fn, arg };
        pthread_mutex_lock(&w->lock);
        /* A thread that was signalled but has not woken yet still counts as idle: compare with the queue. */
        bool needs_thread = w->queued >= w->idle && w->threads < w->max_threads;
        bool is_accepted = w->queued < w->max_queued && !w->is_closing &&
                           (!needs_thread || start_thread(w) || w->threads > 0);
        if (is_accepted) {
                *w->last = job;
                w->last = &job->next;
                w->queued++;
                pthread_cond_signal(&w->has_work);
        }
        pthread_mutex_unlock(&w->lock);
        if (!is_accepted)
                free(job);
        return is_accepted ? 0 : -EAGAIN;
}

size_t loop_workers_busy(loop_workers *w) {
        pthread_mutex_lock(&w->lock);
        size_t busy = w->queued + w->threads - w->idle;
        pthread_mutex_unlock(&w->lock);
        return busy;
}

void loop_workers_free(loop_workers *w) {
        if (!w)
                return;
        pthread_mutex_lock(&w->lock);
        w->is_closing = true;
        pthread_cond_broadcast(&w->has_work);
        while (w->threads)
                pthread_cond_wait(&w->is_empty, &w->lock);
        pthread_mutex_unlock(&w->lock);
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->has_work);
        pthread_cond_destroy(&w->is_empty);
        free(w);
}
