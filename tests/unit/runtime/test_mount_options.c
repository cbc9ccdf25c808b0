/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mount_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <cmocka.h>

#include "runtime/signals.h"
#include "sys/mountfd.h"

static mount_options parse(char *const *names) {
        oci_mount mount = { .options = (char **) (uintptr_t) names };
        mount_options o;
        assert_int_equal(mount_options_parse(&o, &mount, NULL), MN_OK);
        return o;
}

#define PARSE(...) parse((char *const[]){ __VA_ARGS__, NULL })

static void names_are_sorted(void **state) {
        (void) state;
        const char *const *names = mount_options_names();
        for (size_t i = 1; names[i]; i++)
                assert_true(strcmp(names[i - 1], names[i]) < 0);
}

static void flags_and_data(void **state) {
        (void) state;
        mount_options o = PARSE((char *) "nosuid", (char *) "mode=755", (char *) "ro", (char *) "size=1k");
        assert_int_equal(o.set, MN_MOUNT_NOSUID | MN_MOUNT_RDONLY);
        assert_string_equal(mn_str_text(&o.data), "mode=755,size=1k");
        assert_int_equal(mount_options_flags(&o), MS_NOSUID | MS_RDONLY);
        mount_options_release(&o);
}

static void the_last_one_wins(void **state) {
        (void) state;
        mount_options o = PARSE((char *) "ro", (char *) "rw");
        assert_int_equal(o.set, 0);
        assert_int_equal(o.clear, MN_MOUNT_RDONLY);
        mount_options_release(&o);
        o = PARSE((char *) "strictatime", (char *) "noatime");
        assert_int_equal(o.set, MN_MOUNT_NOATIME);
        assert_int_equal(o.clear, MN_MOUNT_ATIME_MASK);
        mount_options_release(&o);
}

static void recursion_and_propagation(void **state) {
        (void) state;
        mount_options o = PARSE((char *) "rbind", (char *) "rro", (char *) "rslave", (char *) "ridmap");
        assert_true(o.is_bind && o.is_recursive && o.is_idmapped && o.is_idmap_recursive);
        assert_int_equal(o.set, 0);
        assert_int_equal(o.recursive_set, MN_MOUNT_RDONLY);
        assert_int_equal(o.propagation, MS_SLAVE);
        assert_true(o.is_propagation_recursive);
        mount_options_release(&o);
}

static void too_long_is_refused(void **state) {
        (void) state;
        char big[5000];
        memset(big, 'x', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        oci_mount mount = { .options = (char *[]){ big, NULL } };
        mount_options o;
        assert_int_equal(mount_options_parse(&o, &mount, NULL), MN_INVALID);
        mount_options_release(&o);
}

static void signals(void **state) {
        (void) state;
        assert_int_equal(signal_number("9"), 9);
        assert_int_equal(signal_number("KILL"), 9);
        assert_int_equal(signal_number("sigterm"), 15);
        assert_int_equal(signal_number("SIGRTMIN+3"), 37);
        assert_int_equal(signal_number("RTMAX-1"), 63);
        assert_true(signal_number("NOSUCH") < 0);
        assert_true(signal_number("65") < 0);
        assert_true(signal_number("") < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_sorted),    cmocka_unit_test(flags_and_data),
                cmocka_unit_test(the_last_one_wins),   cmocka_unit_test(recursion_and_propagation),
                cmocka_unit_test(too_long_is_refused), cmocka_unit_test(signals),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
