/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the driver "local". */

#include <stdio.h>
#include <string.h>

#include "logs/record.h"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";

void logs_compact_head(mn_str *out, logs_stream stream, int64_t time_ns, const char *attrs) {
        char moment[LOGS_COMPACT_DIGITS];
        uint64_t rest = (uint64_t) time_ns;
        for (int i = LOGS_COMPACT_DIGITS - 1; i >= 0; i--, rest >>= 6)
                moment[i] = digits[rest & 63];
        mn_str_add_char(out, stream == LOGS_STDOUT ? 'o' : 'e');
        mn_str_add_len(out, moment, sizeof(moment));
        if (*attrs)
                mn_str_printf(out, "=%0*zx%s", LOGS_COMPACT_LENGTH, strlen(attrs), attrs);
        else
                mn_str_add_char(out, ' ');
}

static bool read_time(const char *p, int64_t *ret) {
        uint64_t value = 0;
        for (int i = 0; i < LOGS_COMPACT_DIGITS; i++) {
                const char *digit = p[i] ? strchr(digits, p[i]) : NULL;
                if (!digit || value >> 58)
                        return false;
                value = value << 6 | (uint64_t) (digit - digits);
        }
        *ret = (int64_t) value;
        return *ret >= 0;
}

/* "0001f{...}": moves `*p` behind it. */
static bool read_attrs(const char **p, const char *end, mn_arena *arena, mn_str_map *ret) {
        static const char hex[] = "0123456789abcdef";
        size_t len = 0;
        if (end - *p < LOGS_COMPACT_LENGTH)
                return false;
        for (int i = 0; i < LOGS_COMPACT_LENGTH; i++) {
                const char *digit = (*p)[i] ? strchr(hex, (*p)[i]) : NULL;
                if (!digit)
                        return false;
                len = len << 4 | (size_t) (digit - hex);
        }
        *p += LOGS_COMPACT_LENGTH;
        if ((size_t) (end - *p) < len ||
            mn_json_decode_text(&mn_type_str_map, *p, len, NULL, arena, MN_UNKNOWN_IGNORE, ret, NULL))
                return false;
        *p += len;
        return true;
}

bool logs_compact_decode(const char *line, size_t len, mn_arena *arena, logs_entry *ret) {
        enum { HEAD = 1 + LOGS_COMPACT_DIGITS + 1 };
        const char *kind = len < HEAD || !line[0] ? NULL : strchr("oeOE", line[0]);
        const char *p = line + HEAD, *end = line + len;
        if (!kind || !read_time(line + 1, &ret->time_ns))
                return false;
        if (line[HEAD - 1] == '=' ? !read_attrs(&p, end, arena, &ret->attrs) : line[HEAD - 1] != ' ')
                return false;
        bool has_newline = line[0] >= 'a';
        char *text = mn_arena_alloc(arena, (size_t) (end - p) + 2);
        ret->len = (size_t) (end - p);
        memcpy(text, p, ret->len);
        if (has_newline)
                text[ret->len++] = '\n';
        ret->text = text;
        ret->stream = line[0] == 'o' || line[0] == 'O' ? LOGS_STDOUT : LOGS_STDERR;
        return true;
}
