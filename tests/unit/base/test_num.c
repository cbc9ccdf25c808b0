/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void accepts_exact_bounds(void **state) {
        (void) state;
        int64_t v = 0;
        assert_int_equal(mn_parse_i64("9223372036854775807", INT64_MIN, INT64_MAX, &v), 0);
        assert_true(v == INT64_MAX);
        assert_int_equal(mn_parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v), 0);
        assert_true(v == INT64_MIN);
        uint64_t u = 0;
        assert_int_equal(mn_parse_u64("18446744073709551615", UINT64_MAX, &u), 0);
        assert_true(u == UINT64_MAX);
}

static void refuses_what_is_no_number_or_out_of_range(void **state) {
        (void) state;
        static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "0x1", "1e3", "1.0", "--1" };
        int64_t v = 7;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(mn_parse_i64(bad[i], INT64_MIN, INT64_MAX, &v), -EINVAL);
        assert_int_equal(mn_parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &v), -ERANGE);
        assert_int_equal(mn_parse_i64("99999999999999999999999", INT64_MIN, INT64_MAX, &v), -ERANGE);
        assert_int_equal(mn_parse_i64("99999999999999999999999x", INT64_MIN, INT64_MAX, &v), -EINVAL);
        assert_int_equal(mn_parse_i64("11", 0, 10, &v), -ERANGE);
        assert_int_equal(v, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts_exact_bounds),
                cmocka_unit_test(refuses_what_is_no_number_or_out_of_range),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
