/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097, DAYS_TO_EPOCH = 719468 };

static int64_t clock_ns(clockid_t clock) {
        struct timespec t;
        clock_gettime(clock, &t);
        return t.tv_sec * MN_NS_PER_SEC + t.tv_nsec;
}

int64_t mn_now_ns(void) {
        return clock_ns(CLOCK_REALTIME);
}

int64_t mn_monotonic_ns(void) {
        return clock_ns(CLOCK_MONOTONIC);
}

/* Splits into seconds and a fraction that is never negative. The calendar is our own: gmtime_r() reads the
   time zone first, which is a file and a tenth of a millisecond for every program. */
static void split(int64_t ns, struct tm *tm, long *fraction) {
        int64_t seconds = ns / MN_NS_PER_SEC;
        *fraction = (long) (ns % MN_NS_PER_SEC);
        if (*fraction < 0) {
                *fraction += MN_NS_PER_SEC;
                seconds--;
        }
        int64_t days = seconds / SECONDS_PER_DAY, second = seconds % SECONDS_PER_DAY;
        if (second < 0) {
                second += SECONDS_PER_DAY;
                days--;
        }
        /* Years that begin on March 1, so that a leap day is the last one; eras of 400 years. */
        days += DAYS_TO_EPOCH;
        int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
        int64_t day = days - era * DAYS_PER_ERA;
        int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
        day -= 365 * year + year / 4 - year / 100;
        int64_t month = (5 * day + 2) / 153;
        *tm = (struct tm){
                .tm_sec = (int) (second % 60),
                .tm_min = (int) (second / 60 % 60),
                .tm_hour = (int) (second / 3600),
                .tm_mday = (int) (day - (153 * month + 2) / 5) + 1,
                .tm_mon = (int) (month < 10 ? month + 2 : month - 10),
                .tm_year = (int) (era * 400 + year + (month >= 10)) - 1900,
        };
}

static int format_seconds(const struct tm *tm, char *buf) {
        return snprintf(buf, MN_TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", tm->tm_year + 1900,
                        tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec);
}

const char *mn_time_format_nano(int64_t ns, char buf[MN_TIME_TEXT_SIZE]) {
        struct tm tm;
        long fraction;
        split(ns, &tm, &fraction);
        int len = format_seconds(&tm, buf);
        snprintf(buf + len, (size_t) (MN_TIME_TEXT_SIZE - len), ".%09ldZ", fraction);
        return buf;
}

const char *mn_time_format(int64_t ns, char buf[MN_TIME_TEXT_SIZE]) {
        if (ns == 0)
                return memcpy(buf, MN_TIME_ZERO_TEXT, sizeof(MN_TIME_ZERO_TEXT));
        mn_time_format_nano(ns == MN_TIME_EPOCH ? 0 : ns, buf);
        char *end = strchr(buf, 'Z');
        while (end[-1] == '0')
                end--;
        if (end[-1] == '.')
                end--;
        end[0] = 'Z';
        end[1] = '\0';
        return buf;
}

/* Reads exactly `n` digits. */
static bool read_digits(const char **s, int n, int *ret) {
        int value = 0;
        for (int i = 0; i < n; i++) {
                if (!isdigit((unsigned char) (*s)[i]))
                        return false;
                value = value * 10 + ((*s)[i] - '0');
        }
        *s += n;
        *ret = value;
        return true;
}

static bool read_char(const char **s, char c) {
        if (**s != c)
                return false;
        (*s)++;
        return true;
}

static bool read_date_time(const char **s, struct tm *tm) {
        if (!read_digits(s, 4, &tm->tm_year) || !read_char(s, '-') || !read_digits(s, 2, &tm->tm_mon) ||
            !read_char(s, '-') || !read_digits(s, 2, &tm->tm_mday))
                return false;
        if (**s != 'T' && **s != 't' && **s != ' ')
                return false;
        (*s)++;
        if (!read_digits(s, 2, &tm->tm_hour) || !read_char(s, ':') || !read_digits(s, 2, &tm->tm_min) ||
            !read_char(s, ':') || !read_digits(s, 2, &tm->tm_sec))
                return false;
        static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        return tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 &&
               tm->tm_mday <= days[tm->tm_mon - 1] && tm->tm_hour <= 23 && tm->tm_min <= 59 &&
               tm->tm_sec <= 60;
}

static bool read_fraction(const char **s, int64_t *ret_ns) {
        int64_t ns = 0;
        if (read_char(s, '.')) {
                int64_t unit = MN_NS_PER_SEC / 10;
                if (!isdigit((unsigned char) **s))
                        return false;
                for (; isdigit((unsigned char) **s); (*s)++, unit /= 10)
                        ns += (**s - '0') * unit;
        }
        *ret_ns = ns;
        return true;
}

static bool read_offset(const char **s, int *ret_seconds) {
        if (read_char(s, 'Z') || read_char(s, 'z')) {
                *ret_seconds = 0;
                return true;
        }
        int sign = **s == '-' ? -1 : 1, hours, minutes;
        if (!read_char(s, '+') && !read_char(s, '-'))
                return false;
        if (!read_digits(s, 2, &hours) || !read_char(s, ':') || !read_digits(s, 2, &minutes) || hours > 23 ||
            minutes > 59)
                return false;
        *ret_seconds = sign * (hours * 3600 + minutes * 60);
        return true;
}

/* Seconds since the epoch of a date whose year and month are as written. The inverse of split(). */
static int64_t seconds_of(const struct tm *tm) {
        bool is_after_february = tm->tm_mon > 2;
        int64_t year = tm->tm_year - !is_after_february, month = tm->tm_mon + (is_after_february ? -3 : 9);
        int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + tm->tm_mday -
                       1 - DAYS_TO_EPOCH;
        return days * SECONDS_PER_DAY + tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

int mn_time_parse(const char *s, int64_t *ret_ns) {
        struct tm tm = { 0 };
        int64_t fraction;
        int offset;
        if (!s || !read_date_time(&s, &tm) || !read_fraction(&s, &fraction) || !read_offset(&s, &offset) ||
            *s)
                return -EINVAL;
        if (tm.tm_year <= 1) { /* Go's zero time */
                *ret_ns = 0;
                return 0;
        }
        if (tm.tm_year < 1678 || tm.tm_year > 2261) /* what nanoseconds in 64 bits can hold */
                return -EINVAL;
        int64_t ns = (seconds_of(&tm) - offset) * MN_NS_PER_SEC + fraction;
        *ret_ns = ns ? ns : MN_TIME_EPOCH;
        return 0;
}
