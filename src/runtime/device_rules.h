/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* linux.resources.devices as rules: the last one that fits wins. */

#include "base/vec.h"
#include "oci/runtime_spec.h"

enum { DEVICE_ANY = -1, DEVICE_ANY_TYPE = 0 };

typedef struct device_rule {
        bool is_allowed;
        short type;           /* BPF_DEVCG_DEV_*, DEVICE_ANY_TYPE */
        int64_t major, minor; /* DEVICE_ANY */
        int access;           /* BPF_DEVCG_ACC_* */
} device_rule;

typedef MN_VEC(device_rule) device_rule_list;

/* The configuration's rules and those every container has; the caller releases the list. `*ret_default` says
   what holds where no rule fits. MN_INVALID names the JSON path. */
mn_status device_rules_collect(const oci_resources *res, device_rule_list *rules, bool *ret_default,
                               mn_err *err) MN_MUST_USE;
