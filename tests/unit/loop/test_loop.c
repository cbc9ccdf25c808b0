/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/time.h"
#include "sys/fd.h"
#include "sys/spawn.h"

struct pair {
        loop *loop;
        loop_io *io[2];
        int calls;
};

static void remove_both(void *arg, uint32_t events) {
        struct pair *p = arg;
        assert_true(events & EPOLLIN);
        p->calls++;
        loop_io_remove(p->io[0]);
        loop_io_remove(p->io[1]);
}

static void no_callback_after_removal(void **state) {
        (void) state;
        cleanup_loop loop *l = loop_new();
        int a[2], b[2];
        assert_int_equal(pipe(a), 0);
        assert_int_equal(pipe(b), 0);
        struct pair p = { .loop = l };
        p.io[0] = loop_io_add(l, a[0], EPOLLIN, remove_both, &p);
        p.io[1] = loop_io_add(l, b[0], EPOLLIN, remove_both, &p);
        assert_int_equal(mn_write_all(a[1], "x", 1), 0);
        assert_int_equal(mn_write_all(b[1], "x", 1), 0);
        assert_int_equal(loop_run_once(l, 0), 0);
        assert_int_equal(p.calls, 1);
        for (int i = 0; i < 2; i++) {
                close(a[i]);
                close(b[i]);
        }
}

static void count_call(void *arg, uint32_t events) {
        (void) events;
        ++*(int *) arg;
}

static void a_watch_without_interest_does_not_spin(void **state) {
        (void) state;
        cleanup_loop loop *l = loop_new();
        int a[2], calls = 0;
        assert_int_equal(pipe(a), 0);
        loop_io *io = loop_io_add(l, a[0], EPOLLIN, count_call, &calls);
        close(a[1]); /* EPOLLHUP from now on */
        assert_int_equal(loop_run_once(l, 0), 0);
        assert_int_equal(calls, 1);
        loop_io_set(io, 0);
        assert_int_equal(loop_run_once(l, 0), 0);
        assert_int_equal(calls, 1);
        close(a[0]);
}

struct order {
        char text[16];
        loop *loop;
        loop_timer *timers[4];
};
struct entry {
        struct order *order;
        char name;
};

static void note(void *arg) {
        struct entry *e = arg;
        strncat(e->order->text, &e->name, 1);
        if (e->name == 'd')
                loop_quit(e->order->loop);
}

static void timers_fire_in_order(void **state) {
        (void) state;
        cleanup_loop loop *l = loop_new();
        struct order order = { .loop = l };
        struct entry entries[] = { { &order, 'a' }, { &order, 'b' }, { &order, 'c' }, { &order, 'd' } };
        static const int after[] = { 6, 2, 4, 8 };
        for (int i = 0; i < 4; i++) {
                order.timers[i] = loop_timer_add(l, note, &entries[i]);
                loop_timer_set(order.timers[i], after[i]);
        }
        loop_timer_set(order.timers[2], -1);
        assert_false(loop_timer_is_running(order.timers[2]));
        int64_t began = mn_monotonic_ns();
        assert_int_equal(loop_run(l), 0);
        assert_true(mn_monotonic_ns() - began >= 8 * MN_NS_PER_MS);
        assert_string_equal(order.text, "bad");
        for (int i = 0; i < 4; i++)
                loop_timer_remove(order.timers[i]);
}

struct seen {
        loop *loop;
        int value;
};

static void note_exit(void *arg, int wait_status) {
        struct seen *s = arg;
        s->value = wait_status;
        loop_quit(s->loop);
}

static void reaps_a_child(void **state) {
        (void) state;
        cleanup_loop loop *l = loop_new();
        char *argv[] = { (char *) "sh", (char *) "-c", (char *) "exit 9", NULL };
        mn_spawn_spec spec = { .path = "/bin/sh", .argv = argv };
        int pidfd;
        assert_true(mn_spawn(&spec, &pidfd) > 0);
        struct seen s = { l, 0 };
        assert_non_null(loop_process_add(l, pidfd, note_exit, &s));
        assert_int_equal(loop_run(l), 0);
        assert_int_equal(mn_exit_code(s.value), 9);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        close(pidfd);
}

static void note_signal(void *arg, const struct signalfd_siginfo *info) {
        struct seen *s = arg;
        s->value = (int) info->ssi_signo;
        loop_quit(s->loop);
}

static void reports_a_signal(void **state) {
        (void) state;
        cleanup_loop loop *l = loop_new();
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        struct seen s = { l, 0 };
        assert_non_null(loop_signals_add(l, &set, note_signal, &s));
        raise(SIGUSR1);
        assert_int_equal(loop_run(l), 0);
        assert_int_equal(s.value, SIGUSR1);
}

static void stop_loop(void *arg) {
        loop_quit(arg);
}

static void *post_from_outside(void *arg) {
        loop_post(arg, stop_loop, arg);
        return NULL;
}

static void wakes_for_posted_work(void **state) {
        (void) state;
        cleanup_loop loop *l = loop_new();
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, post_from_outside, l), 0);
        assert_int_equal(loop_run(l), 0);
        pthread_join(thread, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_callback_after_removal),
                cmocka_unit_test(a_watch_without_interest_does_not_spin),
                cmocka_unit_test(timers_fire_in_order),
                cmocka_unit_test(reaps_a_child),
                cmocka_unit_test(reports_a_signal),
                cmocka_unit_test(wakes_for_posted_work),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
