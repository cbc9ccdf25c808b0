/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: whatever parses must run over a document to its end, within bounds. */

#include <stdlib.h>
#include <string.h>

#include "codec/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] =
        "{\"Name\":\"web\",\"Size\":12,\"Ratio\":0.5,\"On\":true,\"None\":null,\"Env\":[\"A=b\",\"C\"],"
        "\"Labels\":{\"a\":\"b\",\"c\":\"\"},\"State\":{\"Status\":\"running\",\"Ports\":{\"80/"
        "tcp\":[{\"P\":\"1\"}]}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size > 4096)
                return 0;
        cleanup_arena mn_arena *arena = mn_arena_new();
        const mn_json *value;
        mn_template *t;
        if (mn_json_parse(arena, document, sizeof(document) - 1, NULL, &value, NULL))
                abort();
        const char *text = mn_arena_strndup(arena, (const char *) data, size);
        if (mn_template_parse(arena, text, &t, NULL))
                return 0;
        cleanup_str mn_str out = MN_STR_INIT(1 << 20);
        const mn_template_context ctx = { .is_missing_key_error = size % 2 };
        mn_status status = mn_template_execute(t, value, &ctx, arena, &out, NULL);
        mn_template_uses_field(t, "Size");
        (void) status;
        return 0;
}
