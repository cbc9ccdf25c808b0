/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* JSON documents that are kept as they were read and changed member by member. Values are shared, objects
 * that change are copied; all in the arena. */

#include "codec/json.h"

mn_json *document_text(mn_arena *arena, const char *text);
mn_json *document_bool(mn_arena *arena, bool value);

/* A copy of `object` (NULL: an empty one) with `key` replaced or appended, or, for a NULL value, left out.
 * The value is copied, too. */
mn_json *document_with(mn_arena *arena, const mn_json *object, const char *key, const mn_json *value);
