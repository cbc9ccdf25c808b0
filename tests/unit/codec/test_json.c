/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct inner {
        char *name;
        uint64_t limit;
};
struct outer {
        bool is_on;
        int64_t *maybe;
        char **argv;
        char **set;
        mn_str_map labels;
        MN_LIST(struct inner) list;
        MN_KEYED(struct inner) by_name;
        struct inner embedded;
        const mn_json *raw;
        int64_t when;
        double ratio;
};
static const mn_field inner_fields[] = {
        { "Name", &mn_type_str, offsetof(struct inner, name), 0 },
        { "Limit", &mn_type_u64, offsetof(struct inner, limit), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type inner_type = MN_STRUCT(struct inner, inner_fields);
static const mn_type inner_list = MN_LIST_OF(&inner_type);
static const mn_type inner_map = MN_MAP_OF(&inner_type);
static const mn_field outer_fields[] = {
        { "On", &mn_type_bool, offsetof(struct outer, is_on), 0 },
        { "Maybe", &mn_type_i64_ptr, offsetof(struct outer, maybe), 0 },
        { "Argv", &mn_type_strv, offsetof(struct outer, argv), MN_STR_OR_LIST },
        { "Set", &mn_type_set, offsetof(struct outer, set), MN_OMIT_EMPTY },
        { "Labels", &mn_type_str_map, offsetof(struct outer, labels), MN_EMPTY_NOT_NULL },
        { "List", &inner_list, offsetof(struct outer, list), 0 },
        { "ByName", &inner_map, offsetof(struct outer, by_name), MN_OMIT_EMPTY },
        { "", &inner_type, offsetof(struct outer, embedded), MN_INLINE },
        { "Raw", &mn_type_raw, offsetof(struct outer, raw), MN_OMIT_EMPTY },
        { "When", &mn_type_time, offsetof(struct outer, when), MN_OMIT_EMPTY, .since = 144 },
        { "Ratio", &mn_type_double, offsetof(struct outer, ratio), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type outer_type = MN_STRUCT(struct outer, outer_fields);

static mn_status decode(mn_arena *arena, const char *text, struct outer *o, mn_err *err) {
        return mn_json_decode_text(&outer_type, text, strlen(text), NULL, arena, MN_UNKNOWN_IGNORE, o, err);
}

static void round_trip(void **state) {
        (void) state;
        static const char text[] = "{\"On\":true,\"Maybe\":-5,\"Argv\":[\"a\",\"\"],\"Set\":{\"80/"
                                   "tcp\":{}},\"Labels\":{\"k\":\"v\"},"
                                   "\"List\":[{\"Name\":\"x\",\"Limit\":18446744073709551615}],\"ByName\":{"
                                   "\"n\":{\"Name\":\"y\"}},"
                                   "\"Name\":\"inline\",\"Raw\":{\"a\":[1,2.50,null,true,{}],\"b\":\"\\\"\"},"
                                   "\"When\":\"2023-11-14T22:13:20.5Z\",\"Ratio\":0.1}";
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        struct outer o, copy;
        assert_int_equal(decode(arena, text, &o, &err), MN_OK);
        assert_true(o.list.items[0].limit == UINT64_MAX);
        assert_int_equal(*o.maybe, -5);
        cleanup_str mn_str out = MN_STR_INIT(0);
        mn_json_copy(&outer_type, &o, arena, &copy);
        mn_json_encode(&outer_type, &copy, 0, &out);
        assert_string_equal(mn_str_text(&out), text);
        assert_ptr_not_equal(copy.list.items, o.list.items);
}

static void names_the_path_of_a_wrong_value(void **state) {
        (void) state;
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "{\"On\":1}", "On: expected bool, got number" },
                { "{\"List\":[{\"Name\":\"a\"},{\"Limit\":-1}]}",
                  "List[1].Limit: number -1 is out of range" },
                { "{\"ByName\":{\"k\":{\"Name\":[]}}}", "ByName.k.Name: expected string, got array" },
                { "{\"Argv\":[1]}", "Argv[0]: expected string, got number" },
                { "{\"Maybe\":1.5}", "Maybe: expected a whole number, got 1.5" },
                { "{\"Maybe\":9223372036854775808}", "Maybe: number 9223372036854775808 is out of range" },
                { "{\"Labels\":{\"a\":1}}", "Labels.a: expected string, got number" },
                { "{\"When\":\"yesterday\"}", "When: expected a time as RFC 3339 has it" },
                { "[]", "expected object, got array" },
                { "{\"a\":1,\"a\":2}", "invalid JSON at byte 13: duplicate key \"a\"" },
                { "{\"a\":1} x", "invalid JSON at byte 8: unexpected data after the value" },
                { "{\"a\":\"\x01\"}", "invalid JSON at byte 6: control character in string" },
                { "{\"a\":01}", "invalid JSON at byte 5: invalid number" },
                { "{\"a\":tru}", "invalid JSON at byte 5: unexpected character" },
                { "", "invalid JSON at byte 0: unexpected end" },
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                cleanup_err mn_err err = { 0 };
                struct outer o;
                assert_int_equal(decode(arena, cases[i].text, &o, &err), MN_INVALID);
                assert_string_equal(err.message, cases[i].message);
        }
}

static void takes_what_go_takes(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        struct outer o;
        assert_int_equal(
                decode(arena, " {\"on\":true,\"ARGV\":\"one\",\"List\":null,\"Other\":[[]]} ", &o, &err),
                MN_OK);
        assert_true(o.is_on);
        assert_string_equal(o.argv[0], "one");
        assert_null(o.argv[1]);
        assert_null(o.list.items);
        cleanup_str mn_str out = MN_STR_INIT(0);
        mn_json_encode(&outer_type, &o, 143, &out);
        assert_string_equal(
                mn_str_text(&out),
                "{\"On\":true,\"Maybe\":null,\"Argv\":[\"one\"],\"Labels\":{},\"List\":null,\"Name\":\"\"}");
}

static void refuses_depth_without_recursion(void **state) {
        (void) state;
        size_t len = 1000000;
        char *text = malloc(len);
        memset(text, '[', len);
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        const mn_json *v;
        assert_int_equal(mn_json_parse(arena, text, len, NULL, &v, &err), MN_INVALID);
        assert_string_equal(err.message, "invalid JSON at byte 129: nested too deeply");
        free(text);
}

static void escapes_strings(void **state) {
        (void) state;
        cleanup_str mn_str out = MN_STR_INIT(0);
        mn_json_add_bytes(&out, "a\"\\\n\x01\xff\xc3\xa4", 8);
        assert_string_equal(mn_str_text(&out), "\"a\\\"\\\\\\n\\u0001\\ufffd\xc3\xa4\"");
        cleanup_arena mn_arena *arena = mn_arena_new();
        const mn_json *v;
        static const char text[] = "\"\\u00e4\\ud83d\\ude00\\/\\ud83d\"";
        assert_int_equal(mn_json_parse(arena, text, sizeof(text) - 1, NULL, &v, NULL), MN_OK);
        assert_string_equal(v->text, "\xc3\xa4\xf0\x9f\x98\x80/\xef\xbf\xbd");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),          cmocka_unit_test(names_the_path_of_a_wrong_value),
                cmocka_unit_test(takes_what_go_takes), cmocka_unit_test(refuses_depth_without_recursion),
                cmocka_unit_test(escapes_strings),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
