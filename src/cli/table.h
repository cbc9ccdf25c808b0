/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Columns aligned as Go's text/tabwriter aligns them. */

#include "base/str.h"

/* Appends `text`, whose cells end in tabs and whose rows end in line breaks, with every column as wide as its
 * widest cell plus `padding`, at least `min_width`. A row's last cell is not padded. */
void table_align(const char *text, size_t min_width, size_t padding, mn_str *out);
