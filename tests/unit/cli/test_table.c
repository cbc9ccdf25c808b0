/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cli/ports.h"
#include "cli/text.h"
#include "codec/json.h"

static void aligns_columns(void **state) {
        (void) state;
        cleanup_str mn_str out = MN_STR_INIT(0);
        table_align("ID\tNAME\tX\na\tlonger than ten\ty\n\xc3\xa4\xc3\xa4\tb\tz\n", 10, 3, &out);
        assert_string_equal(mn_str_text(&out), "ID        NAME              X\n"
                                               "a         longer than ten   y\n"
                                               "\xc3\xa4\xc3\xa4        b                 z\n");
}

static void makes_text_harmless(void **state) {
        (void) state;
        static const char text[] = "a\x1b[2J\r\n\xe2\x80\xae\xff\xc2\x9b\xc3\xa4";
        cleanup_str mn_str out = MN_STR_INIT(0);
        text_add_safe(&out, text, sizeof(text) - 1, false);
        assert_string_equal(mn_str_text(&out), "a\\x1b[2J\\x0d\\x0a\\u202e\\xff\\x9b\xc3\xa4");
}

static void indents_json_without_touching_values(void **state) {
        (void) state;
        static const char json[] = "[{\"a\":{},\"b\":[],\"c\":\"x,{\\\"\",\"d\":[1,2]}]";
        cleanup_str mn_str out = MN_STR_INIT(0);
        text_add_indented_json(&out, json, sizeof(json) - 1, "", "  ");
        assert_string_equal(mn_str_text(&out),
                            "[\n  {\n    \"a\": {},\n    \"b\": [],\n    \"c\": \"x,{\\\"\",\n"
                            "    \"d\": [\n      1,\n      2\n    ]\n  }\n]");
}

static void groups_ports(void **state) {
        (void) state;
        static const char json[] =
                "[{\"IP\":\"0.0.0.0\",\"PrivatePort\":81,\"PublicPort\":81,\"Type\":\"tcp\"},"
                "{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":80,\"Type\":\"tcp\"},"
                "{\"IP\":\"::\",\"PrivatePort\":90,\"PublicPort\":8090,\"Type\":\"tcp\"},"
                "{\"PrivatePort\":53,\"Type\":\"udp\"}]";
        cleanup_arena mn_arena *arena = mn_arena_new();
        const mn_json *ports;
        assert_int_equal(mn_json_parse(arena, json, sizeof(json) - 1, NULL, &ports, NULL), MN_OK);
        assert_string_equal(ports_display(arena, ports),
                            "53/udp, 0.0.0.0:80-81->80-81/tcp, [::]:8090->90/tcp");
}

static void cuts_long_text(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        assert_string_equal(text_ellipsis(arena, "abcdef", 6), "abcdef");
        assert_string_equal(text_ellipsis(arena, "abcdefg", 6), "abcde\xe2\x80\xa6");
}

static void names_sort_naturally(void **state) {
        (void) state;
        static const char *const sorted[] = { "", "a", "a1", "a01", "a2", "a10", "a10b", "b", "none", "nt1" };
        for (size_t i = 0; i < MN_ARRAY_LEN(sorted); i++)
                for (size_t k = 0; k < MN_ARRAY_LEN(sorted); k++) {
                        int order = text_compare(sorted[i], sorted[k]);
                        assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
                }
        assert_true(text_compare("n1", "none") < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(aligns_columns),
                cmocka_unit_test(makes_text_harmless),
                cmocka_unit_test(names_sort_naturally),
                cmocka_unit_test(indents_json_without_touching_values),
                cmocka_unit_test(groups_ports),
                cmocka_unit_test(cuts_long_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
