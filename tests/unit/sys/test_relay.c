/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/macro.h"

/* A relay in a thread of its own, and the outer ends of its connections. */
typedef struct fixture {
        int near, far;
        int near_inner, far_inner;
        mn_relay_spec spec;
        int result;
        pthread_t thread;
} fixture;

static void *run(void *arg) {
        fixture *f = arg;
        f->result = mn_relay(&f->spec);
        close(f->near_inner);
        close(f->far_inner);
        return NULL;
}

static void start(fixture *f, bool waits_for_near) {
        int near[2], far[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, near), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, far), 0);
        *f = (fixture){ .near = near[0], .far = far[0], .near_inner = near[1], .far_inner = far[1] };
        f->spec = (mn_relay_spec){ .near = { .fd = near[1] },
                                   .far = { .fd = far[1] },
                                   .waits_for_near = waits_for_near };
        assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static int stop(fixture *f) {
        pthread_join(f->thread, NULL);
        if (f->near >= 0)
                close(f->near);
        if (f->far >= 0)
                close(f->far);
        return f->result;
}

/* Sends until nothing more fits for a moment; the bytes sent. */
static size_t fill(int fd) {
        static const char data[4096];
        size_t sent = 0;
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        while (poll(&p, 1, 50) > 0) {
                ssize_t n = send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL);
                sent += n > 0 ? (size_t) n : 0;
        }
        return sent;
}

static size_t drain(int fd, size_t wanted) {
        static char buf[65536];
        size_t got = 0;
        while (got < wanted) {
                ssize_t n = recv(fd, buf, sizeof(buf), 0);
                if (n <= 0)
                        break;
                got += (size_t) n;
        }
        return got;
}

/* Both directions full, nobody reads: whoever then reads first gets everything. */
static void neither_side_blocks_the_other(void **state) {
        (void) state;
        fixture f;
        start(&f, false);
        size_t up = fill(f.near), down = fill(f.far);
        assert_true(up > 65536 && down > 65536);
        assert_int_equal(drain(f.near, down), down);
        assert_int_equal(drain(f.far, up), up);
        shutdown(f.far, SHUT_WR);
        assert_int_equal(stop(&f), 0);
}

static void an_end_is_passed_on_alone(void **state) {
        (void) state;
        fixture f;
        char buf[16];
        start(&f, true);
        assert_int_equal(send(f.near, "last", 4, 0), 4);
        shutdown(f.near, SHUT_WR);
        assert_int_equal(drain(f.far, 5), 4);
        assert_int_equal(recv(f.far, buf, sizeof(buf), 0), 0);
        assert_int_equal(send(f.far, "answer", 6, 0), 6);
        assert_int_equal(drain(f.near, 6), 6);
        close(f.far);
        f.far = -1;
        assert_int_equal(recv(f.near, buf, sizeof(buf), 0), 0);
        assert_int_equal(stop(&f), 0);
}

/* The far side ends while the near one still sends: the near side reads the end, not a reset. */
static void the_near_side_sees_no_reset(void **state) {
        (void) state;
        fixture f;
        char buf[16];
        start(&f, true);
        assert_int_equal(send(f.far, "no", 2, 0), 2);
        close(f.far);
        f.far = -1;
        assert_int_equal(recv(f.near, buf, sizeof(buf), 0), 2);
        assert_int_equal(send(f.near, "still more", 10, MSG_NOSIGNAL), 10);
        assert_int_equal(recv(f.near, buf, sizeof(buf), 0), 0);
        close(f.near);
        f.near = -1;
        assert_int_equal(stop(&f), 0);
}

static void it_ends_when_the_near_side_is_gone(void **state) {
        (void) state;
        fixture f;
        start(&f, true);
        assert_int_equal(send(f.near, "bye", 3, 0), 3);
        close(f.near);
        f.near = -1;
        assert_int_equal(drain(f.far, 4), 3);
        assert_int_equal(stop(&f), 0);
}

static ssize_t fail_to_read(void *arg, void *buf, size_t len) {
        (void) arg;
        (void) buf;
        (void) len;
        return -EPROTO;
}

static void a_failure_before_the_first_byte_is_told(void **state) {
        (void) state;
        int near[2], far[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, near), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, far), 0);
        const mn_relay_spec spec = { .near = { .fd = near[1] },
                                     .far = { .fd = far[1], .read = fail_to_read },
                                     .waits_for_near = true };
        assert_int_equal(mn_relay(&spec), -EPROTO);
        for (size_t i = 0; i < 2; i++) {
                close(near[i]);
                close(far[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(neither_side_blocks_the_other),
                cmocka_unit_test(an_end_is_passed_on_alone),
                cmocka_unit_test(the_near_side_sees_no_reset),
                cmocka_unit_test(it_ends_when_the_near_side_is_gone),
                cmocka_unit_test(a_failure_before_the_first_byte_is_told),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
