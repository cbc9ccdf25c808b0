/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: a binary heap of those that run, the earliest on top. The wait of epoll is their clock: a timerfd
   would cost a descriptor and a system call per change and give nothing. */

#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "loop/loop_private.h"

enum { NOT_RUNNING = -1 };

struct loop_timer {
        loop *loop;
        int64_t due_ns;
        ssize_t index; /* in the heap, or NOT_RUNNING */
        void (*fn)(void *arg);
        void *arg;
};

static void place(loop *l, size_t i, loop_timer *t) {
        l->timers.items[i] = t;
        t->index = (ssize_t) i;
}

static void move_up(loop *l, size_t i) {
        loop_timer *t = l->timers.items[i];
        for (size_t parent; i > 0; i = parent) {
                parent = (i - 1) / 2;
                if (l->timers.items[parent]->due_ns <= t->due_ns)
                        break;
                place(l, i, l->timers.items[parent]);
        }
        place(l, i, t);
}

static void move_down(loop *l, size_t i) {
        loop_timer *t = l->timers.items[i];
        for (size_t child; (child = 2 * i + 1) < l->timers.len; i = child) {
                if (child + 1 < l->timers.len &&
                    l->timers.items[child + 1]->due_ns < l->timers.items[child]->due_ns)
                        child++;
                if (t->due_ns <= l->timers.items[child]->due_ns)
                        break;
                place(l, i, l->timers.items[child]);
        }
        place(l, i, t);
}

static void stop(loop_timer *t) {
        loop *l = t->loop;
        if (t->index == NOT_RUNNING)
                return;
        size_t i = (size_t) t->index;
        t->index = NOT_RUNNING;
        loop_timer *last = l->timers.items[--l->timers.len];
        if (last == t)
                return;
        place(l, i, last);
        move_up(l, i);
        move_down(l, (size_t) last->index);
}

loop_timer *loop_timer_add(loop *l, void (*fn)(void *arg), void *arg) {
        loop_timer *t = mn_alloc(sizeof(*t));
        *t = (loop_timer){ .loop = l, .index = NOT_RUNNING, .fn = fn, .arg = arg };
        return t;
}

void loop_timer_set(loop_timer *t, int64_t after_ms) {
        stop(t);
        if (after_ms < 0)
                return;
        t->due_ns = mn_monotonic_ns() + MN_MIN(after_ms, INT64_MAX / 4 / MN_NS_PER_MS) * MN_NS_PER_MS;
        mn_vec_push(&t->loop->timers, t);
        move_up(t->loop, t->loop->timers.len - 1);
}

bool loop_timer_is_running(const loop_timer *t) {
        return t->index != NOT_RUNNING;
}

void loop_timer_remove(loop_timer *t) {
        if (!t)
                return;
        stop(t);
        free(t);
}

int loop_timers_wait_ms(const loop *l, int limit_ms) {
        if (l->timers.len == 0)
                return limit_ms;
        int64_t wait_ns = MN_MAX(l->timers.items[0]->due_ns - mn_monotonic_ns(), (int64_t) 0);
        int64_t wait_ms = MN_MIN((wait_ns + MN_NS_PER_MS - 1) / MN_NS_PER_MS, (int64_t) INT_MAX);
        return limit_ms < 0 ? (int) wait_ms : MN_MIN((int) wait_ms, limit_ms);
}

void loop_timers_fire(loop *l) {
        if (l->timers.len == 0)
                return;
        /* One look at the clock: a timer that restarts itself with 0 must not starve the descriptors. */
        int64_t now = mn_monotonic_ns();
        while (l->timers.len && l->timers.items[0]->due_ns <= now) {
                loop_timer *t = l->timers.items[0];
                stop(t);
                t->fn(t->arg);
        }
}

void loop_timers_release(loop *l) {
        for (size_t i = 0; i < l->timers.len; i++)
                l->timers.items[i]->index = NOT_RUNNING;
        mn_vec_release(&l->timers);
}
