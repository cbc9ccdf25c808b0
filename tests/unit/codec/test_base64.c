/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void known_answers(void **state) {
        (void) state;
        static const struct {
                const char *plain, *text;
        } cases[] = { { "", "" },
                      { "f", "Zg==" },
                      { "fo", "Zm8=" },
                      { "foo", "Zm9v" },
                      { "foob", "Zm9vYg==" },
                      { "fooba", "Zm9vYmE=" },
                      { "foobar", "Zm9vYmFy" } };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_str mn_str out = MN_STR_INIT(0), back = MN_STR_INIT(0), bare = MN_STR_INIT(0);
                mn_base64_encode(cases[i].plain, strlen(cases[i].plain), false, &out);
                assert_string_equal(mn_str_text(&out), cases[i].text);
                assert_int_equal(mn_base64_decode(cases[i].text, strlen(cases[i].text), &back), 0);
                assert_string_equal(mn_str_text(&back), cases[i].plain);
                assert_int_equal(mn_base64_decode(cases[i].text, strcspn(cases[i].text, "="), &bare), 0);
                assert_string_equal(mn_str_text(&bare), cases[i].plain);
        }
        cleanup_str mn_str url = MN_STR_INIT(0), both = MN_STR_INIT(0);
        mn_base64_encode("\xfb\xff\xfe", 3, true, &url);
        assert_string_equal(mn_str_text(&url), "-__-");
        assert_int_equal(mn_base64_decode("+//+", 4, &both), 0);
        assert_memory_equal(both.data, "\xfb\xff\xfe", 3);
}

static void refusals(void **state) {
        (void) state;
        static const char *const bad[] = { "Z",    "Zg=",    "Zg===", "=",   "Zg==Zg==",
                                           "Z g=", "Zg==\n", "Zm9v=", "Z*==" };
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++) {
                cleanup_str mn_str out = MN_STR_INIT(0);
                if (mn_base64_decode(bad[i], strlen(bad[i]), &out) == 0)
                        fail_msg("accepted: \"%s\"", bad[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(known_answers), cmocka_unit_test(refusals) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
