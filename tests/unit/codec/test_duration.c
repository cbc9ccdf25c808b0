/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/duration.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "base/macro.h"
#include "base/time.h"

#define SEC MN_NS_PER_SEC

static void parses_and_prints_go_durations(void **state) {
        (void) state;
        static const struct {
                const char *text;
                int64_t ns;
                const char *printed;
        } cases[] = {
                { "0", 0, "0s" },
                { "1h30m", 5400 * SEC, "1h30m0s" },
                { "1.5s", 1500000000, "1.5s" },
                { "-2ms", -2000000, "-2ms" },
                { "90s", 90 * SEC, "1m30s" },
                { "1us", 1000, "1\xc2\xb5s" },
                { ".25h", 900 * SEC, "15m0s" },
                { "5ns", 5, "5ns" },
                { "1m0.5s", 60500000000, "1m0.5s" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                char buf[MN_DURATION_TEXT_SIZE];
                int64_t ns;
                assert_int_equal(mn_duration_parse(cases[i].text, &ns), 0);
                assert_int_equal(ns, cases[i].ns);
                assert_string_equal(mn_duration_format(ns, buf), cases[i].printed);
        }
        static const char *const wrong[] = { "", "1", "s", "1d", "1.s.", "--1s", "1h 3m", "." };
        for (size_t i = 0; i < MN_ARRAY_LEN(wrong); i++) {
                int64_t ns;
                assert_int_equal(mn_duration_parse(wrong[i], &ns), -EINVAL);
        }
}

static void prints_for_people(void **state) {
        (void) state;
        static const struct {
                int64_t seconds;
                const char *text;
        } cases[] = {
                { 0, "Less than a second" },  { 1, "1 second" },          { 45, "45 seconds" },
                { 60, "About a minute" },     { 119, "About a minute" },  { 120, "2 minutes" },
                { 3540, "59 minutes" },       { 3600, "About an hour" },  { 3600 + 1799, "About an hour" },
                { 3600 + 1800, "2 hours" },   { 47 * 3600, "47 hours" },  { 48 * 3600, "2 days" },
                { 13 * 86400, "13 days" },    { 14 * 86400, "2 weeks" },  { 60 * 86400, "2 months" },
                { 729 * 86400, "24 months" }, { 800 * 86400, "2 years" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                char buf[MN_DURATION_TEXT_SIZE];
                assert_string_equal(mn_duration_human(cases[i].seconds * SEC, buf), cases[i].text);
        }
}

static void parses_moments(void **state) {
        (void) state;
        static const struct {
                const char *text;
                int64_t ns;
        } cases[] = {
                { "10m", 1000 * SEC - 600 * SEC },
                { "1136073845", 1136073845 * SEC },
                { "1136073845.000000001", 1136073845 * SEC + 1 },
                { "0", 0 },
                { "2006-01-02T15:04:05Z", 1136214245 * SEC },
                { "2006-01-02T15:04:05.5+01:00", 1136210645 * SEC + 500000000 },
                { "2006-01-02T15:04:05", 1136210645 * SEC },
                { "2006-01-02T15:04", 1136210640 * SEC },
                { "2006-01-02Z", 1136160000 * SEC },
                { "2006-01-02", 1136156400 * SEC },
        };
        setenv("TZ", "TST-1", 1);
        tzset();
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                int64_t ns;
                assert_int_equal(mn_moment_parse(cases[i].text, 1000 * SEC, &ns), 0);
                assert_int_equal(ns, cases[i].ns);
        }
        int64_t ns;
        assert_int_equal(mn_moment_parse("yesterday", 0, &ns), -EINVAL);
        assert_int_equal(mn_moment_parse("2006-13-02", 0, &ns), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parses_and_prints_go_durations),
                cmocka_unit_test(prints_for_people),
                cmocka_unit_test(parses_moments),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
