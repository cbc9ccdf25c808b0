/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char digits[] = "0123456789abcdef";

void mn_random(void *buf, size_t len) {
        for (char *p = buf; len;) {
                ssize_t n = getrandom(p, len, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        abort();
                p += n;
                len -= (size_t) n;
        }
}

void mn_hex_encode(const void *bytes, size_t len, char *out) {
        const uint8_t *b = bytes;
        for (size_t i = 0; i < len; i++) {
                *out++ = digits[b[i] >> 4];
                *out++ = digits[b[i] & 15];
        }
        *out = '\0';
}

static int digit_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mn_hex_decode(const char *hex, void *out, size_t len) {
        uint8_t *b = out;
        if (strlen(hex) != 2 * len)
                return -EINVAL;
        for (size_t i = 0; i < len; i++) {
                int high = digit_value(hex[2 * i]), low = digit_value(hex[2 * i + 1]);
                if (high < 0 || low < 0)
                        return -EINVAL;
                b[i] = (uint8_t) (high << 4 | low);
        }
        return 0;
}

void mn_id_generate(char id[MN_ID_SIZE]) {
        do {
                uint8_t bytes[MN_ID_LEN / 2];
                mn_random(bytes, sizeof(bytes));
                mn_hex_encode(bytes, sizeof(bytes), id);
        } while (strspn(id, "0123456789") >= MN_SHORT_ID_LEN);
}

bool mn_id_is_prefix(const char *s) {
        size_t len = strlen(s);
        return len >= 1 && len <= MN_ID_LEN && strspn(s, digits) == len;
}
