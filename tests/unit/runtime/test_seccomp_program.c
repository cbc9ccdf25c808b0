/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled program is run by an interpreter over every call number and compared with the rules read
 * naively. */
#include "runtime/seccomp_program.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "interpret.h"
#include "oci/seccomp_profile.h"
#include "runtime/syscall_table.h"

#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE(e) (SECCOMP_RET_ERRNO | (e))

static uint32_t call(const seccomp_program *p, uint32_t arch, int nr, uint64_t arg0, uint64_t arg1) {
        unsigned steps;
        struct seccomp_data data = { .nr = nr, .arch = arch, .args = { arg0, arg1 } };
        return interpret(p, &data, &steps);
}

static uint32_t call_name(const seccomp_program *p, const char *name, uint64_t arg0) {
        return call(p, AUDIT_ARCH_X86_64, syscall_find(name)->numbers[SYSCALL_X86_64], arg0, 0);
}

static void compile_default(mn_arena *arena, uint64_t caps, seccomp_program *ret) {
        oci_seccomp profile;
        oci_seccomp_default(&(oci_seccomp_context){ .capabilities = caps }, arena, &profile);
        assert_int_equal(seccomp_compile(&profile, arena, ret, NULL), MN_OK);
}

/* What the profile says of a call without arguments, read rule by rule. */
static bool is_always_allowed(const oci_seccomp *profile, const char *name) {
        for (size_t i = 0; i < profile->syscalls.len; i++) {
                const oci_seccomp_rule *rule = &profile->syscalls.items[i];
                for (char **n = rule->names; rule->args.len == 0 && *n; n++)
                        if (strcmp(*n, name) == 0 && strcmp(rule->action, "SCMP_ACT_ALLOW") == 0)
                                return true;
        }
        return false;
}

#if defined(__x86_64__)
static void every_call_has_the_outcome_of_its_rule(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        static const uint64_t cap_sets[] = { 0, 0xa80425fb, UINT64_C(0x1ffffffffff) };
        static const uint32_t audit[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };
        size_t rows;
        const syscall_row *table = syscall_rows(&rows);
        for (size_t c = 0; c < 3; c++) {
                oci_seccomp profile;
                seccomp_program p;
                oci_seccomp_default(&(oci_seccomp_context){ .capabilities = cap_sets[c] }, arena, &profile);
                assert_int_equal(seccomp_compile(&profile, arena, &p, NULL), MN_OK);
                for (size_t i = 0; i < rows; i++)
                        for (int arch = SYSCALL_X86_64; arch <= SYSCALL_X86; arch++) {
                                if (table[i].numbers[arch] < 0)
                                        continue;
                                bool is_allowed = call(&p, audit[arch], table[i].numbers[arch], UINT64_MAX,
                                                       UINT64_MAX) == ALLOW;
                                /* These two allow all bits set as their argument. */
                                if (strcmp(table[i].name, "socket") == 0 ||
                                    strcmp(table[i].name, "personality") == 0)
                                        continue;
                                if (is_allowed != is_always_allowed(&profile, table[i].name))
                                        fail_msg("%s on %d with caps %lx", table[i].name, arch,
                                                 (unsigned long) cap_sets[c]);
                        }
        }
}

static void arguments_decide(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        seccomp_program p;
        compile_default(arena, 0xa80425fb, &p);
        for (uint64_t domain = 0; domain < 50; domain++)
                assert_int_equal(call_name(&p, "socket", domain),
                                 domain == 38 || domain == 40 ? REFUSE(EPERM) : ALLOW);
        assert_int_equal(call_name(&p, "socket", UINT64_C(38) | UINT64_C(1) << 32), ALLOW);
        assert_int_equal(call_name(&p, "personality", 0x20008), ALLOW);
        assert_int_equal(call_name(&p, "personality", 0x20009), REFUSE(EPERM));
        assert_int_equal(call_name(&p, "personality", UINT64_C(0x100000000)), REFUSE(EPERM));
        assert_int_equal(call_name(&p, "clone", 17), ALLOW);
        assert_int_equal(call_name(&p, "clone", 0x10000000 | 17), REFUSE(EPERM));
        assert_int_equal(call_name(&p, "clone3", 0), REFUSE(ENOSYS));
        compile_default(arena, UINT64_C(1) << 21, &p);
        assert_int_equal(call_name(&p, "clone", 0x10000000 | 17), ALLOW);
        assert_int_equal(call_name(&p, "clone3", 0), ALLOW);
}

static void unknown_and_foreign_calls(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        seccomp_program p;
        compile_default(arena, 0xa80425fb, &p);
        assert_int_equal(call(&p, AUDIT_ARCH_X86_64, 500, 0, 0), REFUSE(ENOSYS));
        assert_int_equal(call(&p, AUDIT_ARCH_X86_64, 0x40000000, 0, 0), REFUSE(ENOSYS)); /* x32 */
        assert_int_equal(call(&p, AUDIT_ARCH_AARCH64, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(call(&p, AUDIT_ARCH_X86_64, -1, 0, 0), REFUSE(ENOSYS));
        assert_int_equal(call_name(&p, "io_uring_setup", 0), REFUSE(EPERM));
}

static void the_program_is_small(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        seccomp_program p;
        unsigned steps, most = 0;
        compile_default(arena, 0xa80425fb, &p);
        for (int nr = 0; nr < 480; nr++) {
                struct seccomp_data data = { .nr = nr, .arch = AUDIT_ARCH_X86_64 };
                interpret(&p, &data, &steps);
                most = MN_MAX(most, steps);
        }
        print_message("%zu instructions for both, at most %u for a call\n", p.len, most);
        assert_true(p.len <= 170);
        assert_true(most <= 14);
        oci_seccomp profile;
        oci_seccomp_default(&(oci_seccomp_context){ .capabilities = 0xa80425fb }, arena, &profile);
        profile.architectures = NULL;
        assert_int_equal(seccomp_compile(&profile, arena, &p, NULL), MN_OK);
        print_message("%zu instructions for x86_64 alone\n", p.len);
        assert_true(p.len <= 80);
}

/* Every operator at the borders of both halves of an argument. */
static void operators(void **state) {
        (void) state;
        static const char *const names[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",
                                             "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT" };
        static const uint64_t values[] = { 0,
                                           1,
                                           0xffffffff,
                                           UINT64_C(0x100000000),
                                           UINT64_C(0x100000001),
                                           UINT64_C(0x7fffffffffffffff),
                                           UINT64_MAX };
        cleanup_arena mn_arena *arena = mn_arena_new();
        char mkdir_name[] = "mkdir", allow[] = "SCMP_ACT_ALLOW", refuse[] = "SCMP_ACT_ERRNO";
        char *rule_names[] = { mkdir_name, NULL };
        for (size_t o = 0; o < MN_ARRAY_LEN(names); o++)
                for (size_t v = 0; v < MN_ARRAY_LEN(values); v++) {
                        oci_seccomp_arg arg = { .index = 0,
                                                .value = values[v],
                                                .op = mn_arena_strdup(arena, names[o]) };
                        oci_seccomp_rule rule = { .names = rule_names,
                                                  .action = refuse,
                                                  .args = { &arg, 1 } };
                        oci_seccomp spec = { .default_action = allow, .syscalls = { &rule, 1 } };
                        seccomp_program p;
                        assert_int_equal(seccomp_compile(&spec, arena, &p, NULL), MN_OK);
                        for (size_t x = 0; x < MN_ARRAY_LEN(values); x++) {
                                const bool holds[] = {
                                        values[x] != values[v],
                                        values[x]<values[v], values[x] <= values[v], values[x] == values[v],
                                                  values[x] >= values[v], values[x]>
                                                values[v]
                                };
                                assert_int_equal(call_name(&p, "mkdir", values[x]),
                                                 holds[o] ? REFUSE(EPERM) : ALLOW);
                        }
                }
}
#endif

static void wrong_profiles_are_named(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        char bad[] = "SCMP_ACT_NOSUCH", allow[] = "SCMP_ACT_ALLOW", flag[] = "NOSUCH";
        char *flags[] = { flag, NULL };
        seccomp_program p;
        oci_seccomp spec = { .default_action = bad };
        assert_int_equal(seccomp_compile(&spec, arena, &p, &err), MN_INVALID);
        assert_non_null(strstr(mn_err_text(&err), "linux.seccomp.defaultAction"));
        spec = (oci_seccomp){ .default_action = allow, .flags = flags };
        assert_int_equal(seccomp_compile(&spec, arena, &p, &err), MN_INVALID);
        assert_non_null(strstr(mn_err_text(&err), "linux.seccomp.flags"));
}

/* What an action cannot do is not dropped. */
static void errno_and_metadata(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        char kill[] = "SCMP_ACT_KILL", refuse[] = "SCMP_ACT_ERRNO", text[] = "x";
        uint32_t number = 38;
        seccomp_program p;
        oci_seccomp spec = { .default_action = kill, .default_errno_ret = &number };
        assert_int_equal(seccomp_compile(&spec, arena, &p, &err), MN_INVALID);
        spec.default_action = refuse;
        assert_int_equal(seccomp_compile(&spec, arena, &p, NULL), MN_OK);
        spec.listener_metadata = text;
        assert_int_equal(seccomp_compile(&spec, arena, &p, NULL), MN_INVALID);
}

/* Jumps farther than an instruction can say: many calls, each with conditions of its own. */
static void long_programs(void **state) {
        (void) state;
        enum { CALLS = 150 };
        cleanup_arena mn_arena *arena = mn_arena_new();
        char allow[] = "SCMP_ACT_ALLOW", refuse[] = "SCMP_ACT_ERRNO", equal[] = "SCMP_CMP_EQ";
        size_t rows;
        const syscall_row *table = syscall_rows(&rows);
        oci_seccomp_rule rules[CALLS];
        int numbers[CALLS];
        size_t len = 0;
        for (size_t i = 0; i < rows && len < CALLS; i++) {
                if (table[i].numbers[SYSCALL_X86_64] < 0)
                        continue;
                char **names = mn_arena_array(arena, 2, sizeof(char *));
                names[0] = mn_arena_strdup(arena, table[i].name);
                oci_seccomp_arg *arg = mn_arena_alloc(arena, sizeof(*arg));
                *arg = (oci_seccomp_arg){ .index = 1, .value = UINT64_C(0x100000000) + len, .op = equal };
                numbers[len] = table[i].numbers[SYSCALL_X86_64];
                rules[len++] = (oci_seccomp_rule){ .names = names, .action = allow, .args = { arg, 1 } };
        }
        oci_seccomp spec = { .default_action = refuse, .syscalls = { rules, len } };
        seccomp_program p;
        assert_int_equal(seccomp_compile(&spec, arena, &p, NULL), MN_OK);
        assert_true(p.len > 500);
        for (size_t i = 0; i < len; i++)
                for (size_t k = 0; k < len; k++)
                        assert_int_equal(
                                call(&p, AUDIT_ARCH_X86_64, numbers[i], 0, UINT64_C(0x100000000) + k),
                                i == k ? ALLOW : REFUSE(EPERM));
}

static void the_table_is_sorted(void **state) {
        (void) state;
        size_t len;
        const syscall_row *rows = syscall_rows(&len);
        for (size_t i = 1; i < len; i++)
                assert_true(strcmp(rows[i - 1].name, rows[i].name) < 0);
        assert_null(syscall_find("nosuch"));
}

/* Whatever order a profile has: nearby, backwards, far away, unknown. */
static void a_name_is_found_from_everywhere(void **state) {
        (void) state;
        size_t len;
        const syscall_row *rows = syscall_rows(&len);
        for (size_t i = 0; i < len; i++)
                for (size_t k = 0; k < len; k += 7)
                        assert_ptr_equal(syscall_find_after(&rows[k], rows[i].name), &rows[i]);
        assert_ptr_equal(syscall_find_after(NULL, "read"), syscall_find("read"));
        assert_null(syscall_find_after(&rows[len - 1], "zzz"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_is_found_from_everywhere),
#if defined(__x86_64__)
                cmocka_unit_test(every_call_has_the_outcome_of_its_rule),
                cmocka_unit_test(arguments_decide),
                cmocka_unit_test(unknown_and_foreign_calls),
                cmocka_unit_test(the_program_is_small),
                cmocka_unit_test(operators),
                cmocka_unit_test(long_programs),
#endif
                cmocka_unit_test(wrong_profiles_are_named),
                cmocka_unit_test(errno_and_metadata),
                cmocka_unit_test(the_table_is_sorted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
