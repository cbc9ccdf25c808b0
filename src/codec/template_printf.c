/* SPDX-License-Identifier: Apache-2.0 */
/* fmt.Sprintf for the values a template can hold: flags, width, precision, and the verbs
 * v s q d x X o b c t e f g and %. */
#include "codec/template_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/num.h"

enum { MAX_WIDTH = 4096 };

typedef struct verb {
        char name;
        bool is_left, has_zeros, has_plus, has_space, is_alternate;
        int width, precision; /* precision -1: none */
} verb;

static const char *read_number(const char *s, int *ret) {
        int value = 0;
        for (; *s >= '0' && *s <= '9'; s++)
                value = value < MAX_WIDTH ? value * 10 + (*s - '0') : value;
        *ret = MN_MIN(value, MAX_WIDTH);
        return s;
}

/* Reads what follows a '%'; the verb's name is '\0' when the format ends. */
static const char *read_verb(const char *s, verb *v) {
        *v = (verb){ .precision = -1 };
        for (;; s++) {
                if (*s == '-')
                        v->is_left = true;
                else if (*s == '0')
                        v->has_zeros = true;
                else if (*s == '+')
                        v->has_plus = true;
                else if (*s == ' ')
                        v->has_space = true;
                else if (*s == '#')
                        v->is_alternate = true;
                else
                        break;
        }
        s = read_number(s, &v->width);
        if (*s == '.')
                s = read_number(s + 1, &v->precision);
        v->name = *s;
        return *s ? s + 1 : s;
}

static size_t count_runes(const char *s, size_t len) {
        size_t n = 0;
        for (size_t i = 0; i < len; i++)
                n += ((unsigned char) s[i] & 0xc0) != 0x80;
        return n;
}

static void add_padded(const verb *v, const char *text, size_t len, bool is_number, mn_str *out) {
        size_t runes = count_runes(text, len);
        size_t padding = (size_t) v->width > runes ? (size_t) v->width - runes : 0;
        bool has_zeros = v->has_zeros && !v->is_left && is_number;
        if (has_zeros && len && (*text == '-' || *text == '+')) {
                mn_str_add_char(out, *text++);
                len--;
        }
        for (size_t i = 0; i < padding && !v->is_left; i++)
                mn_str_add_char(out, has_zeros ? '0' : ' ');
        mn_str_add_len(out, text, len);
        for (size_t i = 0; i < padding && v->is_left; i++)
                mn_str_add_char(out, ' ');
}

static void add_wrong_verb(const verb *v, const tmpl_value *arg, mn_str *out) {
        static const char *const go_types[] = { "<nil>",  "bool",           "int",
                                                "string", "[]interface {}", "map[string]interface {}" };
        mn_str_printf(out, "%%!%c(%s", v->name, go_types[tmpl_kind(arg)]);
        if (tmpl_kind(arg) != MN_JSON_NULL) {
                mn_str_add_char(out, '=');
                tmpl_print(arg, out);
        }
        mn_str_add_char(out, ')');
}

static bool add_integer(const verb *v, const char *text, mn_str *out) {
        int64_t value;
        if (mn_parse_i64(text, INT64_MIN, INT64_MAX, &value))
                return false;
        uint64_t size = value < 0 ? -(uint64_t) value : (uint64_t) value;
        unsigned base = v->name == 'd' ? 10 : v->name == 'o' ? 8 : v->name == 'b' ? 2 : 16;
        const char *digits = v->name == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
        char buf[80], *end = buf + sizeof(buf), *p = end;
        do
                *--p = digits[size % base];
        while (size /= base);
        while (v->precision > 0 && end - p < v->precision && end - p < 64)
                *--p = '0';
        if (v->is_alternate && base == 16) {
                *--p = v->name;
                *--p = '0';
        }
        if (value < 0 || v->has_plus || v->has_space)
                *--p = value < 0 ? '-' : v->has_plus ? '+' : ' ';
        add_padded(v, p, (size_t) (end - p), true, out);
        return true;
}

static void add_float(const verb *v, const char *text, mn_str *out) {
        double value = strtod(text, NULL);
        int precision = v->precision < 0 && v->name != 'g' ? 6 : MN_MIN(v->precision, 40);
        cleanup_str mn_str number = MN_STR_INIT(8192);
        if (v->name == 'g' && precision < 0)
                mn_str_add(&number, text);
        else if (v->name == 'e')
                mn_str_printf(&number, "%.*e", precision, value);
        else if (v->name == 'g')
                mn_str_printf(&number, "%.*g", precision, value);
        else
                mn_str_printf(&number, "%.*f", precision, value);
        add_padded(v, mn_str_text(&number), number.len, true, out);
}

static void add_hex(const verb *v, const char *text, size_t len, mn_str *out) {
        cleanup_str mn_str hex = MN_STR_INIT(0);
        for (size_t i = 0; i < len; i++)
                mn_str_printf(&hex, v->name == 'X' ? "%02X" : "%02x", (unsigned char) text[i]);
        add_padded(v, mn_str_text(&hex), hex.len, false, out);
}

static size_t cut_to_precision(const verb *v, const char *text, size_t len) {
        size_t runes = 0;
        for (size_t i = 0; i < len && v->precision >= 0; i++)
                if (((unsigned char) text[i] & 0xc0) != 0x80 && runes++ == (size_t) v->precision)
                        return i;
        return len;
}

static void add_value(const verb *v, const tmpl_value *arg, mn_str *out) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        cleanup_str mn_str quoted = MN_STR_INIT(0);
        mn_json_kind kind = tmpl_kind(arg);
        tmpl_print(arg, &text);
        const char *plain = mn_str_text(&text);
        if (v->name == 'v' || (v->name == 's' && kind != MN_JSON_NUMBER && kind != MN_JSON_BOOL)) {
                add_padded(v, plain, cut_to_precision(v, plain, text.len), kind == MN_JSON_NUMBER, out);
        } else if (v->name == 'q' && kind == MN_JSON_STRING) {
                mn_json_add_bytes(&quoted, plain, cut_to_precision(v, plain, text.len));
                add_padded(v, mn_str_text(&quoted), quoted.len, false, out);
        } else if ((v->name == 'x' || v->name == 'X') && kind == MN_JSON_STRING) {
                add_hex(v, plain, text.len, out);
        } else if (strchr("dxXob", v->name) && kind == MN_JSON_NUMBER && add_integer(v, plain, out)) {
                return;
        } else if (strchr("efg", v->name) && kind == MN_JSON_NUMBER) {
                add_float(v, plain, out);
        } else if (v->name == 't' && kind == MN_JSON_BOOL) {
                add_padded(v, plain, text.len, false, out);
        } else {
                add_wrong_verb(v, arg, out);
        }
}

void tmpl_sprintf(const tmpl_value *args, size_t nargs, mn_str *out) {
        const char *s = args[0].json ? args[0].json->text : "";
        size_t next = 1;
        while (*s) {
                size_t plain = strcspn(s, "%");
                mn_str_add_len(out, s, plain);
                s += plain;
                if (!*s)
                        break;
                verb v;
                s = read_verb(s + 1, &v);
                if (v.name == '%')
                        mn_str_add_char(out, '%');
                else if (v.name == '\0')
                        mn_str_add(out, "%!(NOVERB)");
                else if (next >= nargs)
                        mn_str_printf(out, "%%!%c(MISSING)", v.name);
                else
                        add_value(&v, &args[next++], out);
        }
        if (next >= nargs)
                return;
        mn_str_add(out, "%!(EXTRA ");
        for (bool is_first = true; next < nargs; next++, is_first = false) {
                static const char *const go_types[] = {
                        "<nil>", "bool=", "int=", "string=", "[]interface {}=", "map[string]interface {}="
                };
                mn_str_printf(out, "%s%s", is_first ? "" : ", ", go_types[tmpl_kind(&args[next])]);
                if (tmpl_kind(&args[next]) != MN_JSON_NULL)
                        tmpl_print(&args[next], out);
        }
        mn_str_add_char(out, ')');
}
