/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/alloc.h"

static void keeps_insertion_order_through_growth_and_removal(void **state) {
        (void) state;
        cleanup_map mn_map *m = mn_map_new(free);
        char key[32];
        for (int i = 0; i < 1000; i++) {
                snprintf(key, sizeof(key), "key-%d", i);
                mn_map_set(m, key, mn_strdup(key));
        }
        for (int i = 0; i < 1000; i += 2) {
                snprintf(key, sizeof(key), "key-%d", i);
                assert_true(mn_map_remove(m, key));
                assert_false(mn_map_remove(m, key));
        }
        assert_int_equal(mn_map_len(m), 500);
        size_t pos = 0;
        int expected = 1;
        const char *name;
        void *value;
        while (mn_map_next(m, &pos, &name, &value)) {
                snprintf(key, sizeof(key), "key-%d", expected);
                assert_string_equal(name, key);
                assert_string_equal(value, key);
                expected += 2;
        }
        assert_int_equal(expected, 1001);
}

static void replaces_values(void **state) {
        (void) state;
        cleanup_map mn_map *m = mn_map_new(free);
        mn_map_set(m, "a", mn_strdup("1"));
        mn_map_set(m, "a", mn_strdup("2"));
        assert_string_equal(mn_map_get(m, "a"), "2");
        assert_null(mn_map_get(m, "b"));
        assert_int_equal(mn_map_len(m), 1);
        cleanup_free char *taken = mn_map_take(m, "a");
        assert_string_equal(taken, "2");
        assert_int_equal(mn_map_len(m), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_insertion_order_through_growth_and_removal),
                cmocka_unit_test(replaces_values),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
