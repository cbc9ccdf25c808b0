/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
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
        assert_int_equal(mn_time_parse("1970-01-01T00:00:00Z", &ns), 0);
        assert_true(ns == MN_TIME_EPOCH); /* a moment, not the absence of one */
        char buf[MN_TIME_TEXT_SIZE];
        assert_string_equal(mn_time_format(ns, buf), "1970-01-01T00:00:00Z");
        assert_int_equal(mn_time_parse("2023-13-01T00:00:00Z", &ns), -EINVAL);
        assert_int_equal(mn_time_parse("2023-11-14T22:13:20", &ns), -EINVAL);
        assert_int_equal(mn_time_parse("9999-11-14T22:13:20Z", &ns), -EINVAL);
}

/* Every day between 1678 and 2261, at odd moments, against the C library, and back. */
static void agrees_with_the_c_library(void **state) {
        (void) state;
        for (int64_t seconds = INT64_C(-9214560000); seconds < INT64_C(9214646400); seconds += 86399) {
                time_t t = (time_t) seconds;
                struct tm tm;
                gmtime_r(&t, &tm);
                char expected[MN_TIME_TEXT_SIZE], got[MN_TIME_TEXT_SIZE];
                strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000007Z", &tm);
                int64_t ns = seconds * MN_NS_PER_SEC + 7, back = 0;
                assert_string_equal(mn_time_format_nano(ns, got), expected);
                assert_int_equal(mn_time_parse(got, &back), 0);
                assert_true(back == ns);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(formats_as_go_does),
                cmocka_unit_test(parses_offsets_and_fractions),
                cmocka_unit_test(agrees_with_the_c_library),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
