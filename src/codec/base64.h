/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Base64 (RFC 4648): credentials, keys, signatures. */

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Appends the decoded bytes. Both alphabets ("+/" and "-_") are read, padding may be missing; anything else,
   white space included, is -EINVAL. `*out` may then hold a part. */
int mn_base64_decode(const char *text, size_t len, mn_str *out);

/* Appends the encoded text, with padding; `is_url` chooses "-_". */
void mn_base64_encode(const void *bytes, size_t len, bool is_url, mn_str *out);
