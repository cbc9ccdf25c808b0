/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/duration.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macro.h"
#include "base/time.h"
#include "base/str.h"

/* Nanoseconds of the unit at `*s`, which moves behind it; 0 when it is none. */
static int64_t read_unit(const char **s) {
        static const struct {
                const char *name;
                int64_t ns;
        } units[] = {
                { "ns", 1 },
                { "us", 1000 },
                { "\xc2\xb5s", 1000 },
                { "\xce\xbcs", 1000 },
                { "ms", MN_NS_PER_MS },
                { "s", MN_NS_PER_SEC },
                { "m", 60 * MN_NS_PER_SEC },
                { "h", 3600 * MN_NS_PER_SEC },
        };
        size_t len = strcspn(*s, "0123456789.");
        for (size_t i = 0; i < MN_ARRAY_LEN(units); i++)
                if (len == strlen(units[i].name) && strncmp(*s, units[i].name, len) == 0) {
                        *s += len;
                        return units[i].ns;
                }
        return 0;
}

/* One "1.5h" of a duration added to `*total`. */
static int read_part(const char **s, int64_t *total) {
        int64_t whole = 0, part;
        double fraction = 0, scale = 1;
        const char *begin = *s;
        for (; isdigit((unsigned char) **s); (*s)++)
                if (__builtin_mul_overflow(whole, 10, &whole) ||
                    __builtin_add_overflow(whole, **s - '0', &whole))
                        return -ERANGE;
        bool has_digits = *s > begin;
        if (**s == '.')
                for ((*s)++; isdigit((unsigned char) **s); (*s)++) {
                        scale /= 10;
                        fraction += (**s - '0') * scale;
                        has_digits = true;
                }
        if (!has_digits)
                return -EINVAL;
        int64_t unit = read_unit(s);
        if (!unit)
                return -EINVAL;
        if (__builtin_mul_overflow(whole, unit, &part) ||
            __builtin_add_overflow(part, (int64_t) (fraction * (double) unit + 0.5), &part) ||
            __builtin_add_overflow(*total, part, total))
                return -ERANGE;
        return 0;
}

int mn_duration_parse(const char *text, int64_t *ret_ns) {
        bool is_negative = *text == '-';
        const char *s = text + (*text == '-' || *text == '+');
        int64_t total = 0;
        if (strcmp(s, "0") == 0) {
                *ret_ns = 0;
                return 0;
        }
        if (!*s)
                return -EINVAL;
        while (*s) {
                int r = read_part(&s, &total);
                if (r < 0)
                        return r;
        }
        *ret_ns = is_negative ? -total : total;
        return 0;
}

const char *mn_duration_format(int64_t ns, char buf[MN_DURATION_TEXT_SIZE]) {
        const char *sign = ns < 0 ? "-" : "";
        uint64_t size = ns < 0 ? -(uint64_t) ns : (uint64_t) ns;
        char number[32];
        if (size == 0)
                return mn_str_copy(buf, MN_DURATION_TEXT_SIZE, "0s");
        uint64_t unit = size < 1000            ? 1
                        : size < 1000000       ? 1000
                        : size < MN_NS_PER_SEC ? 1000000
                                               : MN_NS_PER_SEC;
        const char *name = unit == 1 ? "ns" : unit == 1000 ? "\xc2\xb5s" : unit == 1000000 ? "ms" : "s";
        uint64_t rest = unit == MN_NS_PER_SEC ? size % (60 * (uint64_t) MN_NS_PER_SEC) : size;
        int digits = unit == 1 ? 0 : unit == 1000 ? 3 : unit == 1000000 ? 6 : 9;
        int n = snprintf(number, sizeof(number), "%llu.%0*llu", (unsigned long long) (rest / unit), digits,
                         (unsigned long long) (rest % unit));
        while (n > 0 && number[n - 1] == '0')
                number[--n] = '\0';
        if (n > 0 && number[n - 1] == '.')
                number[--n] = '\0';
        uint64_t minutes = size / (60 * (uint64_t) MN_NS_PER_SEC);
        if (minutes >= 60)
                snprintf(buf, MN_DURATION_TEXT_SIZE, "%s%lluh%llum%s%s", sign,
                         (unsigned long long) (minutes / 60), (unsigned long long) (minutes % 60), number,
                         name);
        else if (minutes)
                snprintf(buf, MN_DURATION_TEXT_SIZE, "%s%llum%s%s", sign, (unsigned long long) minutes,
                         number, name);
        else
                snprintf(buf, MN_DURATION_TEXT_SIZE, "%s%s%s", sign, number, name);
        return buf;
}

const char *mn_duration_human(int64_t ns, char buf[MN_DURATION_TEXT_SIZE]) {
        int64_t seconds = ns / MN_NS_PER_SEC, minutes = seconds / 60;
        int64_t hours = ns / (1800 * MN_NS_PER_SEC) / 2 + ns / (1800 * MN_NS_PER_SEC) % 2;
        const char *unit;
        int64_t count;
        if (seconds < 1)
                return mn_str_copy(buf, MN_DURATION_TEXT_SIZE, "Less than a second");
        if (seconds == 1)
                return mn_str_copy(buf, MN_DURATION_TEXT_SIZE, "1 second");
        if (seconds >= 60 && minutes == 1)
                return mn_str_copy(buf, MN_DURATION_TEXT_SIZE, "About a minute");
        if (minutes >= 60 && hours == 1)
                return mn_str_copy(buf, MN_DURATION_TEXT_SIZE, "About an hour");
        if (seconds < 60)
                unit = "seconds", count = seconds;
        else if (minutes < 60)
                unit = "minutes", count = minutes;
        else if (hours < 48)
                unit = "hours", count = hours;
        else if (hours < 24 * 7 * 2)
                unit = "days", count = hours / 24;
        else if (hours < 24 * 30 * 2)
                unit = "weeks", count = hours / 24 / 7;
        else if (hours < 24 * 365 * 2)
                unit = "months", count = hours / 24 / 30;
        else
                unit = "years", count = seconds / 3600 / 24 / 365;
        snprintf(buf, MN_DURATION_TEXT_SIZE, "%lld %s", (long long) count, unit);
        return buf;
}

/* "1136073845", "1136073845.000000001". */
static int parse_epoch(const char *text, int64_t *ret_ns) {
        char *end;
        if (!isdigit((unsigned char) *text) && *text != '-')
                return -EINVAL;
        errno = 0;
        long long seconds = strtoll(text, &end, 10);
        int64_t ns = 0, scale = MN_NS_PER_SEC, total;
        if (*end == '.')
                for (end++; isdigit((unsigned char) *end); end++) {
                        scale /= 10;
                        ns += (*end - '0') * scale;
                }
        if (*end || errno)
                return -EINVAL;
        if (__builtin_mul_overflow((int64_t) seconds, MN_NS_PER_SEC, &total) ||
            __builtin_add_overflow(total, ns, &total))
                return -ERANGE;
        *ret_ns = total;
        return 0;
}

/* RFC 3339 whose end may be missing; without a zone it is local time. */
static int parse_partial(const char *text, int64_t *ret_ns) {
        static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
                                               "%Y-%m-%d" };
        for (size_t i = 0; i < MN_ARRAY_LEN(formats); i++) {
                struct tm tm = { .tm_isdst = -1 };
                const char *rest = strptime(text, formats[i], &tm);
                if (!rest)
                        continue;
                int64_t ns = 0, scale = MN_NS_PER_SEC;
                if (*rest == '.' && i == 0)
                        for (rest++; isdigit((unsigned char) *rest); rest++) {
                                scale /= 10;
                                ns += (*rest - '0') * scale;
                        }
                bool is_utc = strcmp(rest, "Z") == 0;
                if (*rest && !is_utc)
                        continue;
                *ret_ns = (int64_t) (is_utc ? timegm(&tm) : mktime(&tm)) * MN_NS_PER_SEC + ns;
                return 0;
        }
        return -EINVAL;
}

int mn_moment_parse(const char *text, int64_t now_ns, int64_t *ret_ns) {
        int64_t duration;
        if (mn_duration_parse(text, &duration) == 0 && strcmp(text, "0") != 0) {
                *ret_ns = now_ns - duration;
                return 0;
        }
        if (mn_time_parse(text, ret_ns) == 0 || parse_partial(text, ret_ns) == 0)
                return 0;
        return parse_epoch(text, ret_ns);
}
