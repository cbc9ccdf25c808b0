/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/check.h"

#include <stddef.h>

#define FINDING(member) offsetof(wire_check_finding, member)
static const mn_field finding_fields[] = {
        { "Object", &mn_type_str, FINDING(object), 0 },
        { "Problem", &mn_type_str, FINDING(problem), 0 },
        { "Action", &mn_type_str, FINDING(action), 0 },
        { 0 },
};
static const mn_type finding_type = MN_STRUCT(wire_check_finding, finding_fields);
static const mn_type finding_list_type = MN_LIST_OF(&finding_type);

static const mn_field report_fields[] = {
        { "Findings", &finding_list_type, offsetof(wire_check_report, findings), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_check_report_type = MN_STRUCT(wire_check_report, report_fields);
