/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>

static void add_one(void *arg) {
        atomic_fetch_add((atomic_int *) arg, 1);
}

static void runs_everything(void **state) {
        (void) state;
        atomic_int count = 0;
        loop_workers *w = loop_workers_new(4, 2000);
        for (int i = 0; i < 1000; i++)
                assert_int_equal(loop_workers_run(w, add_one, &count), 0);
        loop_workers_free(w);
        assert_int_equal(atomic_load(&count), 1000);
}

struct meeting {
        sem_t arrived, may_leave;
};

static void meet(void *arg) {
        struct meeting *m = arg;
        sem_post(&m->arrived);
        sem_wait(&m->may_leave);
}

static void grows_to_the_limit_then_refuses(void **state) {
        (void) state;
        struct meeting m;
        sem_init(&m.arrived, 0, 0);
        sem_init(&m.may_leave, 0, 0);
        loop_workers *w = loop_workers_new(3, 2);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(loop_workers_run(w, meet, &m), 0);
                sem_wait(&m.arrived); /* all three block at the same time: three threads */
        }
        assert_int_equal(loop_workers_run(w, meet, &m), 0);
        assert_int_equal(loop_workers_run(w, meet, &m), 0);
        assert_int_equal(loop_workers_run(w, meet, &m), -EAGAIN);
        assert_int_equal(loop_workers_busy(w), 5);
        for (int i = 0; i < 5; i++)
                sem_post(&m.may_leave);
        loop_workers_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(runs_everything),
                cmocka_unit_test(grows_to_the_limit_then_refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
