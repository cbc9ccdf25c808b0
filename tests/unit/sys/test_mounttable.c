/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mounttable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_rows(void **state) {
        (void) state;
        cleanup_mount_table mn_mount_table t = { 0 };
        mn_mount_table_parse(
                "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=x\n"
                "37 36 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                "38 36 0:23 / /a rw propagate_from:3 - tmpfs  rw\n",
                &t);
        assert_int_equal(t.len, 3);
        assert_int_equal(t.rows[0].id, 36);
        assert_string_equal(t.rows[0].path, "/mnt\\0402");
        assert_string_equal(t.rows[0].type, "ext3");
        assert_string_equal(t.rows[0].super_options, "rw,errors=x");
        assert_true(t.rows[0].is_shared && t.rows[0].is_slave);
        assert_string_equal(t.rows[1].path, "/sys/fs/cgroup/cpu");
        assert_string_equal(t.rows[1].super_options, "rw,cpu,cpuacct");
        assert_false(t.rows[1].is_shared || t.rows[1].is_slave);
        assert_string_equal(t.rows[2].super_options, "rw"); /* the source may be empty */
}

static void test_nonsense_is_left_out(void **state) {
        (void) state;
        cleanup_mount_table mn_mount_table t = { 0 };
        mn_mount_table_parse("\n36\nx 35 98:0 / /a rw - ext3 /dev rw\n36 35 98:0 / /a rw shared:1\n36 35 "
                             "98:0 / /a rw - ext3\n-\n",
                             &t);
        assert_int_equal(t.len, 0);
}

static void test_our_own(void **state) {
        (void) state;
        cleanup_mount_table mn_mount_table t = { 0 };
        assert_int_equal(mn_mount_table_read(&t), 0);
        assert_true(t.len > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_nonsense_is_left_out),
                cmocka_unit_test(test_our_own),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
