/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"

/* Aligned, zeroed, apart from each other, and there until the arena goes: whatever the first chunk and
 * however big. */
static void what_it_gives_is_zeroed_and_apart(void **state) {
        (void) state;
        static const size_t firsts[] = { 1, 100, 1024, 256 << 10 },
                            sizes[] = { 1, 17, 4096, 70000, 300 << 10, 50 };
        for (size_t i = 0; i < MN_ARRAY_LEN(firsts); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new_of(firsts[i]);
                char *parts[MN_ARRAY_LEN(sizes)];
                for (size_t k = 0; k < MN_ARRAY_LEN(sizes); k++) {
                        parts[k] = mn_arena_alloc(arena, sizes[k]);
                        assert_int_equal((uintptr_t) parts[k] % 16, 0);
                        for (size_t at = 0; at < sizes[k]; at++)
                                assert_int_equal(parts[k][at], 0);
                        memset(parts[k], 'a' + (int) k, sizes[k]);
                }
                for (size_t k = 0; k < MN_ARRAY_LEN(sizes); k++)
                        for (size_t at = 0; at < sizes[k]; at++)
                                assert_int_equal(parts[k][at], 'a' + (int) k);
        }
}

static void copies_end_where_they_should(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        assert_null(mn_arena_strdup(arena, NULL));
        assert_string_equal(mn_arena_strndup(arena, "abcdef", 3), "abc");
        assert_string_equal(mn_arena_printf(arena, "%d-%s", 7, "x"), "7-x");
        assert_true(mn_arena_used(arena) > 0);
}

static void unset_memory_can_be_written(void **state) {
        (void) state;
        cleanup_free char *p = mn_alloc_unset(100000);
        memset(p, 'x', 100000);
        assert_int_equal(p[99999], 'x');
        cleanup_free char *none = mn_alloc_unset(0);
        assert_non_null(none);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_it_gives_is_zeroed_and_apart),
                cmocka_unit_test(copies_end_where_they_should),
                cmocka_unit_test(unset_memory_can_be_written),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
