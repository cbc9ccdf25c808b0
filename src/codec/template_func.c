/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/template_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/num.h"

static mn_status wrong_count(mn_err *err, const char *want, size_t got) {
        return mn_fail(err, MN_INVALID, "wrong number of args: want %s got %zu", want, got);
}

/* The text of a string argument. */
static mn_status string_arg(const tmpl_value *v, const char **ret, mn_err *err) {
        if (tmpl_kind(v) != MN_JSON_STRING)
                return mn_fail(err, MN_INVALID, "wrong type for value; expected string; got %s",
                               mn_json_kind_name(tmpl_kind(v)));
        *ret = v->json && v->json->text ? v->json->text : "";
        return MN_OK;
}

static mn_status int_arg(const tmpl_value *v, int64_t *ret, mn_err *err) {
        if (tmpl_kind(v) != MN_JSON_NUMBER)
                return mn_fail(err, MN_INVALID, "wrong type for value; expected int; got %s",
                               mn_json_kind_name(tmpl_kind(v)));
        *ret = 0;
        if (v->json && v->json->kind == MN_JSON_NUMBER &&
            mn_parse_i64(v->json->text, INT64_MIN, INT64_MAX, ret))
                return mn_fail(err, MN_INVALID, "expected integer; found %s", v->json->text);
        return MN_OK;
}

/* ---- builtin functions of Go ---- */

static mn_status func_not(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                          mn_err *err) {
        if (nargs != 1)
                return wrong_count(err, "1", nargs);
        *ret = tmpl_new_bool(arena, !tmpl_is_true(args));
        return MN_OK;
}

static mn_status func_len(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                          mn_err *err) {
        if (nargs != 1)
                return wrong_count(err, "1", nargs);
        mn_json_kind kind = tmpl_kind(args);
        if (kind != MN_JSON_STRING && kind != MN_JSON_ARRAY && kind != MN_JSON_OBJECT)
                return mn_fail(err, MN_INVALID, "len of %s%s", kind == MN_JSON_NULL ? "" : "type ",
                               kind == MN_JSON_NULL     ? "nil pointer"
                               : kind == MN_JSON_NUMBER ? "int"
                                                        : mn_json_kind_name(kind));
        *ret = tmpl_new_number(arena,
                               args->json && args->json->kind == kind ? (long long) args->json->len : 0);
        return MN_OK;
}

/* One step of index: `*v` becomes its element. */
static mn_status index_step(tmpl_value *v, const tmpl_value *key, mn_err *err) {
        mn_json_kind kind = tmpl_kind(v);
        const mn_json *child = v->json ? v->json->child : NULL;
        if (kind == MN_JSON_OBJECT) {
                const char *name;
                mn_status status = string_arg(key, &name, err);
                if (status)
                        return status;
                while (child && strcmp(child->key, name) != 0)
                        child = child->next;
                *v = child ? tmpl_child(v, child)
                           : (tmpl_value){ .type = tmpl_child(v, &(mn_json){ 0 }).type };
                return MN_OK;
        }
        int64_t i;
        if (kind == MN_JSON_NULL)
                return mn_fail(err, MN_INVALID, "index of untyped nil");
        if (kind == MN_JSON_STRING && tmpl_kind(key) != MN_JSON_NUMBER)
                return mn_fail(err, MN_INVALID, "cannot index slice/array with type %s",
                               mn_json_kind_name(tmpl_kind(key)));
        if (kind != MN_JSON_ARRAY)
                return mn_fail(err, MN_INVALID, "can't index item of type %s", mn_json_kind_name(kind));
        mn_status status = int_arg(key, &i, err);
        if (status)
                return status;
        if (i < 0 || !v->json || v->json->kind != MN_JSON_ARRAY || (uint64_t) i >= v->json->len)
                return mn_fail(err, MN_INVALID, "index out of range: %lld", (long long) i);
        while (i-- > 0)
                child = child->next;
        *v = tmpl_child(v, child);
        return MN_OK;
}

static mn_status func_index(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        (void) arena;
        if (nargs < 1)
                return wrong_count(err, "at least 1", nargs);
        tmpl_value v = args[0];
        for (size_t i = 1; i < nargs; i++) {
                mn_status status = index_step(&v, &args[i], err);
                if (status)
                        return status;
        }
        v.is_top = false;
        *ret = v;
        return MN_OK;
}

static mn_status func_slice(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        if (nargs < 1 || nargs > 3)
                return wrong_count(err, "1 to 3", nargs);
        mn_json_kind kind = tmpl_kind(args);
        if (kind != MN_JSON_STRING && kind != MN_JSON_ARRAY)
                return mn_fail(err, MN_INVALID, "can't slice item of type %s", mn_json_kind_name(kind));
        bool has_value = args->json && args->json->kind == kind;
        int64_t len = has_value ? (int64_t) args->json->len : 0, from = 0, to = len;
        mn_status status = nargs > 1 ? int_arg(&args[1], &from, err) : MN_OK;
        if (!status && nargs > 2)
                status = int_arg(&args[2], &to, err);
        if (status)
                return status;
        if (from < 0 || from > len || to < 0 || to > len)
                return mn_fail(err, MN_INVALID, "index out of range: %lld",
                               (long long) (from < 0 || from > len ? from : to));
        if (from > to)
                return mn_fail(err, MN_INVALID, "invalid slice index: %lld > %lld", (long long) from,
                               (long long) to);
        if (kind == MN_JSON_STRING) {
                *ret = tmpl_new_string(arena, has_value ? args->json->text + from : "", (size_t) (to - from));
                return MN_OK;
        }
        mn_json *list = tmpl_new_json(arena, MN_JSON_ARRAY), *last = NULL;
        const mn_json *child = has_value ? args->json->child : NULL;
        for (int64_t i = 0; i < to; i++, child = child->next) {
                if (i < from)
                        continue;
                mn_json *copy = mn_arena_alloc(arena, sizeof(*copy));
                *copy = *child;
                copy->next = NULL;
                if (last)
                        last->next = copy;
                else
                        list->child = copy;
                last = copy;
                list->len++;
        }
        *ret = (tmpl_value){ .json = list, .type = args->type };
        return MN_OK;
}

static tmpl_value printed(mn_arena *arena, mn_str *text) {
        return tmpl_new_string(arena, mn_str_text(text), text->len);
}

/* fmt.Sprint puts a space between operands when neither is a string; Sprintln always. */
static mn_status func_print(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        (void) err;
        cleanup_str mn_str out = MN_STR_INIT(0);
        for (size_t i = 0; i < nargs; i++) {
                if (i > 0 && tmpl_kind(&args[i]) != MN_JSON_STRING &&
                    tmpl_kind(&args[i - 1]) != MN_JSON_STRING)
                        mn_str_add_char(&out, ' ');
                tmpl_print(&args[i], &out);
        }
        *ret = printed(arena, &out);
        return MN_OK;
}

static mn_status func_println(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                              mn_err *err) {
        (void) err;
        cleanup_str mn_str out = MN_STR_INIT(0);
        for (size_t i = 0; i < nargs; i++) {
                if (i > 0)
                        mn_str_add_char(&out, ' ');
                tmpl_print(&args[i], &out);
        }
        mn_str_add_char(&out, '\n');
        *ret = printed(arena, &out);
        return MN_OK;
}

static mn_status func_printf(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                             mn_err *err) {
        const char *format;
        if (nargs < 1)
                return wrong_count(err, "at least 1", nargs);
        mn_status status = string_arg(args, &format, err);
        if (status)
                return status;
        cleanup_str mn_str out = MN_STR_INIT(0);
        tmpl_sprintf(args, nargs, &out);
        *ret = printed(arena, &out);
        return MN_OK;
}

/* Compares two basic values: `*ret` is negative, 0 or positive. */
static mn_status compare(const tmpl_value *a, const tmpl_value *b, bool is_ordering, int *ret, mn_err *err) {
        mn_json_kind kind = tmpl_kind(a);
        if (kind != tmpl_kind(b))
                return mn_fail(err, MN_INVALID, "incompatible types for comparison");
        const mn_json zero = { .kind = kind, .text = kind == MN_JSON_NUMBER ? "0" : "" };
        const mn_json *x = a->json && a->json->kind == kind ? a->json : &zero;
        const mn_json *y = b->json && b->json->kind == kind ? b->json : &zero;
        int64_t i, j;
        switch (kind) {
        case MN_JSON_STRING:
                *ret = strcmp(x->text, y->text);
                return MN_OK;
        case MN_JSON_NUMBER:
                if (mn_parse_i64(x->text, INT64_MIN, INT64_MAX, &i) == 0 &&
                    mn_parse_i64(y->text, INT64_MIN, INT64_MAX, &j) == 0) {
                        *ret = (i > j) - (i < j);
                } else {
                        double f = strtod(x->text, NULL), g = strtod(y->text, NULL);
                        *ret = (f > g) - (f < g);
                }
                return MN_OK;
        case MN_JSON_BOOL:
                *ret = x->boolean - y->boolean;
                return is_ordering ? mn_fail(err, MN_INVALID, "invalid type for comparison") : MN_OK;
        case MN_JSON_NULL:
                *ret = 0;
                return is_ordering ? mn_fail(err, MN_INVALID, "invalid type for comparison") : MN_OK;
        case MN_JSON_ARRAY:
        case MN_JSON_OBJECT:
                break;
        }
        return mn_fail(err, MN_INVALID, "non-comparable type %s", mn_json_kind_name(kind));
}

static mn_status func_eq(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                         mn_err *err) {
        if (nargs < 2)
                return mn_fail(err, MN_INVALID, "missing argument for comparison");
        bool is_equal = false;
        for (size_t i = 1; i < nargs && !is_equal; i++) {
                int order;
                mn_status status = compare(&args[0], &args[i], false, &order, err);
                if (status)
                        return status;
                is_equal = order == 0;
        }
        *ret = tmpl_new_bool(arena, is_equal);
        return MN_OK;
}

static mn_status compare_two(const tmpl_value *args, size_t nargs, bool is_ordering, int *ret, mn_err *err) {
        return nargs == 2 ? compare(&args[0], &args[1], is_ordering, ret, err) : wrong_count(err, "2", nargs);
}

static mn_status func_ne(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                         mn_err *err) {
        int order = 0;
        mn_status status = compare_two(args, nargs, false, &order, err);
        *ret = tmpl_new_bool(arena, order != 0);
        return status;
}

static mn_status func_lt(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                         mn_err *err) {
        int order = 0;
        mn_status status = compare_two(args, nargs, true, &order, err);
        *ret = tmpl_new_bool(arena, order < 0);
        return status;
}

static mn_status func_le(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                         mn_err *err) {
        int order = 0;
        mn_status status = compare_two(args, nargs, true, &order, err);
        *ret = tmpl_new_bool(arena, order <= 0);
        return status;
}

static mn_status func_gt(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                         mn_err *err) {
        int order = 0;
        mn_status status = compare_two(args, nargs, true, &order, err);
        *ret = tmpl_new_bool(arena, order > 0);
        return status;
}

static mn_status func_ge(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                         mn_err *err) {
        int order = 0;
        mn_status status = compare_two(args, nargs, true, &order, err);
        *ret = tmpl_new_bool(arena, order >= 0);
        return status;
}

/* html, js and urlquery: replaces every byte that `replacement` names. */
static mn_status escape(mn_arena *arena, const tmpl_value *args, size_t nargs,
                        const char *(*replacement)(char), tmpl_value *ret) {
        cleanup_str mn_str plain = MN_STR_INIT(0), out = MN_STR_INIT(0);
        for (size_t i = 0; i < nargs; i++)
                tmpl_print(&args[i], &plain);
        for (size_t i = 0; i < plain.len; i++) {
                const char *with = replacement(plain.data[i]);
                if (with)
                        mn_str_add(&out, with);
                else
                        mn_str_add_char(&out, plain.data[i]);
        }
        *ret = printed(arena, &out);
        return MN_OK;
}

static const char *html_replacement(char c) {
        return c == '"'    ? "&#34;"
               : c == '\'' ? "&#39;"
               : c == '&'  ? "&amp;"
               : c == '<'  ? "&lt;"
               : c == '>'  ? "&gt;"
                           : NULL;
}

static mn_status func_html(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                           mn_err *err) {
        (void) err;
        return escape(arena, args, nargs, html_replacement, ret);
}

static const char *js_replacement(char c) {
        return c == '\\'   ? "\\\\"
               : c == '\'' ? "\\'"
               : c == '"'  ? "\\\""
               : c == '<'  ? "\\u003C"
               : c == '>'  ? "\\u003E"
               : c == '&'  ? "\\u0026"
               : c == '='  ? "\\u003D"
                           : NULL;
}

static mn_status func_js(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                         mn_err *err) {
        (void) err;
        return escape(arena, args, nargs, js_replacement, ret);
}

static mn_status func_urlquery(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                               mn_err *err) {
        (void) err;
        cleanup_str mn_str plain = MN_STR_INIT(0), out = MN_STR_INIT(0);
        for (size_t i = 0; i < nargs; i++)
                tmpl_print(&args[i], &plain);
        for (size_t i = 0; i < plain.len; i++) {
                unsigned char c = (unsigned char) plain.data[i];
                if (isalnum(c) || strchr("-_.~", c))
                        mn_str_add_char(&out, (char) c);
                else if (c == ' ')
                        mn_str_add_char(&out, '+');
                else
                        mn_str_printf(&out, "%%%02X", c);
        }
        *ret = printed(arena, &out);
        return MN_OK;
}

/* ---- Docker's functions ---- */

static mn_status func_json(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                           mn_err *err) {
        if (nargs != 1)
                return wrong_count(err, "1", nargs);
        cleanup_str mn_str out = MN_STR_INIT(0);
        const mn_json_kind kind = tmpl_kind(args);
        bool is_null = !args->json || args->json->kind == MN_JSON_NULL;
        if (!is_null)
                mn_json_write(args->json, &out);
        else if (args->type && kind == MN_JSON_STRING)
                mn_str_add(&out, "\"\"");
        else if (args->type && kind == MN_JSON_NUMBER && args->type->kind != MN_T_PTR)
                mn_str_add(&out, "0");
        else if (args->type && kind == MN_JSON_BOOL && args->type->kind != MN_T_PTR)
                mn_str_add(&out, "false");
        else
                mn_str_add(&out, "null");
        *ret = printed(arena, &out);
        return MN_OK;
}

static mn_status func_join(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                           mn_err *err) {
        const char *separator;
        if (nargs != 2)
                return wrong_count(err, "2", nargs);
        mn_status status = string_arg(&args[1], &separator, err);
        mn_json_kind kind = tmpl_kind(&args[0]);
        if (!status && kind != MN_JSON_ARRAY && kind != MN_JSON_NULL)
                status = mn_fail(err, MN_INVALID, "wrong type for value; expected []string; got %s",
                                 mn_json_kind_name(kind));
        if (status)
                return status;
        cleanup_str mn_str out = MN_STR_INIT(0);
        for (const mn_json *c = args[0].json ? args[0].json->child : NULL; c; c = c->next) {
                const tmpl_value value = tmpl_child(&args[0], c);
                tmpl_print(&value, &out);
                if (c->next)
                        mn_str_add(&out, separator);
        }
        *ret = printed(arena, &out);
        return MN_OK;
}

static mn_status func_split(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        const char *text, *separator;
        if (nargs != 2)
                return wrong_count(err, "2", nargs);
        mn_status status = string_arg(&args[0], &text, err);
        if (!status)
                status = string_arg(&args[1], &separator, err);
        if (status)
                return status;
        mn_json *list = tmpl_new_json(arena, MN_JSON_ARRAY);
        mn_json **tail = &list->child;
        size_t width = strlen(separator);
        for (bool is_last = false; !is_last; list->len++) {
                const char *end = width ? strstr(text, separator) : *text && text[1] ? text + 1 : NULL;
                is_last = end == NULL;
                end = end ? end : text + strlen(text);
                tmpl_value part = tmpl_new_string(arena, text, (size_t) (end - text));
                *tail = mn_arena_alloc(arena, sizeof(mn_json));
                **tail = *part.json;
                tail = &(*tail)->next;
                text = end + (is_last ? 0 : width);
        }
        *ret = (tmpl_value){ .json = list };
        return MN_OK;
}

/* lower, upper and title: `change` gets a byte and the one before it. */
static mn_status map_bytes(mn_arena *arena, const tmpl_value *args, size_t nargs, int (*change)(int, int),
                           tmpl_value *ret, mn_err *err) {
        const char *text;
        if (nargs != 1)
                return wrong_count(err, "1", nargs);
        mn_status status = string_arg(args, &text, err);
        if (status)
                return status;
        char *out = mn_arena_strdup(arena, text);
        for (size_t i = 0; out[i]; i++)
                out[i] = (char) change((unsigned char) text[i], i ? (unsigned char) text[i - 1] : ' ');
        *ret = tmpl_new_string(arena, out, strlen(out));
        return MN_OK;
}

static int lower_byte(int c, int before) {
        (void) before;
        return c < 0x80 ? tolower(c) : c;
}

static int upper_byte(int c, int before) {
        (void) before;
        return c < 0x80 ? toupper(c) : c;
}

static int title_byte(int c, int before) {
        bool is_inside = before >= 0x80 || isalnum(before) || before == '_' || before == '\'';
        return c < 0x80 && !is_inside ? toupper(c) : c;
}

static mn_status func_lower(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        return map_bytes(arena, args, nargs, lower_byte, ret, err);
}

static mn_status func_upper(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        return map_bytes(arena, args, nargs, upper_byte, ret, err);
}

static mn_status func_title(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        return map_bytes(arena, args, nargs, title_byte, ret, err);
}

static mn_status func_pad(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                          mn_err *err) {
        const char *text;
        int64_t before, after;
        if (nargs != 3)
                return wrong_count(err, "3", nargs);
        mn_status status = string_arg(&args[0], &text, err);
        if (!status)
                status = int_arg(&args[1], &before, err);
        if (!status)
                status = int_arg(&args[2], &after, err);
        if (!status && (before < 0 || after < 0 || before > 65536 || after > 65536))
                status = mn_fail(err, MN_INVALID, "strings: negative Repeat count");
        if (status)
                return status;
        const char *padded = *text ? mn_arena_printf(arena, "%*s%s%*s", (int) before, "", text, (int) after,
                                                     "")
                                   : "";
        *ret = tmpl_new_string(arena, padded, strlen(padded));
        return MN_OK;
}

static mn_status func_truncate(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                               mn_err *err) {
        const char *text;
        int64_t limit;
        if (nargs != 2)
                return wrong_count(err, "2", nargs);
        mn_status status = string_arg(&args[0], &text, err);
        if (!status)
                status = int_arg(&args[1], &limit, err);
        if (status)
                return status;
        size_t len = strlen(text);
        *ret = tmpl_new_string(arena, text, limit >= 0 && (uint64_t) limit < len ? (size_t) limit : len);
        return MN_OK;
}

static const struct {
        const char *name;
        tmpl_function function;
} functions[] = {
        { "eq", func_eq },         { "ge", func_ge },
        { "gt", func_gt },         { "html", func_html },
        { "index", func_index },   { "join", func_join },
        { "js", func_js },         { "json", func_json },
        { "le", func_le },         { "len", func_len },
        { "lower", func_lower },   { "lt", func_lt },
        { "ne", func_ne },         { "not", func_not },
        { "pad", func_pad },       { "print", func_print },
        { "printf", func_printf }, { "println", func_println },
        { "slice", func_slice },   { "split", func_split },
        { "title", func_title },   { "truncate", func_truncate },
        { "upper", func_upper },   { "urlquery", func_urlquery },
};

tmpl_function tmpl_function_find(const char *name) {
        for (size_t i = 0; i < MN_ARRAY_LEN(functions); i++)
                if (strcmp(functions[i].name, name) == 0)
                        return functions[i].function;
        return NULL;
}
