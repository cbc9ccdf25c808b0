/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <string.h>
#include <sys/ioctl.h>

/* Length of the UTF-8 sequence at `s`, its code point in `*ret`; 0 when it is broken. */
static size_t decode(const unsigned char *s, size_t len, unsigned *ret) {
        size_t n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
        if (!n || n > len)
                return 0;
        unsigned c = n == 1 ? *s : *s & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        *ret = c;
        return n;
}

static bool is_harmful(unsigned c) {
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
               c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void text_add_safe(mn_str *out, const char *text, size_t len, bool keeps_lines) {
        for (size_t i = 0; i < len;) {
                unsigned c = 0;
                size_t n = decode((const unsigned char *) text + i, len - i, &c);
                if (!n)
                        mn_str_printf(out, "\\x%02x", (unsigned char) text[i]);
                else if (is_harmful(c) && !(keeps_lines && (c == '\n' || c == '\t')))
                        mn_str_printf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
                else
                        mn_str_add_len(out, text + i, n);
                i += n ? n : 1;
        }
}

size_t text_width(const char *text, size_t len) {
        size_t n = 0;
        for (size_t i = 0; i < len; i++)
                n += ((unsigned char) text[i] & 0xc0) != 0x80;
        return n;
}

const char *text_ellipsis(mn_arena *arena, const char *text, size_t max) {
        size_t len = strlen(text), at = 0, shown = 0;
        if (text_width(text, len) <= max)
                return text;
        while (at < len && shown + 1 < max) {
                at++;
                while (at < len && ((unsigned char) text[at] & 0xc0) == 0x80)
                        at++;
                shown++;
        }
        return mn_arena_printf(arena, "%.*s\xe2\x80\xa6", (int) at, text);
}

unsigned text_columns(int fd) {
        struct winsize size;
        return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void new_line(mn_str *out, const char *prefix, const char *indent, size_t depth) {
        mn_str_add_char(out, '\n');
        mn_str_add(out, prefix);
        while (depth-- > 0)
                mn_str_add(out, indent);
}

void text_add_indented_json(mn_str *out, const char *json, size_t len, const char *prefix,
                            const char *indent) {
        size_t depth = 0;
        bool needs_line = false;
        for (size_t i = 0; i < len; i++) {
                char c = json[i];
                if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
                        continue;
                bool is_close = c == '}' || c == ']';
                if (needs_line && !is_close)
                        new_line(out, prefix, indent, depth);
                else if (is_close && depth) {
                        depth--;
                        if (!needs_line)
                                new_line(out, prefix, indent, depth);
                }
                needs_line = false;
                mn_str_add_char(out, c);
                if (c == '"') {
                        size_t begin = i + 1;
                        for (i++; i < len && json[i] != '"'; i++)
                                i += json[i] == '\\';
                        i = i < len ? i : len - 1;
                        mn_str_add_len(out, json + begin, i + 1 - begin);
                } else if (c == '{' || c == '[') {
                        depth++;
                        needs_line = true;
                } else if (c == ',') {
                        new_line(out, prefix, indent, depth);
                } else if (c == ':') {
                        mn_str_add_char(out, ' ');
                }
        }
}

/* Bytes of the number `s` begins with, without its leading zeros; `*s` moves to its first one. */
static size_t number_length(const char **s) {
        size_t len = 0;
        while (**s == '0')
                (*s)++;
        while ((*s)[len] >= '0' && (*s)[len] <= '9')
                len++;
        return len;
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

int text_compare(const char *a, const char *b) {
        while (*a && *b) {
                if (is_digit(*a) && is_digit(*b)) {
                        const char *begin_a = a, *begin_b = b;
                        size_t len = number_length(&a), other = number_length(&b);
                        int order = len == other ? memcmp(a, b, len) : len < other ? -1 : 1;
                        if (!order && a - begin_a != b - begin_b)
                                order = a - begin_a < b - begin_b ? -1 : 1; /* fewer leading zeros first */
                        if (order)
                                return order;
                        a += len;
                        b += len;
                } else if (*a != *b) {
                        return (unsigned char) *a < (unsigned char) *b ? -1 : 1;
                } else {
                        a++;
                        b++;
                }
        }
        return *a ? 1 : *b ? -1 : 0;
}
