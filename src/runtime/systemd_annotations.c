/* SPDX-License-Identifier: Apache-2.0 */
/* Properties that a bundle gives as annotations. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "runtime/systemd_properties.h"

enum { US_PER_S = 1000000 };

#define PREFIX "org.systemd.property."

static bool is_property_name(const char *name) {
        size_t len = strlen(name);
        return len >= 3 && *name >= 'A' && *name <= 'Z' &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

/* 'text' or "text" without escapes; moves `*at` behind it. NULL when it is not one. */
static char *quoted(const char **at) {
        char quote = **at;
        const char *end = quote == '\'' || quote == '"' ? strchr(*at + 1, quote) : NULL;
        if (!end || memchr(*at + 1, '\\', (size_t) (end - *at - 1)))
                return NULL;
        char *text = mn_strndup(*at + 1, (size_t) (end - *at - 1));
        *at = end + 1;
        return text;
}

static int put_string_array(mn_str *body, const char *name, const char *at) {
        systemd_put_begin(body, name, "as");
        mn_dbus_array array = mn_dbus_begin_array(body, 4);
        for (at += 1 + strspn(at + 1, " "); *at != ']'; at += strspn(at, ", ")) {
                cleanup_free char *text = quoted(&at);
                if (!text)
                        return -EINVAL;
                mn_dbus_put_string(body, text);
        }
        mn_dbus_end_array(body, array);
        return at[1] ? -EINVAL : 0;
}

/* "uint64 5", "5": an int32 without a type, as in GVariant. */
static int put_typed_number(mn_str *body, const char *name, const char *value) {
        int64_t number;
        if (mn_str_has_prefix(value, "uint64 ")) {
                uint64_t big;
                if (mn_parse_u64(value + 7, UINT64_MAX, &big) < 0)
                        return -EINVAL;
                systemd_put_u64(body, name, big);
                return 0;
        }
        bool is_unsigned = mn_str_has_prefix(value, "uint32 "), is_typed = mn_str_has_prefix(value, "int32 ");
        if (mn_parse_i64(value + (is_unsigned ? 7
                                  : is_typed  ? 6
                                              : 0),
                         is_unsigned ? 0 : INT32_MIN, is_unsigned ? UINT32_MAX : INT32_MAX, &number) < 0)
                return -EINVAL;
        systemd_put_begin(body, name, is_unsigned ? "u" : "i");
        mn_dbus_put_u32(body, (uint32_t) number);
        return 0;
}

static int put_seconds(mn_str *body, const char *name, const char *value) {
        uint64_t seconds;
        const char *digits = mn_str_has_prefix(value, "uint64 ") || mn_str_has_prefix(value, "uint32 ")
                                     ? value + 7
                                     : value;
        if (mn_parse_u64(digits, UINT64_MAX / US_PER_S - 1, &seconds) < 0)
                return -EINVAL;
        cleanup_free char *usec = mn_asprintf("%.*sUSec", (int) (strlen(name) - 3), name);
        systemd_put_u64(body, usec, seconds * US_PER_S);
        return 0;
}

static int put_annotation(mn_str *body, const char *name, const char *value) {
        if (!is_property_name(name))
                return -EINVAL;
        if (mn_str_has_suffix(name, "Sec") && !mn_str_has_suffix(name, "USec"))
                return put_seconds(body, name, value);
        if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
                systemd_put_bool(body, name, *value == 't');
                return 0;
        }
        if (*value == '[')
                return put_string_array(body, name, value);
        if (*value != '\'' && *value != '"')
                return put_typed_number(body, name, value);
        cleanup_free char *text = quoted(&value);
        if (!text || *value)
                return -EINVAL;
        systemd_put_text(body, name, text);
        return 0;
}

mn_status systemd_put_annotations(mn_str *body, const mn_str_map *annotations, mn_err *err) {
        for (size_t i = 0; i < annotations->len; i++) {
                const char *key = annotations->items[i].key, *value = annotations->items[i].value;
                if (!mn_str_has_prefix(key, PREFIX))
                        continue;
                if (put_annotation(body, key + strlen(PREFIX), value) < 0)
                        return mn_fail(err, MN_INVALID, "annotations: %s: \"%s\" is not a property's value",
                                       key, value);
        }
        return MN_OK;
}
