/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "sys/fd.h"

static char dir[] = "/tmp/minato-test-file-XXXXXX";

static int make_dir(void **state) {
        (void) state;
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state) {
        (void) state;
        return mn_remove_tree(AT_FDCWD, dir);
}

static void replaces_and_bounds(void **state) {
        (void) state;
        cleanup_close int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mn_file_write_atomic(d, "f", "one", 3, 0600), 0);
        assert_int_equal(mn_file_write_atomic(d, "f", "three", 5, 0640), 0);
        cleanup_free char *text = NULL;
        size_t len;
        assert_int_equal(mn_file_read(d, "f", 5, &text, &len), 0);
        assert_string_equal(text, "three");
        char *none = NULL;
        assert_int_equal(mn_file_read(d, "f", 4, &none, &len), -EFBIG);
        assert_null(none);
        assert_int_equal(mn_file_read(d, "missing", 4, &none, &len), -ENOENT);
        struct stat st;
        assert_int_equal(fstatat(d, "f", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(mkfifoat(d, "fifo", 0600), 0);
        assert_int_equal(mn_file_read(d, "fifo", 4, &none, &len), -EINVAL); /* and does not hang */
}

static void removes_deep_trees_without_following_links(void **state) {
        (void) state;
        cleanup_close int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(d, "outside", 0700), 0);
        assert_int_equal(mn_file_create(d, "outside/kept", "x", 1, 0600), 0);
        assert_int_equal(mkdirat(d, "deep", 0700), 0);
        int at = openat(d, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int i = 0; i < 3000; i++) {
                assert_int_equal(mkdirat(at, "n", 0700), 0);
                assert_int_equal(symlinkat("/proc/self/cwd/../outside", at, "link"), 0);
                int next = openat(at, "n", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                mn_close(at);
                at = next;
        }
        mn_close(at);
        assert_int_equal(symlinkat("../outside", openat(d, "deep", O_PATH | O_CLOEXEC), "up"), 0);
        assert_int_equal(mn_remove_tree(d, "deep"), 0);
        assert_int_equal(faccessat(d, "deep", F_OK, 0), -1);
        assert_int_equal(faccessat(d, "outside/kept", F_OK, 0), 0);
        assert_int_equal(mn_remove_tree(d, "deep"), 0);
}

/* A removal that was interrupted has left directories under the names the next one would give. */
static void goes_on_with_an_interrupted_removal(void **state) {
        (void) state;
        cleanup_close int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const char *const paths[] = { "t",   "t/.removing-0",   "t/.removing-0/a",  "t/.removing-1",
                                      "t/n", "t/n/n",           "t/n/n/n",          "t/n/n/n/n",
                                      "t/m", "t/m/.removing-0", "t/m/.removing-0/n" };
        for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
                assert_int_equal(mkdirat(d, paths[i], 0700), 0);
        assert_int_equal(mn_file_create(d, "t/.removing-0/a/f", "x", 1, 0600), 0);
        assert_int_equal(mn_file_create(d, "t/.removing-1/f", "x", 1, 0600), 0);
        assert_int_equal(mn_remove_tree(d, "t"), 0);
        assert_int_equal(faccessat(d, "t", F_OK, 0), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(replaces_and_bounds),
                cmocka_unit_test(goes_on_with_an_interrupted_removal),
                cmocka_unit_test(removes_deep_trees_without_following_links),
        };
        return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
