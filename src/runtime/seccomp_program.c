/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_program.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/seccomp_rules.h"

enum { X32_BIT = 0x40000000, MAX_JUMP = 255, MAX_PROGRAM = 4096 };

const char *const seccomp_arch_names[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM",    "SCMP_ARCH_X32",
                                           "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64", NULL };
static const struct {
        const char *name;
        unsigned value;
} flags[] = {
        { "SECCOMP_FILTER_FLAG_TSYNC", 0 }, /* nothing to do: there is one thread */
        { "SECCOMP_FILTER_FLAG_LOG", 1U << 1 },
        { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", 1U << 2 },
        { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1U << 5 },
};
const char *const seccomp_flag_names[] = { "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                           "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                           "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL };

/* The architectures whose programs this machine runs. */
static const struct {
        const char *name;
        uint32_t audit;
        syscall_arch arch;
} native_arches[] = {
#if defined(__x86_64__)
        { "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64, SYSCALL_X86_64 },
        { "SCMP_ARCH_X86", AUDIT_ARCH_I386, SYSCALL_X86 },
#elif defined(__aarch64__)
        { "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64, SYSCALL_AARCH64 },
        { "SCMP_ARCH_ARM", AUDIT_ARCH_ARM, SYSCALL_ARM },
#endif
};

/* Numbers from `start` up to the next range: one outcome, or cases to ask. */
struct range {
        uint32_t start;
        uint32_t action;
        const seccomp_case *cases;
};

struct compiler {
        struct sock_filter code[MAX_PROGRAM];
        size_t len;
        struct range ranges[2 * RULE_ALL + 8];
        size_t range_count;
};

static void emit(struct compiler *c, uint16_t code, uint32_t k, size_t jump_true, size_t jump_false) {
        if (c->len < MAX_PROGRAM)
                c->code[c->len] = (struct sock_filter){ code, (uint8_t) jump_true, (uint8_t) jump_false, k };
        c->len++;
}

static void emit_load(struct compiler *c, size_t offset) {
        emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t) offset, 0, 0);
}

/* ---- conditions ---- */

static size_t condition_size(const seccomp_condition *cond) {
        return cond->op == OP_EQ || cond->op == OP_NE ? 4 : cond->op == OP_MASKED_EQ ? 6 : 5;
}

/* `after`: instructions between the end of this condition and the next case, where a failing one goes. A
   condition that holds falls through. Arguments are 64 bits wide and compared in halves. */
static void emit_condition(struct compiler *c, const seccomp_condition *cond, size_t after) {
        size_t low = offsetof(struct seccomp_data, args) + 8 * cond->index, high = low + 4;
        uint32_t value_low = (uint32_t) cond->value, value_high = (uint32_t) (cond->value >> 32);
        bool is_greater = cond->op == OP_GT || cond->op == OP_GE;
        switch (cond->op) {
        case OP_EQ:
                emit_load(c, high);
                emit(c, BPF_JMP | BPF_JEQ | BPF_K, value_high, 0, after + 2);
                emit_load(c, low);
                emit(c, BPF_JMP | BPF_JEQ | BPF_K, value_low, 0, after);
                break;
        case OP_NE:
                emit_load(c, high);
                emit(c, BPF_JMP | BPF_JEQ | BPF_K, value_high, 0, 2);
                emit_load(c, low);
                emit(c, BPF_JMP | BPF_JEQ | BPF_K, value_low, after, 0);
                break;
        case OP_MASKED_EQ:
                emit_load(c, high);
                emit(c, BPF_ALU | BPF_AND | BPF_K, value_high, 0, 0);
                emit(c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) (cond->value_two >> 32), 0, after + 3);
                emit_load(c, low);
                emit(c, BPF_ALU | BPF_AND | BPF_K, value_low, 0, 0);
                emit(c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) cond->value_two, 0, after);
                break;
        case OP_LT:
        case OP_LE:
        case OP_GE:
        case OP_GT:
                /* The high halves decide unless they are equal. */
                emit_load(c, high);
                emit(c, BPF_JMP | BPF_JGT | BPF_K, value_high, is_greater ? 3 : after + 3, 0);
                emit(c, BPF_JMP | BPF_JEQ | BPF_K, value_high, 0, is_greater ? after + 2 : 2);
                emit_load(c, low);
                if (is_greater)
                        emit(c, BPF_JMP | (cond->op == OP_GT ? BPF_JGT : BPF_JGE) | BPF_K, value_low, 0,
                             after);
                else
                        emit(c, BPF_JMP | (cond->op == OP_LE ? BPF_JGT : BPF_JGE) | BPF_K, value_low, after,
                             0);
                break;
        case OP_COUNT:
                break;
        }
}

static size_t case_size(const seccomp_case *one) {
        size_t size = 1;
        for (size_t i = 0; i < one->len; i++)
                size += condition_size(&one->conditions[i]);
        return size;
}

static void emit_case(struct compiler *c, const seccomp_case *one) {
        size_t after = case_size(one);
        for (size_t i = 0; i < one->len; i++) {
                after -= condition_size(&one->conditions[i]);
                emit_condition(c, &one->conditions[i], after);
        }
        emit(c, BPF_RET | BPF_K, one->action, 0, 0);
}

/* ---- the tree ---- */

static size_t leaf_size(const struct range *range) {
        size_t size = 1;
        for (const seccomp_case *one = range->cases; one; one = one->next)
                size += case_size(one);
        return size;
}

static size_t tree_size(const struct compiler *c, size_t first, size_t last) {
        if (first == last)
                return leaf_size(&c->ranges[first]);
        size_t middle = (first + last + 1) / 2;
        size_t left = tree_size(c, first, middle - 1);
        return 1 + (left > MAX_JUMP) + left + tree_size(c, middle, last);
}

static void emit_tree(struct compiler *c, size_t first, size_t last) {
        if (first == last) {
                for (const seccomp_case *one = c->ranges[first].cases; one; one = one->next)
                        emit_case(c, one);
                emit(c, BPF_RET | BPF_K, c->ranges[first].action, 0, 0);
                return;
        }
        size_t middle = (first + last + 1) / 2;
        size_t left = tree_size(c, first, middle - 1);
        if (left > MAX_JUMP) {
                emit(c, BPF_JMP | BPF_JGE | BPF_K, c->ranges[middle].start, 0, 1);
                emit(c, BPF_JMP | BPF_JA, (uint32_t) left, 0, 0);
        } else {
                emit(c, BPF_JMP | BPF_JGE | BPF_K, c->ranges[middle].start, left, 0);
        }
        emit_tree(c, first, middle - 1);
        emit_tree(c, middle, last);
}

static void add_range(struct compiler *c, uint32_t start, uint32_t action, const seccomp_case *cases) {
        const struct range *last = c->range_count ? &c->ranges[c->range_count - 1] : NULL;
        if (last && last->action == action && !last->cases && !cases)
                return;
        c->ranges[c->range_count++] = (struct range){ start, action, cases };
}

/* Numbers below this one that no call has are holes for ever; what a filter says of them does not matter. */
enum { LAST_HOLE = 423 };

static void find_holes(bool is_hole[LAST_HOLE + 1], syscall_arch arch) {
        size_t len;
        const syscall_row *rows = syscall_rows(&len);
        memset(is_hole, true, LAST_HOLE + 1);
        for (size_t i = 0; i < len; i++)
                if (rows[i].numbers[arch] >= 0 && rows[i].numbers[arch] <= LAST_HOLE)
                        is_hole[rows[i].numbers[arch]] = false;
}

static void build_ranges(struct compiler *c, const seccomp_rules *rules, syscall_arch arch) {
        bool is_hole[LAST_HOLE + 1];
        find_holes(is_hole, arch);
        c->range_count = 0;
        for (int nr = 0; nr <= rules->last; nr++) {
                const seccomp_slot *slot = &rules->slots[nr];
                /* A hole continues the range before it. */
                if (nr > 0 && nr <= LAST_HOLE && is_hole[nr] && !c->ranges[c->range_count - 1].cases)
                        continue;
                add_range(c, (uint32_t) nr, slot->has_action ? slot->action : rules->default_action,
                          slot->cases);
        }
        add_range(c, (uint32_t) rules->last + 1, rules->newer_action, NULL);
        for (int i = 0; arch == SYSCALL_ARM && i < RULE_ARM_SLOTS; i++) {
                const seccomp_slot *slot = &rules->slots[RULE_SLOTS + i];
                add_range(c, (uint32_t) (RULE_ARM_PRIVATE + i),
                          slot->has_action ? slot->action : rules->default_action, slot->cases);
        }
        /* The x32 interface has numbers of its own, which no rule speaks of: it is not offered. */
        if (arch == SYSCALL_X86_64)
                add_range(c, X32_BIT, SECCOMP_RET_ERRNO | ENOSYS, NULL);
}

static bool is_listed(const oci_seccomp *spec, const char *arch, size_t index) {
        if (!spec->architectures || !*spec->architectures)
                return index == 0;
        for (char **name = spec->architectures; *name; name++)
                if (strcmp(*name, arch) == 0)
                        return true;
        return index ==
               0; /* the machine's own always counts: a filter without it would end the program at once */
}

/* One architecture: [if it is another, skip] load the number, the tree. */
static mn_status compile_arch(struct compiler *c, const oci_seccomp *spec, size_t index, mn_arena *arena,
                              seccomp_program *ret, mn_err *err) {
        seccomp_rules *rules = mn_arena_alloc(arena, sizeof(*rules));
        mn_status st = seccomp_rules_read(spec, native_arches[index].arch, arena, rules, err);
        if (st)
                return st;
        ret->has_listener |= rules->has_notify;
        build_ranges(c, rules, native_arches[index].arch);
        size_t size = tree_size(c, 0, c->range_count - 1);
        emit(c, BPF_JMP | BPF_JEQ | BPF_K, native_arches[index].audit, 1, 0);
        emit(c, BPF_JMP | BPF_JA, (uint32_t) size + 1, 0, 0);
        emit_load(c, offsetof(struct seccomp_data, nr));
        emit_tree(c, 0, c->range_count - 1);
        return MN_OK;
}

static mn_status parse_flags(const oci_seccomp *spec, unsigned *ret, mn_err *err) {
        for (char **name = spec->flags; name && *name; name++) {
                size_t i = 0;
                while (i < MN_ARRAY_LEN(flags) && strcmp(flags[i].name, *name) != 0)
                        i++;
                if (i == MN_ARRAY_LEN(flags))
                        return mn_fail(err, MN_INVALID, "linux.seccomp.flags: unknown flag \"%s\"", *name);
                *ret |= flags[i].value;
        }
        return MN_OK;
}

mn_status seccomp_compile(const oci_seccomp *spec, mn_arena *arena, seccomp_program *ret, mn_err *err) {
        *ret = (seccomp_program){ 0 };
        mn_status st = parse_flags(spec, &ret->flags, err);
        if (st)
                return st;
        struct compiler *c = mn_arena_alloc(arena, sizeof(*c));
        emit_load(c, offsetof(struct seccomp_data, arch));
        for (size_t i = 0; i < MN_ARRAY_LEN(native_arches) && st == MN_OK; i++)
                if (is_listed(spec, native_arches[i].name, i))
                        st = compile_arch(c, spec, i, arena, ret, err);
        emit(c, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
        if (st == MN_OK && c->len > MAX_PROGRAM)
                return mn_fail(err, MN_INVALID,
                               "linux.seccomp: the program would have %zu instructions, %d are possible",
                               c->len, MAX_PROGRAM);
        if (st == MN_OK && ret->has_listener && (!spec->listener_path || !*spec->listener_path))
                return mn_fail(err, MN_INVALID,
                               "linux.seccomp.listenerPath: missing, but a rule uses SCMP_ACT_NOTIFY");
        ret->code = c->code;
        ret->len = c->len;
        return st;
}

int seccomp_load(const seccomp_program *program) {
        struct sock_fprog prog = { .len = (unsigned short) program->len, .filter = program->code };
        unsigned load_flags = program->flags | (program->has_listener ? 1U << 3 : 0);
        /* WAIT_KILLABLE_RECV only means something with a listener. */
        if (!program->has_listener)
                load_flags &= ~(1U << 5);
        long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, load_flags, &prog);
        return r < 0 ? -errno : (int) r;
}
