/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp: the program that is made of it, run over every call, says what its rules say read one by
 * one. */

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runtime/seccomp_rules.h"

#include "../tests/unit/runtime/interpret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_RULES = 64, MAX_NAMES = 64 };

/* ---- the rules, read naively ---- */

static bool holds(const oci_seccomp_arg *arg, uint64_t value) {
        if (strcmp(arg->op, "SCMP_CMP_MASKED_EQ") == 0)
                return (value & arg->value) == arg->value_two;
        const struct {
                const char *op;
                bool holds;
        } all[] = { { "SCMP_CMP_NE", value != arg->value }, { "SCMP_CMP_LT", value < arg->value },
                    { "SCMP_CMP_LE", value <= arg->value }, { "SCMP_CMP_EQ", value == arg->value },
                    { "SCMP_CMP_GE", value >= arg->value }, { "SCMP_CMP_GT", value > arg->value } };
        for (size_t i = 0; i < MN_ARRAY_LEN(all); i++)
                if (strcmp(all[i].op, arg->op) == 0)
                        return all[i].holds;
        abort();
}

/* All must hold; where one argument is named twice, one is enough (as runc has it). */
static bool matches(const oci_seccomp_rule *rule, const uint64_t args[6]) {
        bool all = true, any = false, is_any = false;
        for (size_t i = 0; i < rule->args.len; i++) {
                bool is_true = holds(&rule->args.items[i], args[rule->args.items[i].index]);
                all &= is_true;
                any |= is_true;
                for (size_t k = 0; k < i; k++)
                        is_any |= rule->args.items[k].index == rule->args.items[i].index;
        }
        return is_any ? any : all;
}

static bool names(const oci_seccomp_rule *rule, const char *name) {
        for (char **n = rule->names; *n; n++)
                if (strcmp(*n, name) == 0)
                        return true;
        return false;
}

static uint32_t action_of(const char *name, const uint32_t *errno_ret) {
        static const struct {
                const char *name;
                uint32_t value;
        } all[] = { { "SCMP_ACT_KILL", 0 },
                    { "SCMP_ACT_KILL_THREAD", 0 },
                    { "SCMP_ACT_KILL_PROCESS", 0x80000000U },
                    { "SCMP_ACT_TRAP", 0x30000 },
                    { "SCMP_ACT_ERRNO", 0x50000 },
                    { "SCMP_ACT_TRACE", 0x7ff00000 },
                    { "SCMP_ACT_ALLOW", 0x7fff0000 },
                    { "SCMP_ACT_LOG", 0x7ffc0000 },
                    { "SCMP_ACT_NOTIFY", 0x7fc00000 } };
        for (size_t i = 0; i < MN_ARRAY_LEN(all); i++)
                if (strcmp(all[i].name, name) == 0)
                        return all[i].value | (all[i].value == 0x50000 || all[i].value == 0x7ff00000
                                                       ? errno_ret ? *errno_ret : EPERM
                                                       : 0);
        abort();
}

static uint32_t expected(const oci_seccomp *spec, const char *name, const uint64_t args[6]) {
        uint32_t otherwise = action_of(spec->default_action, spec->default_errno_ret), found = otherwise;
        bool has_plain = false;
        for (size_t i = 0; i < spec->syscalls.len; i++) {
                const oci_seccomp_rule *rule = &spec->syscalls.items[i];
                uint32_t action = action_of(rule->action, rule->errno_ret);
                if (action == otherwise || !names(rule, name))
                        continue;
                if (rule->args.len && matches(rule, args))
                        return action;
                if (!rule->args.len && !has_plain) {
                        has_plain = true;
                        found = action;
                }
        }
        return found;
}

/* ---- comparing ---- */

static int highest_named(const oci_seccomp *spec, syscall_arch arch) {
        int last = 0;
        for (size_t i = 0; i < spec->syscalls.len; i++)
                for (char **n = spec->syscalls.items[i].names; *n; n++) {
                        const syscall_row *row = syscall_find(*n);
                        if (row && row->numbers[arch] > last && row->numbers[arch] < RULE_SLOTS)
                                last = row->numbers[arch];
                }
        return last;
}

static void compare(const oci_seccomp *spec, const seccomp_program *p, const uint64_t args[6], int arch) {
        static const uint32_t audit[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };
        size_t rows;
        const syscall_row *table = syscall_rows(&rows);
        int last = highest_named(spec, (syscall_arch) arch);
        for (size_t i = 0; i < rows; i++) {
                struct seccomp_data data = { .nr = table[i].numbers[arch], .arch = audit[arch] };
                unsigned steps;
                if (data.nr < 0 || data.nr > last)
                        continue;
                memcpy(data.args, args, sizeof(data.args));
                if (interpret(p, &data, &steps) != expected(spec, table[i].name, args))
                        abort();
        }
}

static bool is_small(const oci_seccomp *spec) {
        for (size_t i = 0; i < spec->syscalls.len; i++) {
                size_t len = 0;
                for (char **n = spec->syscalls.items[i].names; *n; n++)
                        len++;
                if (len > MAX_NAMES)
                        return false;
        }
        return spec->syscalls.len <= MAX_RULES;
}

/* Arguments that the rules speak of, and their neighbours. */
static void compare_with_arguments(const oci_seccomp *spec, const seccomp_program *p, int arch) {
        uint64_t args[6] = { 0 };
        compare(spec, p, args, arch);
        for (size_t i = 0; i < spec->syscalls.len; i++)
                for (size_t k = 0; k < spec->syscalls.items[i].args.len && k < 6; k++) {
                        const oci_seccomp_arg *arg = &spec->syscalls.items[i].args.items[k];
                        args[arg->index] = arg->value + (i + k) % 3 - 1;
                        compare(spec, p, args, arch);
                        args[arg->index] = arg->value_two;
                        compare(spec, p, args, arch);
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
#if defined(__x86_64__)
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_str mn_str text = MN_STR_INIT(8 << 20);
        oci_spec *spec;
        mn_str_add(&text, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":");
        mn_str_add_len(&text, (const char *) data, size);
        mn_str_add(&text, "}}");
        if (mn_str_error(&text) < 0 || oci_spec_parse(text.data, text.len, arena, &spec, NULL) ||
            !spec->linux_ || !spec->linux_->seccomp)
                return 0;
        seccomp_program program;
        const oci_seccomp *seccomp = spec->linux_->seccomp;
        if (!is_small(seccomp) || seccomp_compile(seccomp, arena, &program, NULL))
                return 0;
        compare_with_arguments(seccomp, &program, SYSCALL_X86_64);
        for (char **arch = seccomp->architectures; arch && *arch; arch++)
                if (strcmp(*arch, "SCMP_ARCH_X86") == 0) {
                        compare_with_arguments(seccomp, &program, SYSCALL_X86);
                        break;
                }
#else
        (void) data;
        (void) size;
#endif
        return 0;
}
