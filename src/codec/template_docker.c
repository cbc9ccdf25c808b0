/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's functions, beside those of Go. */
#include <ctype.h>
#include <string.h>

#include "base/macro.h"
#include "codec/template_func.h"

static mn_status func_json(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                           mn_err *err) {
        if (nargs != 1)
                return tmpl_wrong_count(err, "1", nargs);
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
        *ret = tmpl_printed(arena, &out);
        return MN_OK;
}

static mn_status func_join(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                           mn_err *err) {
        const char *separator;
        if (nargs != 2)
                return tmpl_wrong_count(err, "2", nargs);
        mn_status status = tmpl_string_arg(&args[1], &separator, err);
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
        *ret = tmpl_printed(arena, &out);
        return MN_OK;
}

static mn_status func_split(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                            mn_err *err) {
        const char *text, *separator;
        if (nargs != 2)
                return tmpl_wrong_count(err, "2", nargs);
        mn_status status = tmpl_string_arg(&args[0], &text, err);
        if (!status)
                status = tmpl_string_arg(&args[1], &separator, err);
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
                return tmpl_wrong_count(err, "1", nargs);
        mn_status status = tmpl_string_arg(args, &text, err);
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
                return tmpl_wrong_count(err, "3", nargs);
        mn_status status = tmpl_string_arg(&args[0], &text, err);
        if (!status)
                status = tmpl_int_arg(&args[1], &before, err);
        if (!status)
                status = tmpl_int_arg(&args[2], &after, err);
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
                return tmpl_wrong_count(err, "2", nargs);
        mn_status status = tmpl_string_arg(&args[0], &text, err);
        if (!status)
                status = tmpl_int_arg(&args[1], &limit, err);
        if (status)
                return status;
        size_t len = strlen(text);
        *ret = tmpl_new_string(arena, text, limit >= 0 && (uint64_t) limit < len ? (size_t) limit : len);
        return MN_OK;
}

const tmpl_named_function tmpl_docker_functions[] = {
        { "join", func_join },         { "json", func_json },   { "lower", func_lower },
        { "pad", func_pad },           { "split", func_split }, { "title", func_title },
        { "truncate", func_truncate }, { "upper", func_upper }, { NULL, NULL },
};
