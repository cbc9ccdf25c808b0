/* SPDX-License-Identifier: Apache-2.0 */
/* Failures with their place, and the literals of a template. */
#include "codec/template_parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

mn_status tmpl_fail(parser *p, const char *fmt, ...) {
        unsigned line = 1;
        for (size_t i = 0; i < p->pos && i < p->len; i++)
                line += p->text[i] == '\n';
        va_list ap;
        va_start(ap, fmt);
        mn_vfail(p->err, MN_INVALID, fmt, ap);
        va_end(ap);
        return mn_err_prefix(p->err, MN_INVALID, "template: :%u", line);
}

bool tmpl_is_word(char c) {
        return isalnum((unsigned char) c) || c == '_' || (unsigned char) c >= 0x80;
}

static size_t put_utf8(char *out, unsigned c) {
        if (c < 0x80) {
                out[0] = (char) c;
                return 1;
        }
        size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = n - 1; i > 0; i--, c >>= 6)
                out[i] = (char) (0x80 | (c & 0x3f));
        out[0] = (char) ((0xf00 >> n & 0xff) | c);
        return n;
}

/* Decodes the escape at `*pos` (after the backslash); 0 when it is not one of Go's. */
static size_t unescape(const parser *p, size_t *pos, char out[4]) {
        static const char names[] = "abfnrtv\\'\"", values[] = "\a\b\f\n\r\t\v\\'\"";
        char c = p->text[*pos];
        const char *named = c ? strchr(names, c) : NULL;
        if (named) {
                out[0] = values[named - names];
                *pos += 1;
                return 1;
        }
        size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        unsigned long value = 0;
        for (size_t i = 1; i <= digits; i++) {
                if (*pos + i >= p->len || !isxdigit((unsigned char) p->text[*pos + i]))
                        return 0;
                char one[2] = { p->text[*pos + i], 0 };
                value = value << 4 | strtoul(one, NULL, 16);
        }
        if (!digits || value > 0x10ffff || value == 0 || (value >= 0xd800 && value < 0xe000))
                return 0;
        *pos += digits + 1;
        if (c == 'x') {
                out[0] = (char) value;
                return 1;
        }
        return put_utf8(out, (unsigned) value);
}

mn_status tmpl_parse_string(parser *p, const mn_json **ret) {
        char quote = p->text[p->pos++];
        size_t begin = p->pos;
        char *out = mn_arena_alloc(p->arena, p->len - p->pos + 5);
        size_t n = 0;
        for (;;) {
                if (p->pos >= p->len || (quote == '"' && p->text[p->pos] == '\n'))
                        return tmpl_fail(p, quote == '"' ? "unterminated quoted string"
                                                         : "unterminated raw quoted string");
                char c = p->text[p->pos++];
                if (c == quote)
                        break;
                if (c != '\\' || quote == '`') {
                        out[n++] = c;
                        continue;
                }
                size_t got = unescape(p, &p->pos, out + n);
                if (!got)
                        return tmpl_fail(p, "invalid syntax in \"%.*s\"", (int) MN_MIN(p->pos - begin, 40),
                                         p->text + begin);
                n += got;
        }
        *ret = tmpl_new_string(p->arena, out, n).json;
        return MN_OK;
}

mn_status tmpl_parse_number(parser *p, const mn_json **ret) {
        size_t begin = p->pos;
        while (p->pos < p->len && (tmpl_is_word(p->text[p->pos]) || strchr("+-.", p->text[p->pos])))
                p->pos++;
        const char *text = mn_arena_strndup(p->arena, p->text + begin, p->pos - begin);
        const char *digits = text + (*text == '+');
        char *end;
        mn_json *number = tmpl_new_json(p->arena, MN_JSON_NUMBER);
        long long whole = strtoll(digits, &end, 0);
        if (*end == '\0' && end != digits) {
                number->text = mn_arena_printf(p->arena, "%lld", whole);
        } else {
                strtod(digits, &end);
                if (*end || end == digits)
                        return tmpl_fail(p, "bad number syntax: \"%s\"", text);
                number->text = digits;
        }
        number->len = strlen(number->text);
        *ret = number;
        return MN_OK;
}
