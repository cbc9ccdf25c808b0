/* SPDX-License-Identifier: Apache-2.0 */
/* --gpus. */
#include <string.h>

#include "base/num.h"
#include "base/strv.h"
#include "cli/hostspec.h"
#include "cli/pairs.h"

/* Keys as Docker has them; each may be given once. */
typedef enum gpu_key { DRIVER, COUNT, DEVICE, CAPABILITIES, OPTIONS, NKEYS } gpu_key;
static const char *const keys[NKEYS] = { "driver", "count", "device", "capabilities", "options" };

static mn_status parse_count(const char *text, int32_t *ret, mn_err *err) {
        int count = -1;
        if (strcmp(text, "all") != 0 && mn_parse_int(text, INT32_MIN, INT32_MAX, &count))
                return mn_fail(
                        err, MN_INVALID,
                        "invalid count (%s): value must be either \"all\" or an integer: invalid syntax",
                        text);
        *ret = count;
        return MN_OK;
}

/* "a,b" as a list, with room for one more. */
static char **split(mn_arena *arena, const char *text) {
        size_t n = 0, commas = 0;
        for (const char *s = text; *s; s++)
                commas += *s == ',';
        char **list = mn_arena_array(arena, commas + 3, sizeof(char *));
        for (const char *s = text; *s; s++) {
                list[n++] = (char *) pairs_next_field(arena, &s);
                if (!*s)
                        break;
        }
        return list;
}

static mn_status set(mn_arena *arena, gpu_key key, const char *value, char ***capabilities,
                     wire_device_request *ret, mn_err *err) {
        switch (key) {
        case DRIVER:
                ret->driver = mn_arena_strdup(arena, value);
                return MN_OK;
        case COUNT:
                return parse_count(value, &ret->count, err);
        case DEVICE:
                ret->device_ids = split(arena, value);
                return MN_OK;
        case CAPABILITIES:
                *capabilities = split(arena, value);
                return MN_OK;
        case OPTIONS:
                pairs_add(arena, &ret->options, split(arena, value));
                return MN_OK;
        case NKEYS:
                break;
        }
        return MN_OK;
}

/* One field "key=value", or a bare count. */
static mn_status take(mn_arena *arena, const char *field, bool seen[NKEYS], char ***capabilities,
                      wire_device_request *ret, mn_err *err) {
        size_t len = strcspn(field, "="), key = 0;
        if (!field[len]) {
                seen[COUNT] = true;
                return parse_count(field, &ret->count, err);
        }
        while (key < NKEYS && !(strlen(keys[key]) == len && strncmp(keys[key], field, len) == 0))
                key++;
        if (key == NKEYS)
                return mn_fail(err, MN_INVALID, "unexpected key '%.*s' in '%s'", (int) len, field, field);
        if (seen[key])
                return mn_fail(err, MN_INVALID, "gpu request key '%s' can be specified only once", keys[key]);
        seen[key] = true;
        return set(arena, (gpu_key) key, field + len + 1, capabilities, ret, err);
}

mn_status hostspec_gpus(mn_arena *arena, const char *text, wire_device_request *ret, mn_err *err) {
        bool seen[NKEYS] = { false };
        char **capabilities = NULL;
        *ret = (wire_device_request){ 0 };
        for (const char *s = text;; s++) {
                mn_status status = take(arena, pairs_next_field(arena, &s), seen, &capabilities, ret, err);
                if (status)
                        return status;
                if (!*s)
                        break;
        }
        if (!seen[COUNT] && !seen[DEVICE])
                ret->count = 1;
        if (!capabilities)
                capabilities = mn_arena_array(arena, 2, sizeof(char *));
        if (!mn_strv_has(capabilities, "gpu"))
                capabilities[mn_strv_len(capabilities)] = mn_arena_strdup(arena, "gpu");
        ret->capabilities.items = mn_arena_alloc(arena, sizeof(*ret->capabilities.items));
        ret->capabilities.items[0] = capabilities;
        ret->capabilities.len = 1;
        return MN_OK;
}
