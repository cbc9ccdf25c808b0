/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/http.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { MAX_PARAMS = 1000 };

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) tolower((unsigned char) c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes `len` bytes once; NULL for a broken escape or a NUL. */
static char *decode(mn_arena *arena, const char *s, size_t len, bool plus_is_space) {
        char *text = mn_arena_alloc(arena, len + 1), *to = text;
        for (size_t i = 0; i < len; i++) {
                char c = s[i];
                if (c == '%') {
                        if (len - i < 3 || hex_value(s[i + 1]) < 0 || hex_value(s[i + 2]) < 0)
                                return NULL;
                        c = (char) (hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
                        if (c == '\0')
                                return NULL;
                        i += 2;
                } else if (c == '+' && plus_is_space) {
                        c = ' ';
                }
                *to++ = c;
        }
        return text;
}

int mn_http_parse_query(mn_arena *arena, const char *query, mn_http_query *ret) {
        size_t count = 0;
        for (const char *s = query; *s; s++)
                count += *s == '&';
        if (count >= MAX_PARAMS || strchr(query, ';'))
                return -EBADMSG;
        mn_http_query q = { .items = mn_arena_array(arena, count + 1, sizeof(mn_http_param)) };
        for (const char *s = query; *s;) {
                size_t len = strcspn(s, "&");
                const char *equals = memchr(s, '=', len);
                size_t name_len = equals ? (size_t) (equals - s) : len;
                if (len > 0) {
                        const char *value = equals ? equals + 1 : s + len;
                        mn_http_param param = {
                                .name = decode(arena, s, name_len, true),
                                .value = decode(arena, value, (size_t) (s + len - value), true),
                        };
                        if (!param.name || !param.value)
                                return -EBADMSG;
                        q.items[q.len++] = param;
                }
                s += len;
                s += *s == '&';
        }
        *ret = q;
        return 0;
}

const char *mn_http_query_get(const mn_http_query *q, const char *name) {
        for (size_t i = 0; i < q->len; i++) {
                if (strcmp(q->items[i].name, name) == 0)
                        return q->items[i].value;
        }
        return NULL;
}

static bool has_control_char(const char *s) {
        for (; *s; s++) {
                if ((unsigned char) *s < 0x20 || *s == 0x7f)
                        return true;
        }
        return false;
}

int mn_http_split_path(mn_arena *arena, const char *path, const char **ret_segments, size_t max) {
        size_t count = 0;
        if (path[0] != '/')
                return -EBADMSG;
        for (const char *s = path; *s == '/';) {
                s++;
                size_t len = strcspn(s, "/");
                const char *segment = decode(arena, s, len, false);
                if (!segment || has_control_char(segment) || strcmp(segment, ".") == 0 ||
                    strcmp(segment, "..") == 0)
                        return -EBADMSG;
                if (count == max)
                        return -E2BIG;
                ret_segments[count++] = segment;
                s += len;
        }
        return (int) count;
}

void mn_http_escape(mn_str *out, const char *text, const char *safe) {
        for (const char *s = text; *s; s++) {
                unsigned char c = (unsigned char) *s;
                if (isalnum(c) || strchr("-._~", c) || strchr(safe, c))
                        mn_str_add_char(out, (char) c);
                else
                        mn_str_printf(out, "%%%02X", c);
        }
}
