/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/template_tree.h"

#include <string.h>

#include "base/macro.h"

mn_json *tmpl_new_json(mn_arena *arena, mn_json_kind kind) {
        mn_json *json = mn_arena_alloc(arena, sizeof(*json));
        json->kind = kind;
        return json;
}

tmpl_value tmpl_new_string(mn_arena *arena, const char *text, size_t len) {
        mn_json *json = tmpl_new_json(arena, MN_JSON_STRING);
        json->text = mn_arena_strndup(arena, text, len);
        json->len = len;
        return (tmpl_value){ .json = json };
}

tmpl_value tmpl_new_bool(mn_arena *arena, bool value) {
        mn_json *json = tmpl_new_json(arena, MN_JSON_BOOL);
        json->boolean = value;
        return (tmpl_value){ .json = json };
}

tmpl_value tmpl_new_number(mn_arena *arena, long long value) {
        mn_json *json = tmpl_new_json(arena, MN_JSON_NUMBER);
        json->text = mn_arena_printf(arena, "%lld", value);
        json->len = strlen(json->text);
        return (tmpl_value){ .json = json };
}

const mn_type *tmpl_deref(const mn_type *type) {
        while (type && type->kind == MN_T_PTR)
                type = type->elem;
        return type && type->kind == MN_T_RAW ? NULL : type;
}

static mn_json_kind kind_of_type(const mn_type *type) {
        if (!type)
                return MN_JSON_NULL;
        switch (type->kind) {
        case MN_T_BOOL:
                return MN_JSON_BOOL;
        case MN_T_I32:
        case MN_T_I64:
        case MN_T_U16:
        case MN_T_U32:
        case MN_T_U64:
        case MN_T_DOUBLE:
                return MN_JSON_NUMBER;
        case MN_T_STR:
        case MN_T_TIME:
                return MN_JSON_STRING;
        case MN_T_STRV:
        case MN_T_LIST:
                return MN_JSON_ARRAY;
        case MN_T_SET:
        case MN_T_MAP:
        case MN_T_STRUCT:
                return MN_JSON_OBJECT;
        case MN_T_RAW:
        case MN_T_PTR:
                break;
        }
        return MN_JSON_NULL;
}

mn_json_kind tmpl_kind(const tmpl_value *v) {
        if (v->json && v->json->kind != MN_JSON_NULL)
                return v->json->kind;
        return kind_of_type(v->type);
}

static const mn_type *type_of_member(const mn_type *type, const char *name) {
        for (const mn_field *f = type->fields; f && f->name; f++) {
                if (f->flags & MN_INLINE) {
                        const mn_type *inner = type_of_member(f->type, name);
                        if (inner)
                                return inner;
                } else if (strcmp(f->name, name) == 0) {
                        return f->type;
                }
        }
        return NULL;
}

tmpl_value tmpl_child(const tmpl_value *v, const mn_json *child) {
        const mn_type *type = tmpl_deref(v->type);
        tmpl_value ret = { .json = child };
        if (type && (type->kind == MN_T_LIST || type->kind == MN_T_MAP))
                ret.type = type->elem;
        else if (type && type->kind == MN_T_STRV)
                ret.type = &mn_type_str;
        else if (type && type->kind == MN_T_STRUCT && child && child->key)
                ret.type = type_of_member(type, child->key);
        return ret;
}

bool tmpl_is_true(const tmpl_value *v) {
        if (!v->json || v->json->kind == MN_JSON_NULL)
                return v->type && v->type->kind == MN_T_STRUCT;
        switch (v->json->kind) {
        case MN_JSON_BOOL:
                return v->json->boolean;
        case MN_JSON_NUMBER:
                return strpbrk(v->json->text, "123456789") != NULL;
        case MN_JSON_OBJECT:
                return v->json->len > 0 || (tmpl_deref(v->type) && tmpl_deref(v->type)->kind == MN_T_STRUCT);
        case MN_JSON_STRING:
        case MN_JSON_ARRAY:
                return v->json->len > 0;
        case MN_JSON_NULL:
                break;
        }
        return false;
}

static void print_fields(const tmpl_value *v, const mn_type *type, bool *is_first, mn_str *out) {
        for (const mn_field *f = type->fields; f->name; f++) {
                if (f->flags & MN_INLINE) {
                        print_fields(v, f->type, is_first, out);
                        continue;
                }
                if (!*is_first)
                        mn_str_add_char(out, ' ');
                *is_first = false;
                const tmpl_value member = { .json = mn_json_get(v->json, f->name), .type = f->type };
                tmpl_print(&member, out);
        }
}

static void print_children(const tmpl_value *v, mn_str *out) {
        for (const mn_json *child = v->json ? v->json->child : NULL; child; child = child->next) {
                const tmpl_value value = tmpl_child(v, child);
                if (child->key)
                        mn_str_printf(out, "%s:", child->key);
                if (child->kind == MN_JSON_NULL && !value.type)
                        mn_str_add(out, "<nil>");
                else
                        tmpl_print(&value, out);
                if (child->next)
                        mn_str_add_char(out, ' ');
        }
}

void tmpl_print(const tmpl_value *v, mn_str *out) {
        const mn_type *type = tmpl_deref(v->type);
        bool is_null = !v->json || v->json->kind == MN_JSON_NULL;
        bool is_first = true;
        if (is_null && v->type && (v->type->kind == MN_T_PTR || v->type->kind == MN_T_RAW)) {
                mn_str_add(out, "<nil>");
                return;
        }
        switch (tmpl_kind(v)) {
        case MN_JSON_NULL:
                mn_str_add(out, "<no value>");
                break;
        case MN_JSON_BOOL:
                mn_str_add(out, !is_null && v->json->boolean ? "true" : "false");
                break;
        case MN_JSON_NUMBER:
                mn_str_add(out, is_null ? "0" : v->json->text);
                break;
        case MN_JSON_STRING:
                if (!is_null)
                        mn_str_add_len(out, v->json->text, v->json->len);
                break;
        case MN_JSON_ARRAY:
                mn_str_add_char(out, '[');
                print_children(v, out);
                mn_str_add_char(out, ']');
                break;
        case MN_JSON_OBJECT:
                if (type && type->kind == MN_T_STRUCT) {
                        mn_str_add(out, v->type->kind == MN_T_PTR ? "&{" : "{");
                        print_fields(v, type, &is_first, out);
                        mn_str_add_char(out, '}');
                } else {
                        mn_str_add(out, "map[");
                        print_children(v, out);
                        mn_str_add_char(out, ']');
                }
                break;
        }
}
