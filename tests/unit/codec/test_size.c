/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macro.h"

static void parses_sizes(void **state) {
        (void) state;
        static const struct {
                const char *text;
                int64_t bytes;
        } cases[] = {
                { "0", 0 },
                { "1024", 1024 },
                { "512m", 512 << 20 },
                { "512 MB", 512 << 20 },
                { "1.5GiB", 3LL << 29 },
                { "64kb", 64 << 10 },
                { "3b", 3 },
                { "2T", 2LL << 40 },
                { ".5k", 512 },
                { "32.", 32 },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                int64_t bytes;
                assert_int_equal(mn_size_parse(cases[i].text, &bytes, NULL), MN_OK);
                assert_int_equal(bytes, cases[i].bytes);
        }
}

static void refuses_other_texts(void **state) {
        (void) state;
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "", "invalid size: ''" },
                { "hello", "invalid size: 'hello'" },
                { "-32", "invalid size: '-32'" },
                { "32bm", "invalid suffix: 'bm'" },
                { "32mi", "invalid suffix: 'mi'" },
                { "1x", "invalid suffix: 'x'" },
                { "32  k", "strconv.ParseFloat: parsing \"32 \": invalid syntax" },
                { "0x10", "strconv.ParseFloat: parsing \"0x10\": invalid syntax" },
                { "99999999999p", "invalid size: '99999999999p'" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_err mn_err err = { 0 };
                int64_t bytes;
                assert_int_equal(mn_size_parse(cases[i].text, &bytes, &err), MN_INVALID);
                assert_string_equal(err.message, cases[i].message);
        }
}

static void prints_for_people(void **state) {
        (void) state;
        char buf[MN_SIZE_TEXT_SIZE];
        assert_string_equal(mn_size_human(0, 3, buf), "0B");
        assert_string_equal(mn_size_human(1000, 4, buf), "1kB");
        assert_string_equal(mn_size_human(1238576, 3, buf), "1.24MB");
        assert_string_equal(mn_size_human(4261888, 4, buf), "4.262MB");
        assert_string_equal(mn_size_human(999.9e9, 3, buf), "1e+03GB");
        assert_string_equal(mn_size_binary(1024, buf), "1KiB");
        assert_string_equal(mn_size_binary(1258291, buf), "1.2MiB");
        assert_string_equal(mn_size_binary(25282469888.0, buf), "23.55GiB");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parses_sizes),
                cmocka_unit_test(refuses_other_texts),
                cmocka_unit_test(prints_for_people),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
