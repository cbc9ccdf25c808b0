/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/keys.h"

#include <errno.h>
#include <string.h>

/* Code of one key, -1 when it is none. */
static int key_code(const char *key, size_t len) {
        static const char others[] = "[\\]^_";
        if (len == 1)
                return (unsigned char) *key;
        if (len == 3 && memcmp(key, "DEL", 3) == 0)
                return 0x7f;
        if (len != 6 || memcmp(key, "ctrl-", 5) != 0)
                return -1;
        char c = key[5];
        if (c == '@')
                return 0;
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 1;
        const char *other = c ? strchr(others, c) : NULL;
        return other ? 0x1b + (int) (other - others) : -1;
}

int mn_keys_parse(const char *text, mn_keys *ret, const char **ret_bad, size_t *ret_len) {
        mn_keys keys = { 0 };
        const char *p = text && *text ? text : "ctrl-p,ctrl-q";
        for (bool is_last = false; !is_last;) {
                size_t len = strcspn(p, ",");
                int code = key_code(p, len);
                if (code < 0 || keys.len == MN_KEYS_MAX) {
                        if (ret_bad) {
                                *ret_bad = p;
                                *ret_len = len;
                        }
                        return -EINVAL;
                }
                keys.codes[keys.len++] = (uint8_t) code;
                is_last = p[len] == '\0';
                p += len + 1;
        }
        *ret = keys;
        return 0;
}

bool mn_keys_filter(mn_keys *keys, const uint8_t *typed, size_t len, uint8_t *out, size_t *ret_len) {
        size_t n = 0;
        for (size_t i = 0; i < len; i++) {
                if (keys->len && keys->matched && typed[i] != keys->codes[keys->matched]) {
                        memcpy(out + n, keys->codes, keys->matched);
                        n += keys->matched;
                        keys->matched = 0;
                }
                if (!keys->len || typed[i] != keys->codes[keys->matched]) {
                        out[n++] = typed[i];
                } else if (++keys->matched == keys->len) {
                        keys->matched = 0;
                        *ret_len = n;
                        return true;
                }
        }
        *ret_len = n;
        return false;
}
