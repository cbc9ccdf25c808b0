/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/time.h"
#include "wire/filter.h"

/* Digits of a fraction as nanoseconds; what comes after the ninth is cut. */
static int parse_fraction(const char *digits, int64_t *ret_ns) {
        int64_t unit = MN_NS_PER_SEC / 10, ns = 0;
        for (; *digits; digits++, unit /= 10) {
                if (!isdigit((unsigned char) *digits))
                        return -EINVAL;
                ns += (*digits - '0') * unit;
        }
        *ret_ns = ns;
        return 0;
}

/* "SECONDS[.FRACTION]" since the epoch. */
static int parse_seconds(const char *text, int64_t *ret_ns) {
        char whole[24];
        size_t len = strcspn(text, ".");
        int64_t seconds, fraction = 0;
        if (len == 0 || len >= sizeof(whole))
                return -EINVAL;
        memcpy(whole, text, len);
        whole[len] = '\0';
        int r = mn_parse_i64(whole, INT64_MIN / MN_NS_PER_SEC + 1, INT64_MAX / MN_NS_PER_SEC - 1, &seconds);
        if (r == 0 && text[len] == '.')
                r = parse_fraction(text + len + 1, &fraction);
        if (r == 0)
                *ret_ns = seconds * MN_NS_PER_SEC + fraction;
        return r;
}

/* Nanoseconds of a unit of a Go duration; advances past it. 0 when it is none. */
static int64_t duration_unit(const char **s) {
        static const struct {
                const char *name;
                int64_t ns;
        } units[] = { { "ns", 1 },
                      { "us", 1000 },
                      { "ms", 1000000 },
                      { "s", MN_NS_PER_SEC },
                      { "m", 60 * MN_NS_PER_SEC },
                      { "h", 3600 * MN_NS_PER_SEC } };
        for (size_t i = 0; i < MN_ARRAY_LEN(units); i++) {
                size_t len = strlen(units[i].name);
                if (strncmp(*s, units[i].name, len) == 0) {
                        *s += len;
                        return units[i].ns;
                }
        }
        return 0;
}

/* "1h30m", "90s", "1.5h". */
static int parse_go_duration(const char *s, int64_t *ret_ns) {
        int64_t total = 0;
        if (!*s)
                return -EINVAL;
        while (*s) {
                double number = 0, scale = 1;
                const char *start = s;
                for (; isdigit((unsigned char) *s); s++)
                        number = number * 10 + (*s - '0');
                if (*s == '.') {
                        for (s++; isdigit((unsigned char) *s); s++)
                                number += (*s - '0') * (scale /= 10);
                }
                int64_t unit = s == start ? 0 : duration_unit(&s);
                if (unit == 0 || number > (double) (INT64_MAX / 4) / (double) unit)
                        return -EINVAL;
                int64_t part = (int64_t) (number * (double) unit);
                if (part > INT64_MAX / 2 - total)
                        return -EINVAL;
                total += part;
        }
        *ret_ns = total;
        return 0;
}

/* Dates without time or zone, which Docker also takes: completed to RFC 3339 in UTC. */
static int parse_date(const char *text, int64_t *ret_ns) {
        static const char full[] = "0000-00-00T00:00:00Z";
        char complete[sizeof(full)];
        size_t len = strlen(text);
        if (mn_time_parse(text, ret_ns) == 0)
                return 0;
        if (len != 10 && len != 13 && len != 16 && len != 19)
                return -EINVAL;
        memcpy(complete, full, sizeof(full));
        memcpy(complete, text, len);
        return mn_time_parse(complete, ret_ns);
}

int wire_time_parse(const char *text, int64_t now_ns, int64_t *ret_ns) {
        int64_t duration;
        *ret_ns = 0;
        if (!text || !*text || strcmp(text, "0") == 0)
                return 0;
        if (parse_seconds(text, ret_ns) == 0)
                return 0;
        if (parse_go_duration(text, &duration) == 0) {
                *ret_ns = now_ns - duration;
                return 0;
        }
        return parse_date(text, ret_ns);
}
