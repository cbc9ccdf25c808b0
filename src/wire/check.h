/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* POST /system/check, which Docker does not have. */

#include "codec/json.h"

typedef struct wire_check_finding {
        char *object; /* "layer sha256:...", "image sha256:...", "document sha256:..." */
        char *problem;
        char *action; /* what was done about it; "" when nothing was */
} wire_check_finding;

typedef struct wire_check_report {
        MN_LIST(wire_check_finding) findings;
} wire_check_report;
extern const mn_type wire_check_report_type;
