/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/strv.h"

struct values {
        bool is_forced;
        char *name;
        char **list;
        int number;
};

static const option_row rows[] = {
        { "force", 'f', OPTION_FLAG, offsetof(struct values, is_forced), "" },
        { "name", 0, OPTION_STRING, offsetof(struct values, name), "" },
        { "env", 'e', OPTION_LIST, offsetof(struct values, list), "" },
        { "number", 0, OPTION_INT, offsetof(struct values, number), "" },
        { 0 },
};

static mn_status parse(struct values *v, int *used, int argc, const char **argv) {
        *v = (struct values){ 0 };
        return options_parse(rows, v, argc, (char **) (uintptr_t) argv, used, NULL);
}

static void go_style(void **state) {
        (void) state;
        struct values v;
        int used;
        const char *args[] = { "-force", "--name=x=y", "-e", "A=1", "--env",
                               "B",      "--number",   "-5", "id",  "--force=false" };
        assert_int_equal(parse(&v, &used, 10, args), MN_OK);
        assert_int_equal(used, 8);
        assert_true(v.is_forced);
        assert_string_equal(v.name, "x=y");
        assert_int_equal(mn_strv_len(v.list), 2);
        assert_int_equal(v.number, -5);
        mn_strv_free(v.list);
        const char *ended[] = { "--force=false", "--", "--name" };
        assert_int_equal(parse(&v, &used, 3, ended), MN_OK);
        assert_int_equal(used, 2);
        assert_false(v.is_forced);
}

static void wrong_ones(void **state) {
        (void) state;
        struct values v;
        int used;
        assert_int_equal(parse(&v, &used, 1, (const char *[]){ "--nosuch" }), MN_INVALID);
        assert_int_equal(parse(&v, &used, 1, (const char *[]){ "--name" }), MN_INVALID);
        assert_int_equal(parse(&v, &used, 2, (const char *[]){ "--number", "x" }), MN_INVALID);
        assert_int_equal(parse(&v, &used, 1, (const char *[]){ "--force=maybe" }), MN_INVALID);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(go_style), cmocka_unit_test(wrong_ones) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
