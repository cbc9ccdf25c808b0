/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/size.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

/* A plain decimal number; hexadecimal, "inf" and "nan" of strtod are not sizes. */
static int parse_decimal(const char *text, double *ret) {
        char *end;
        if (!*text || text[strspn(text, "+-0123456789.eE")])
                return -1;
        *ret = strtod(text, &end);
        return *end ? -1 : 0;
}

/* Multiplier of a unit ("k", "kb", "kib" ...), 0 when it is none. */
static double unit_of(const char *suffix) {
        static const char units[] = "kmgtp";
        if (!*suffix || strcasecmp(suffix, "b") == 0)
                return 1;
        const char *unit = strchr(units, tolower((unsigned char) *suffix));
        if (!unit || (suffix[1] && strcasecmp(suffix + 1, "b") != 0 && strcasecmp(suffix + 1, "ib") != 0))
                return 0;
        return (double) (1ULL << (10 * (unit - units + 1)));
}

mn_status mn_size_parse(const char *text, int64_t *ret_bytes, mn_err *err) {
        const char *end = text + strlen(text);
        while (end > text && !strchr("0123456789. ", end[-1]))
                end--;
        if (end == text)
                return mn_fail(err, MN_INVALID, "invalid size: '%s'", text);
        cleanup_free char *number = mn_strndup(text, (size_t) (end - text) - (end[-1] == ' '));
        double value;
        if (parse_decimal(number, &value))
                return mn_fail(err, MN_INVALID, "strconv.ParseFloat: parsing \"%s\": invalid syntax", number);
        if (value < 0)
                return mn_fail(err, MN_INVALID, "invalid size: '%s'", text);
        double unit = unit_of(end);
        if (unit == 0)
                return mn_fail(err, MN_INVALID, "invalid suffix: '%s'", end);
        value *= unit;
        if (value >= 9223372036854775808.0)
                return mn_fail(err, MN_INVALID, "invalid size: '%s'", text);
        *ret_bytes = (int64_t) value;
        return MN_OK;
}

static const char *human(double bytes, double base, const char *const *units, int precision,
                         char buf[MN_SIZE_TEXT_SIZE]) {
        size_t i = 0;
        while (bytes >= base && i < 8) {
                bytes /= base;
                i++;
        }
        snprintf(buf, MN_SIZE_TEXT_SIZE, "%.*g%s", precision, bytes, units[i]);
        return buf;
}

const char *mn_size_human(double bytes, int precision, char buf[MN_SIZE_TEXT_SIZE]) {
        static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" };
        return human(bytes, 1000, units, precision, buf);
}

const char *mn_size_binary(double bytes, char buf[MN_SIZE_TEXT_SIZE]) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" };
        return human(bytes, 1024, units, 4, buf);
}
