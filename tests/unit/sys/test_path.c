/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "sys/fd.h"
#include "sys/file.h"

static char dir[] = "/tmp/minato-test-path-XXXXXX";
static int top, root;

static int make_dir(void **state) {
        (void) state;
        if (!mkdtemp(dir) || (top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                return -1;
        if (mkdirat(top, "root", 0755) < 0 || mkdirat(top, "outside", 0755) < 0)
                return -1;
        root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (symlinkat("/../outside", root, "escape") < 0 || symlinkat("../../outside", root, "escape2") < 0)
                return -1;
        return root < 0 ? -1 : 0;
}

static int remove_dir(void **state) {
        (void) state;
        mn_close(top);
        mn_close(root);
        return mn_remove_tree(AT_FDCWD, dir);
}

static void links_stay_in_the_root(void **state) {
        (void) state;
        assert_int_equal(mn_open_in_root(root, "escape/x", O_PATH, 0), -ENOENT);
        cleanup_close int fd = mn_mkdir_in_root(root, "/a/../b/c", 0750, 0, 0);
        assert_true(fd >= 0);
        assert_int_equal(faccessat(top, "root/b/c", F_OK, 0), 0);
        cleanup_close int above = mn_mkdir_in_root(root, "../../up", 0750, 0, 0);
        assert_true(above >= 0);
        assert_int_equal(faccessat(top, "root/up", F_OK, 0), 0);
        assert_int_equal(faccessat(top, "up", F_OK, 0), -1);
}

static void makes_directories_inside(void **state) {
        (void) state;
        cleanup_close int fd = mn_mkdir_in_root(root, "/x/y/z", 0750, 0, 0);
        assert_true(fd >= 0);
        struct stat st;
        assert_int_equal(fstatat(top, "root/x/y/z", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0750);
        cleanup_close int through_link = mn_mkdir_in_root(root, "escape/made", 0755, 0, 0);
        assert_int_equal(through_link, -ENOENT); /* a dangling link is not followed into being */
        assert_int_equal(fstatat(top, "outside/made", &st, 0), -1);
}

static void splits_the_last_component(void **state) {
        (void) state;
        char name[256];
        cleanup_close int fd = mn_open_parent_in_root(root, "/p/q/file", 0755, name);
        assert_true(fd >= 0);
        assert_string_equal(name, "file");
        assert_int_equal(mn_open_parent_in_root(root, "/", 0, name), -EINVAL);
        assert_int_equal(mn_open_parent_in_root(root, "a/..", 0, name), -EINVAL);
        assert_int_equal(mn_open_parent_in_root(root, "nope/f", 0, name), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(links_stay_in_the_root),
                cmocka_unit_test(makes_directories_inside),
                cmocka_unit_test(splits_the_last_component),
        };
        return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
