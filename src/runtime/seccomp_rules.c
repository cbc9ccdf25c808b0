/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_rules.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/strv.h"
#include "runtime/seccomp_program.h"

static const struct {
        const char *name;
        uint32_t value;
        bool takes_errno;
} actions[] = {
        { "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false },
        { "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false },
        { "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false },
        { "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false },
        { "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true },
        { "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true },
        { "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false },
        { "SCMP_ACT_LOG", SECCOMP_RET_LOG, false },
        { "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false },
};
const char *const seccomp_action_names[] = {
        "SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO",
        "SCMP_ACT_KILL",        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
        "SCMP_ACT_NOTIFY",      "SCMP_ACT_TRACE",
        "SCMP_ACT_TRAP",        NULL,
};
const char *const seccomp_operator_names[] = {
        [OP_NE] = "SCMP_CMP_NE",
        [OP_LT] = "SCMP_CMP_LT",
        [OP_LE] = "SCMP_CMP_LE",
        [OP_EQ] = "SCMP_CMP_EQ",
        [OP_GE] = "SCMP_CMP_GE",
        [OP_GT] = "SCMP_CMP_GT",
        [OP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
        [OP_COUNT] = NULL,
};

static int parse_action(const char *name, const uint32_t *errno_ret, uint32_t *ret) {
        for (size_t i = 0; i < MN_ARRAY_LEN(actions); i++)
                if (strcmp(actions[i].name, name) == 0) {
                        uint32_t data = errno_ret ? *errno_ret : actions[i].takes_errno ? EPERM : 0;
                        if (data > SECCOMP_RET_DATA || (errno_ret && !actions[i].takes_errno))
                                return -ERANGE;
                        *ret = actions[i].value | data;
                        return 0;
                }
        return -EINVAL;
}

static int parse_operator(const char *name) {
        for (int i = 0; i < OP_COUNT; i++)
                if (strcmp(seccomp_operator_names[i], name) == 0)
                        return i;
        return -EINVAL;
}

static mn_status parse_conditions(const oci_seccomp_rule *rule, size_t index, mn_arena *arena,
                                  seccomp_condition **ret, bool *ret_is_any, mn_err *err) {
        seccomp_condition *list = mn_arena_array(arena, rule->args.len, sizeof(*list));
        unsigned seen = 0;
        *ret_is_any = false;
        for (size_t i = 0; i < rule->args.len; i++) {
                const oci_seccomp_arg *arg = &rule->args.items[i];
                int op = parse_operator(arg->op);
                if (op < 0)
                        return mn_fail(err, MN_INVALID,
                                       "linux.seccomp.syscalls[%zu].args[%zu].op: unknown operator \"%s\"",
                                       index, i, arg->op);
                if (arg->index > 5)
                        return mn_fail(err, MN_INVALID,
                                       "linux.seccomp.syscalls[%zu].args[%zu].index: %u is not 0 to 5", index,
                                       i, arg->index);
                /* As runc has it: two comparisons of one argument are alternatives. */
                *ret_is_any |= (seen & (1U << arg->index)) != 0;
                seen |= 1U << arg->index;
                list[i] = (seccomp_condition){ arg->index, (seccomp_operator) op, arg->value,
                                               arg->value_two };
        }
        *ret = list;
        return MN_OK;
}

static void add_case(seccomp_slot *slot, mn_arena *arena, uint32_t action,
                     const seccomp_condition *conditions, size_t len) {
        seccomp_case **end = &slot->cases;
        while (*end)
                end = &(*end)->next;
        *end = mn_arena_alloc(arena, sizeof(**end));
        **end = (seccomp_case){ .action = action, .conditions = conditions, .len = len };
}

/* `*at` is the row of the name before and becomes this one's. */
static seccomp_slot *slot_of(seccomp_rules *rules, const char *name, syscall_arch arch,
                             const syscall_row **at) {
        const syscall_row *row = syscall_find_after(*at, name);
        if (row)
                *at = row;
        int nr = row ? row->numbers[arch] : -1;
        if (nr >= RULE_ARM_PRIVATE && nr < RULE_ARM_PRIVATE + RULE_ARM_SLOTS)
                return &rules->slots[RULE_SLOTS + nr - RULE_ARM_PRIVATE];
        if (nr < 0 || nr >= RULE_SLOTS)
                return NULL;
        if (nr > rules->last)
                rules->last = nr;
        return &rules->slots[nr];
}

static mn_status add_rule(seccomp_rules *rules, const oci_seccomp_rule *rule, size_t index, syscall_arch arch,
                          mn_arena *arena, mn_err *err) {
        uint32_t action;
        seccomp_condition *conditions = NULL;
        bool is_any;
        if (!rule->names || !*rule->names)
                return mn_fail(err, MN_INVALID, "linux.seccomp.syscalls[%zu].names: empty", index);
        if (parse_action(rule->action, rule->errno_ret, &action) < 0)
                return mn_fail(err, MN_INVALID,
                               "linux.seccomp.syscalls[%zu].action: \"%s\" is unknown, takes no errnoRet, or "
                               "has too large a one",
                               index, rule->action);
        mn_status st = parse_conditions(rule, index, arena, &conditions, &is_any, err);
        if (st)
                return st;
        rules->has_notify |= action == SECCOMP_RET_USER_NOTIF;
        if (action == SECCOMP_RET_USER_NOTIF && mn_strv_has(rule->names, "sendmsg"))
                return mn_fail(err, MN_INVALID,
                               "linux.seccomp.syscalls[%zu].action: SCMP_ACT_NOTIFY is not possible for "
                               "sendmsg, which sends the listener",
                               index);
        const syscall_row *row = NULL;
        for (char **name = rule->names; *name; name++) {
                seccomp_slot *slot = slot_of(rules, *name, arch, &row);
                if (!slot || action == rules->default_action)
                        continue;
                if (rule->args.len == 0 && !slot->has_action) {
                        slot->has_action = true;
                        slot->action = action;
                } else if (is_any) {
                        for (size_t i = 0; i < rule->args.len; i++)
                                add_case(slot, arena, action, &conditions[i], 1);
                } else if (rule->args.len) {
                        add_case(slot, arena, action, conditions, rule->args.len);
                }
        }
        return MN_OK;
}

/* A call that is newer than the profile should look missing, not forbidden; only where the default is a
 * refusal. */
static uint32_t newer_action(uint32_t default_action) {
        switch (default_action & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ALLOW:
        case SECCOMP_RET_LOG:
        case SECCOMP_RET_TRACE:
        case SECCOMP_RET_USER_NOTIF:
                return default_action;
        default:
                return SECCOMP_RET_ERRNO | ENOSYS;
        }
}

mn_status seccomp_rules_read(const oci_seccomp *spec, syscall_arch arch, mn_arena *arena, seccomp_rules *ret,
                             mn_err *err) {
        memset(ret, 0, sizeof(*ret));
        if (parse_action(spec->default_action, spec->default_errno_ret, &ret->default_action) < 0)
                return mn_fail(err, MN_INVALID,
                               "linux.seccomp.defaultAction: \"%s\" is unknown, takes no errnoRet, or has "
                               "too large a one",
                               spec->default_action);
        ret->newer_action = newer_action(ret->default_action);
        if (ret->default_action == SECCOMP_RET_USER_NOTIF)
                return mn_fail(
                        err, MN_INVALID,
                        "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY is only possible for single calls");
        for (size_t i = 0; i < spec->syscalls.len; i++) {
                mn_status st = add_rule(ret, &spec->syscalls.items[i], i, arch, arena, err);
                if (st)
                        return st;
        }
        return MN_OK;
}
