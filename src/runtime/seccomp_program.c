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

#include "runtime/seccomp_emit.h"

enum { X32_BIT = 0x40000000 };

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

/* The ranges of one architecture. */
struct ranges {
        seccomp_range items[2 * RULE_ALL + 8];
        size_t len;
};

static void add_range(struct ranges *c, uint32_t start, uint32_t action, const seccomp_case *cases) {
        const seccomp_range *last = c->len ? &c->items[c->len - 1] : NULL;
        if (last && last->action == action && !last->cases && !cases)
                return;
        c->items[c->len++] = (seccomp_range){ start, action, cases };
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

static void build_ranges(struct ranges *c, const seccomp_rules *rules, syscall_arch arch) {
        bool is_hole[LAST_HOLE + 1];
        find_holes(is_hole, arch);
        for (int nr = 0; nr <= rules->last; nr++) {
                const seccomp_slot *slot = &rules->slots[nr];
                /* A hole continues the range before it. */
                if (nr > 0 && nr <= LAST_HOLE && is_hole[nr] && !c->items[c->len - 1].cases)
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

/* One architecture: loads the number and goes down the tree. `*ret_place`: where that begins. */
static mn_status compile_arch(seccomp_emitter *e, const oci_seccomp *spec, size_t index, seccomp_program *ret,
                              size_t *ret_place, mn_err *err) {
        seccomp_rules *rules = mn_arena_alloc(e->arena, sizeof(*rules));
        struct ranges *ranges = mn_arena_alloc(e->arena, sizeof(*ranges));
        mn_status st = seccomp_rules_read(spec, native_arches[index].arch, e->arena, rules, err);
        if (st)
                return st;
        ret->has_listener |= rules->has_notify;
        build_ranges(ranges, rules, native_arches[index].arch);
        seccomp_emit_tree(e, ranges->items, ranges->len);
        *ret_place = seccomp_emit_load(e, offsetof(struct seccomp_data, nr));
        return MN_OK;
}

/* From the last instruction to the first: the trees, then which of them it is to be. */
static mn_status compile(seccomp_emitter *e, const oci_seccomp *spec, seccomp_program *ret, mn_err *err) {
        size_t places[MN_ARRAY_LEN(native_arches)] = { 0 };
        size_t other = seccomp_emit_return(e, SECCOMP_RET_KILL_PROCESS);
        for (size_t i = MN_ARRAY_LEN(native_arches); i-- > 0;) {
                mn_status st = is_listed(spec, native_arches[i].name, i)
                                       ? compile_arch(e, spec, i, ret, &places[i], err)
                                       : MN_OK;
                if (st)
                        return st;
        }
        for (size_t i = MN_ARRAY_LEN(native_arches); i-- > 0;)
                if (places[i])
                        other = seccomp_emit_jump(e, BPF_JEQ, native_arches[i].audit, places[i], other);
        seccomp_emit_load(e, offsetof(struct seccomp_data, arch));
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
        if (spec->listener_metadata && *spec->listener_metadata &&
            (!spec->listener_path || !*spec->listener_path))
                return mn_fail(err, MN_INVALID, "linux.seccomp.listenerMetadata: needs a listenerPath");
        seccomp_emitter *e = mn_arena_alloc(arena, sizeof(*e));
        e->arena = arena;
        st = compile(e, spec, ret, err);
        if (st == MN_OK && e->len > SECCOMP_MAX_PROGRAM)
                return mn_fail(err, MN_INVALID,
                               "linux.seccomp: the program would have %zu instructions, %d are possible",
                               e->len, SECCOMP_MAX_PROGRAM);
        if (st == MN_OK && ret->has_listener && (!spec->listener_path || !*spec->listener_path))
                return mn_fail(err, MN_INVALID,
                               "linux.seccomp.listenerPath: missing, but a rule uses SCMP_ACT_NOTIFY");
        if (st)
                return st;
        ret->code = &e->code[SECCOMP_MAX_PROGRAM - e->len];
        ret->len = e->len;
        return MN_OK;
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
