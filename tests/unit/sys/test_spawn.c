/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sys/fd.h"

static void child_gets_only_its_descriptors(void **state) {
        (void) state;
        int out[2], extra = open("/dev/zero", O_RDONLY); /* inheritable on purpose */
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        char *argv[] = {
                (char *) "sh", (char *) "-c",
                (char *) "for f in /proc/self/fd/*; do echo ${f##*/}; done; readlink /proc/self/fd/0", NULL
        };
        mn_spawn_fd fds[] = { { out[1], 1 } };
        mn_spawn_spec spec = { .path = "/bin/sh", .argv = argv, .fds = fds, .nfds = 1 };
        int pidfd = -1;
        assert_true(mn_spawn(&spec, &pidfd) > 0);
        mn_close(out[1]);
        char text[256] = { 0 };
        assert_true(mn_read_full(out[0], text, sizeof(text) - 1) > 0);
        assert_string_equal(text, "0\n1\n2\n3\n/dev/null\n"); /* 3 is the shell reading the directory */
        assert_int_equal(mn_wait_pidfd(pidfd), 0);
        mn_close(pidfd);
        mn_close(out[0]);
        mn_close(extra);
}

static void reports_what_cannot_be_executed(void **state) {
        (void) state;
        char *argv[] = { (char *) "x", NULL };
        mn_spawn_spec spec = { .path = "/nonexistent", .argv = argv };
        assert_int_equal(mn_spawn(&spec, NULL), -ENOENT);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
}

static void reports_signals_and_codes(void **state) {
        (void) state;
        char *argv[] = { (char *) "sh", (char *) "-c", (char *) "exit 7", NULL };
        mn_spawn_spec spec = { .path = "/bin/sh", .argv = argv };
        int pidfd = -1;
        assert_true(mn_spawn(&spec, &pidfd) > 0);
        assert_int_equal(mn_exit_code(mn_wait_pidfd(pidfd)), 7);
        mn_close(pidfd);
        char *killed[] = { (char *) "sh", (char *) "-c", (char *) "kill -9 $$", NULL };
        spec.argv = killed;
        assert_true(mn_spawn(&spec, &pidfd) > 0);
        assert_int_equal(mn_exit_code(mn_wait_pidfd(pidfd)), 128 + SIGKILL);
        mn_close(pidfd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(child_gets_only_its_descriptors),
                cmocka_unit_test(reports_what_cannot_be_executed),
                cmocka_unit_test(reports_signals_and_codes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
