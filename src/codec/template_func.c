/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/template_func.h"

#include <ctype.h>
#include <string.h>

#include "base/macro.h"
#include "base/num.h"

/* ---- arguments and results ---- */

mn_status tmpl_wrong_count(mn_err *err, const char *want, size_t got) {
        return mn_fail(err, MN_INVALID, "wrong number of args: want %s got %zu", want, got);
}

/* The text of a string argument. */
mn_status tmpl_string_arg(const tmpl_value *v, const char **ret, mn_err *err) {
        if (tmpl_kind(v) != MN_JSON_STRING)
                return mn_fail(err, MN_INVALID, "wrong type for value; expected string; got %s",
                               mn_json_kind_name(tmpl_kind(v)));
        *ret = v->json && v->json->text ? v->json->text : "";
        return MN_OK;
}

mn_status tmpl_int_arg(const tmpl_value *v, int64_t *ret, mn_err *err) {
        if (tmpl_kind(v) != MN_JSON_NUMBER)
                return mn_fail(err, MN_INVALID, "wrong type for value; expected int; got %s",
                               mn_json_kind_name(tmpl_kind(v)));
        *ret = 0;
        if (v->json && v->json->kind == MN_JSON_NUMBER &&
            mn_parse_i64(v->json->text, INT64_MIN, INT64_MAX, ret))
                return mn_fail(err, MN_INVALID, "expected integer; found %s", v->json->text);
        return MN_OK;
}

tmpl_value tmpl_printed(mn_arena *arena, mn_str *text) {
        return tmpl_new_string(arena, mn_str_text(text), text->len);
}

/* fmt.Sprint puts a space between operands when neither is a string; Sprintln always. */
/* ---- builtin functions of Go ---- */

static mn_status func_not(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                          mn_err *err) {
        if (nargs != 1)
                return tmpl_wrong_count(err, "1", nargs);
        *ret = tmpl_new_bool(arena, !tmpl_is_true(args));
        return MN_OK;
}

static mn_status func_len(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                          mn_err *err) {
        if (nargs != 1)
                return tmpl_wrong_count(err, "1", nargs);
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
                mn_status status = tmpl_string_arg(key, &name, err);
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
        mn_status status = tmpl_int_arg(key, &i, err);
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
                return tmpl_wrong_count(err, "at least 1", nargs);
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
                return tmpl_wrong_count(err, "1 to 3", nargs);
        mn_json_kind kind = tmpl_kind(args);
        if (kind != MN_JSON_STRING && kind != MN_JSON_ARRAY)
                return mn_fail(err, MN_INVALID, "can't slice item of type %s", mn_json_kind_name(kind));
        bool has_value = args->json && args->json->kind == kind;
        int64_t len = has_value ? (int64_t) args->json->len : 0, from = 0, to = len;
        mn_status status = nargs > 1 ? tmpl_int_arg(&args[1], &from, err) : MN_OK;
        if (!status && nargs > 2)
                status = tmpl_int_arg(&args[2], &to, err);
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
        *ret = tmpl_printed(arena, &out);
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
        *ret = tmpl_printed(arena, &out);
        return MN_OK;
}

static mn_status func_printf(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                             mn_err *err) {
        const char *format;
        if (nargs < 1)
                return tmpl_wrong_count(err, "at least 1", nargs);
        mn_status status = tmpl_string_arg(args, &format, err);
        if (status)
                return status;
        cleanup_str mn_str out = MN_STR_INIT(0);
        tmpl_sprintf(args, nargs, &out);
        *ret = tmpl_printed(arena, &out);
        return MN_OK;
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
        *ret = tmpl_printed(arena, &out);
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
        *ret = tmpl_printed(arena, &out);
        return MN_OK;
}

static const tmpl_named_function go_functions[] = {
        { "html", func_html },
        { "index", func_index },
        { "js", func_js },
        { "len", func_len },
        { "not", func_not },
        { "print", func_print },
        { "printf", func_printf },
        { "println", func_println },
        { "slice", func_slice },
        { "urlquery", func_urlquery },
        { NULL, NULL },
};

tmpl_function tmpl_function_find(const char *name) {
        const tmpl_named_function *const tables[] = { go_functions, tmpl_comparisons, tmpl_docker_functions };
        for (size_t i = 0; i < MN_ARRAY_LEN(tables); i++)
                for (const tmpl_named_function *f = tables[i]; f->name; f++)
                        if (strcmp(f->name, name) == 0)
                                return f->function;
        return NULL;
}
