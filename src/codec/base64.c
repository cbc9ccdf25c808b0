/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include <errno.h>
#include <stdint.h>

static int value_of(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == '+' || c == '-')
                return 62;
        return c == '/' || c == '_' ? 63 : -1;
}

int mn_base64_decode(const char *text, size_t len, mn_str *out) {
        size_t padding = 0;
        while (padding < 2 && len > 0 && text[len - 1] == '=') {
                len--;
                padding++;
        }
        if (len % 4 == 1 || (padding && (len + padding) % 4))
                return -EINVAL;
        uint32_t bits = 0;
        unsigned nbits = 0;
        for (size_t i = 0; i < len; i++) {
                int value = value_of(text[i]);
                if (value < 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t) value;
                nbits += 6;
                if (nbits < 8)
                        continue;
                nbits -= 8;
                mn_str_add_char(out, (char) (bits >> nbits & 0xff));
        }
        return mn_str_error(out);
}

void mn_base64_encode(const void *bytes, size_t len, bool is_url, mn_str *out) {
        static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        const char *last = is_url ? "-_" : "+/";
        const uint8_t *in = bytes;
        for (size_t i = 0; i < len; i += 3) {
                uint32_t group = (uint32_t) in[i] << 16;
                group |= i + 1 < len ? (uint32_t) in[i + 1] << 8 : 0;
                group |= i + 2 < len ? in[i + 2] : 0;
                for (size_t k = 0; k < 4; k++) {
                        uint32_t value = group >> (18 - 6 * k) & 63;
                        if (i + k > len)
                                mn_str_add_char(out, '=');
                        else
                                mn_str_add_char(out, value < 62 ? common[value] : last[value - 62]);
                }
        }
}
