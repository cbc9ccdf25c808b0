/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/filter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/macro.h"
#include "base/time.h"

static void both_forms(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        wire_filters f;
        const char *text =
                "{\"status\":[\"running\",\"exited\"],\"label\":{\"a=b\":true,\"c\":true,\"d\":false}}";
        assert_int_equal(wire_filters_parse(arena, text, NULL, &f, &err), MN_OK);
        assert_true(wire_filters_exact(&f, "status", "exited"));
        assert_false(wire_filters_exact(&f, "status", "paused"));
        assert_true(wire_filters_exact(&f, "absent", "anything"));
        mn_str_map labels = { 0 };
        mn_str_map_set(&labels, arena, "a", "b");
        assert_false(wire_filters_match_labels(&f, &labels));
        mn_str_map_set(&labels, arena, "c", "whatever");
        assert_true(wire_filters_match_labels(&f, &labels));
        wire_filters_add(&f, arena, "label!", "c");
        assert_false(wire_filters_match_labels(&f, &labels));
}

static void refused(void **state) {
        (void) state;
        static const char *const allowed[] = { "label", NULL };
        cleanup_arena mn_arena *arena = mn_arena_new();
        static const char *const bad[] = {
                "{", "[]", "\"x\"", "{\"label\":\"a\"}", "{\"label\":[1]}", "{\"x\":[\"a\"]}"
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++) {
                cleanup_err mn_err err = { 0 };
                wire_filters f;
                assert_int_equal(wire_filters_parse(arena, bad[i], allowed, &f, &err), MN_INVALID);
        }
        wire_filters none;
        assert_int_equal(wire_filters_parse(arena, NULL, allowed, &none, NULL), MN_OK);
        assert_int_equal(none.len, 0);
}

static void matching(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_filters f = { 0 };
        wire_filters_add(&f, arena, "name", "^/?web[0-9]+$");
        wire_filters_add(&f, arena, "id", "abc");
        wire_filters_add(&f, arena, "dangling", "true");
        assert_true(wire_filters_regex(&f, "name", "/web12"));
        assert_false(wire_filters_regex(&f, "name", "/web"));
        assert_true(wire_filters_prefix(&f, "id", "abcdef"));
        assert_false(wire_filters_prefix(&f, "id", "ab"));
        bool value;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(wire_filters_bool(&f, "dangling", false, &value, &err), MN_OK);
        assert_true(value);
        wire_filters_add(&f, arena, "dangling", "false");
        assert_int_equal(wire_filters_bool(&f, "dangling", false, &value, &err), MN_INVALID);
        assert_string_equal(err.message, "invalid filter 'dangling=[true false]'");
}

static void moments(void **state) {
        (void) state;
        int64_t now = 1000 * MN_NS_PER_SEC, ns;
        setenv("TZ", "UTC", 1);
        tzset();
        assert_int_equal(wire_time_parse(NULL, now, &ns), 0);
        assert_int_equal(ns, 0);
        assert_int_equal(wire_time_parse("", now, &ns), 0);
        assert_int_equal(wire_time_parse("0", now, &ns), 0);
        assert_int_equal(ns, 0);
        assert_int_equal(wire_time_parse("-1m", now, &ns), 0); /* Go adds a negative duration: the future */
        assert_int_equal(ns, 1060 * MN_NS_PER_SEC);
        assert_int_equal(wire_time_parse("12.5", now, &ns), 0);
        assert_int_equal(ns, 12500000000);
        assert_int_equal(wire_time_parse("1136073600.000000001", now, &ns), 0);
        assert_int_equal(ns, INT64_C(1136073600000000001));
        assert_int_equal(wire_time_parse("1m30s", now, &ns), 0);
        assert_int_equal(ns, 910 * MN_NS_PER_SEC);
        assert_int_equal(wire_time_parse("1.5m", now, &ns), 0);
        assert_int_equal(ns, 910 * MN_NS_PER_SEC);
        assert_int_equal(wire_time_parse("1970-01-01T00:00:07Z", now, &ns), 0);
        assert_int_equal(ns, 7 * MN_NS_PER_SEC);
        assert_int_equal(wire_time_parse("1970-01-02", now, &ns), 0);
        assert_int_equal(ns, 86400 * MN_NS_PER_SEC);
        static const char *const bad[] = {
                "x", "1x", "h", "1.2.3", "9999999999999999999", "99999999999999h", "1970-13-01"
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
                assert_int_equal(wire_time_parse(bad[i], now, &ns), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_forms),
                cmocka_unit_test(refused),
                cmocka_unit_test(matching),
                cmocka_unit_test(moments),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
