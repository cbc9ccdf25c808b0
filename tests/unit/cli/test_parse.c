/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct values {
        bool all, proxy;
        char **filter;
        int64_t *last, *memory, *cpus;
        const char *name;
};
static const cli_option table[] = {
        { "all", 'a', CLI_BOOL, offsetof(struct values, all), NULL, "" },
        { "proxy", 0, CLI_BOOL, offsetof(struct values, proxy), NULL, "", "true", CLI_DEFAULT_ON },
        { "filter", 'f', CLI_LIST, offsetof(struct values, filter), "list", "" },
        { "last", 'n', CLI_INT, offsetof(struct values, last), "int", "" },
        { "memory", 'm', CLI_BYTES, offsetof(struct values, memory), "bytes", "" },
        { "cpus", 0, CLI_CPUS, offsetof(struct values, cpus), "decimal", "" },
        { "name", 0, CLI_STR, offsetof(struct values, name), "string", "" },
        { 0 },
};
static const cli_command loose = {
        .usage = "", .options = table, .options_size = sizeof(struct values), .max_args = 2
};
static const cli_command strict = { .usage = "",
                                    .options = table,
                                    .options_size = sizeof(struct values),
                                    .max_args = CLI_ANY_NUMBER,
                                    .stops_at_argument = true };

static mn_status parse(mn_arena *arena, const cli_command *command, const char *const *argv,
                       cli_invocation *inv, mn_err *err) {
        *inv = (cli_invocation){ .command = command, .path = "docker x" };
        return cli_parse(arena, (char *const *) argv, inv, err);
}

static void takes_all_forms(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cli_invocation inv;
        const char *const argv[] = { "-an5",   "one",  "--filter=a=b",  "-f", "c",      "-m=64m",
                                     "--cpus", "1.25", "--proxy=false", "--", "--name", NULL };
        assert_int_equal(parse(arena, &loose, argv, &inv, NULL), MN_OK);
        const struct values *v = inv.options;
        assert_true(v->all);
        assert_false(v->proxy);
        assert_int_equal(*v->last, 5);
        assert_int_equal(*v->memory, 64 << 20);
        assert_int_equal(*v->cpus, 1250000000);
        assert_string_equal(v->filter[0], "a=b");
        assert_string_equal(v->filter[1], "c");
        assert_null(v->filter[2]);
        assert_string_equal(inv.args[0], "one");
        assert_string_equal(inv.args[1], "--name");
        assert_null(inv.args[2]);
}

static void stops_at_the_first_argument(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cli_invocation inv;
        const char *const argv[] = { "-a", "image", "-f", "x", NULL };
        assert_int_equal(parse(arena, &strict, argv, &inv, NULL), MN_OK);
        assert_null(((const struct values *) inv.options)->filter);
        assert_string_equal(inv.args[1], "-f");
        assert_true(((const struct values *) inv.options)->proxy);
}

static void says_what_is_wrong(void **state) {
        (void) state;
        static const struct {
                const char *argv[3], *message;
        } cases[] = {
                { { "--nope" }, "unknown flag: --nope" },
                { { "-aZb" }, "unknown shorthand flag: 'Z' in -Zb" },
                { { "-n" }, "flag needs an argument: 'n' in -n" },
                { { "--name" }, "flag needs an argument: --name" },
                { { "-n", "x" },
                  "invalid argument \"x\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"x\": invalid "
                  "syntax" },
                { { "--all=maybe" },
                  "invalid argument \"maybe\" for \"-a, --all\" flag: strconv.ParseBool: parsing \"maybe\": "
                  "invalid syntax" },
                { { "-m", "1x" }, "invalid argument \"1x\" for \"-m, --memory\" flag: invalid suffix: 'x'" },
                { { "--cpus", "x" },
                  "invalid argument \"x\" for \"--cpus\" flag: failed to parse x as a rational number" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                cleanup_err mn_err err = { 0 };
                cli_invocation inv;
                assert_int_equal(parse(arena, &loose, cases[i].argv, &inv, &err), MN_INVALID);
                assert_string_equal(err.message, cases[i].message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_all_forms),
                cmocka_unit_test(stops_at_the_first_argument),
                cmocka_unit_test(says_what_is_wrong),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
