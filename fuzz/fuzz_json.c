/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what parses must write back to something that parses to the same text again. */

#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        const mn_json_limits limits = { .allows_duplicate_keys = size % 2 };
        const mn_json *value, *again;
        if (mn_json_parse(arena, (const char *) data, size, &limits, &value, NULL))
                return 0;
        cleanup_str mn_str first = MN_STR_INIT(0), second = MN_STR_INIT(0);
        mn_json_write(value, &first);
        if (mn_json_parse(arena, mn_str_text(&first), first.len, &limits, &again, NULL))
                abort();
        mn_json_write(again, &second);
        if (strcmp(mn_str_text(&first), mn_str_text(&second)) != 0)
                abort();
        return 0;
}
