/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/platform.h"

#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

const char *platform_json(cli *c, const char *text) {
        if (mn_str_is_empty(text))
                return NULL;
        cleanup_strv char **parts = mn_strv_split(text, '/');
        size_t n = mn_strv_len(parts);
        if (n < 2 || n > 3)
                return text;
        cleanup_str mn_str json = MN_STR_INIT(0);
        mn_str_add(&json, "{\"architecture\":");
        mn_json_add_str(&json, parts[1]);
        mn_str_add(&json, ",\"os\":");
        mn_json_add_str(&json, parts[0]);
        if (n == 3) {
                mn_str_add(&json, ",\"variant\":");
                mn_json_add_str(&json, parts[2]);
        }
        mn_str_add_char(&json, '}');
        return mn_arena_strdup(c->arena, mn_str_text(&json));
}

void platform_add_query(cli *c, mn_str *target, const char *name, char *const *platforms) {
        for (; platforms && *platforms; platforms++)
                client_add_query(target, name, platform_json(c, *platforms));
}
