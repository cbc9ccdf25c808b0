/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include <errno.h>
#include <string.h>

/* Digits only, the whole string, at least one. */
static int parse_digits(const char *s, unsigned base, uint64_t max, uint64_t *ret) {
        if (!*s)
                return -EINVAL;
        uint64_t value = 0;
        int result = 0;
        for (; *s; s++) {
                if (*s < '0' || *s >= (char) ('0' + base))
                        return -EINVAL;
                uint64_t digit = (uint64_t) (*s - '0');
                if (result == 0 && (__builtin_mul_overflow(value, base, &value) ||
                                    __builtin_add_overflow(value, digit, &value) || value > max))
                        result = -ERANGE; /* go on: "99...9x" is not a number at all */
        }
        if (result == 0)
                *ret = value;
        return result;
}

int mn_parse_u64(const char *s, uint64_t max, uint64_t *ret) {
        return s ? parse_digits(s, 10, max, ret) : -EINVAL;
}

int mn_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret) {
        if (!s)
                return -EINVAL;
        bool is_negative = *s == '-';
        uint64_t magnitude;
        int r = parse_digits(s + is_negative, 10, is_negative ? (uint64_t) INT64_MAX + 1 : INT64_MAX,
                             &magnitude);
        if (r < 0)
                return r;
        int64_t value = is_negative ? (int64_t) -magnitude : (int64_t) magnitude;
        if (value < min || value > max)
                return -ERANGE;
        *ret = value;
        return 0;
}

int mn_parse_int(const char *s, int min, int max, int *ret) {
        int64_t value;
        int r = mn_parse_i64(s, min, max, &value);
        if (r == 0)
                *ret = (int) value;
        return r;
}

int mn_parse_octal(const char *s, uint32_t max, uint32_t *ret) {
        uint64_t value;
        int r = s ? parse_digits(s, 8, max, &value) : -EINVAL;
        if (r == 0)
                *ret = (uint32_t) value;
        return r;
}

int mn_parse_bool(const char *s, bool *ret) {
        static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
        static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
        for (unsigned i = 0; s && i < 6; i++) {
                bool is_yes = strcmp(s, yes[i]) == 0;
                if (is_yes || strcmp(s, no[i]) == 0) {
                        *ret = is_yes;
                        return 0;
                }
        }
        return -EINVAL;
}
