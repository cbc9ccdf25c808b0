/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/keys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/macro.h"

static void reads_dockers_names(void **state) {
        (void) state;
        static const struct {
                const char *text, *codes;
                size_t len;
        } cases[] = {
                { NULL, "\x10\x11", 2 }, { "", "\x10\x11", 2 },
                { "ctrl-a", "\x01", 1 }, { "a,ctrl-z,DEL", "a\x1a\x7f", 3 },
                { "ctrl-@", "\0", 1 },   { "ctrl-[,ctrl-_,ctrl-\\", "\x1b\x1f\x1c", 3 },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                mn_keys keys;
                assert_int_equal(mn_keys_parse(cases[i].text, &keys, NULL, NULL), 0);
                assert_int_equal(keys.len, cases[i].len);
                assert_memory_equal(keys.codes, cases[i].codes, cases[i].len);
        }
}

static void names_the_wrong_key(void **state) {
        (void) state;
        static const char *const cases[][2] = {
                { "ctrl-p,nope,x", "nope" }, { "ctrl-P", "ctrl-P" }, { "a,,b", "" }, { "a,", "" },
                { "ctrl-", "ctrl-" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                mn_keys keys;
                const char *bad;
                size_t len;
                assert_int_equal(mn_keys_parse(cases[i][0], &keys, &bad, &len), -EINVAL);
                assert_int_equal(len, strlen(cases[i][1]));
                assert_memory_equal(bad, cases[i][1], len);
        }
}

/* Types `text` in pieces of `piece`; gives what passed, with '!' at the end when the sequence was complete.
 */
static void check_typed(const char *sequence, const char *text, size_t piece, const char *expected) {
        mn_keys keys;
        assert_int_equal(mn_keys_parse(sequence, &keys, NULL, NULL), 0);
        char passed[128] = "";
        bool is_done = false;
        for (size_t at = 0; at < strlen(text) && !is_done; at += piece) {
                uint8_t out[64 + MN_KEYS_MAX];
                size_t len;
                is_done = mn_keys_filter(&keys, (const uint8_t *) text + at, MN_MIN(piece, strlen(text) - at),
                                         out, &len);
                strncat(passed, (const char *) out, len);
        }
        if (is_done)
                strcat(passed, "!");
        assert_string_equal(passed, expected);
}

static void holds_back_what_may_match(void **state) {
        (void) state;
        for (size_t piece = 1; piece < 6; piece++) {
                check_typed("a,b,c", "xabcy", piece, "x!");
                check_typed("a,b,c", "abxabc", piece, "abx!");
                check_typed("a,b,c", "ababc", piece, "ab!");
                check_typed("a,b", "aab", piece, "a!");
                check_typed("a,b", "xxa", piece, "xx");
                check_typed("a", "xa", piece, "x!");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_dockers_names),
                cmocka_unit_test(names_the_wrong_key),
                cmocka_unit_test(holds_back_what_may_match),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
