/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Between linux.seccomp and the program: what happens with each call number of one architecture. */

#include "base/vec.h"
#include "oci/runtime_spec.h"
#include "runtime/syscall_table.h"

enum {
        RULE_SLOTS = 512,
        RULE_ARM_PRIVATE = 0xf0000,
        RULE_ARM_SLOTS = 8,
        RULE_ALL = RULE_SLOTS + RULE_ARM_SLOTS
};

typedef enum seccomp_operator {
        OP_NE,
        OP_LT,
        OP_LE,
        OP_EQ,
        OP_GE,
        OP_GT,
        OP_MASKED_EQ,
        OP_COUNT
} seccomp_operator;

typedef struct seccomp_condition {
        uint32_t index;
        seccomp_operator op;
        uint64_t value, value_two;
} seccomp_condition;

/* Conditions that must all hold for an action. */
typedef struct seccomp_case {
        uint32_t action; /* SECCOMP_RET_* with its data */
        const seccomp_condition *conditions;
        size_t len;
        struct seccomp_case *next;
} seccomp_case;

typedef struct seccomp_slot {
        bool has_action; /* without conditions */
        uint32_t action;
        seccomp_case *cases; /* asked first, in order */
} seccomp_slot;

typedef struct seccomp_rules {
        uint32_t default_action;
        uint32_t newer_action; /* for numbers above `last` */
        int last;              /* highest regular number the profile speaks of */
        bool has_notify;
        seccomp_slot slots[RULE_ALL]; /* by number; the last eight are ARM's private calls */
} seccomp_rules;

/* Reads the rules for one architecture. */
mn_status seccomp_rules_read(const oci_seccomp *spec, syscall_arch arch, mn_arena *arena, seccomp_rules *ret,
                             mn_err *err) MN_MUST_USE;
