/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void formats_as_go_does(void **state) {
        (void) state;
        char buf[MN_TIME_TEXT_SIZE];
        assert_string_equal(mn_time_format(0, buf), "0001-01-01T00:00:00Z");
        assert_string_equal(mn_time_format(INT64_C(1700000000) * MN_NS_PER_SEC, buf), "2023-11-14T22:13:20Z");
        assert_string_equal(mn_time_format(INT64_C(1700000000) * MN_NS_PER_SEC + 120000000, buf),
                            "2023-11-14T22:13:20.12Z");
        assert_string_equal(mn_time_format_nano(INT64_C(1700000000) * MN_NS_PER_SEC, buf),
                            "2023-11-14T22:13:20.000000000Z");
}

static void parses_offsets_and_fractions(void **state) {
        (void) state;
        int64_t ns = 0;
        assert_int_equal(mn_time_parse("2023-11-14T23:13:20.5+01:00", &ns), 0);
        assert_true(ns == INT64_C(1700000000) * MN_NS_PER_SEC + 500000000);
        assert_int_equal(mn_time_parse("0001-01-01T00:00:00Z", &ns), 0);
        assert_true(ns == 0);
        assert_int_equal(mn_time_parse("2023-13-01T00:00:00Z", &ns), -EINVAL);
        assert_int_equal(mn_time_parse("2023-11-14T22:13:20", &ns), -EINVAL);
        assert_int_equal(mn_time_parse("9999-11-14T22:13:20Z", &ns), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(formats_as_go_does),
                cmocka_unit_test(parses_offsets_and_fractions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
