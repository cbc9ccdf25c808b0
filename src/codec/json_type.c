/* SPDX-License-Identifier: Apache-2.0 */
/* C objects described by an mn_type: decoded from JSON values, encoded, copied. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "base/time.h"
#include "codec/json.h"

#define SCALAR(name, kind_, ctype) const mn_type mn_type_##name = { .kind = (kind_), .size = sizeof(ctype) }
SCALAR(bool, MN_T_BOOL, bool);
SCALAR(i32, MN_T_I32, int32_t);
SCALAR(i64, MN_T_I64, int64_t);
SCALAR(u16, MN_T_U16, uint16_t);
SCALAR(u32, MN_T_U32, uint32_t);
SCALAR(u64, MN_T_U64, uint64_t);
SCALAR(double, MN_T_DOUBLE, double);
SCALAR(str, MN_T_STR, char *);
SCALAR(time, MN_T_TIME, int64_t);
SCALAR(strv, MN_T_STRV, char **);
SCALAR(set, MN_T_SET, char **);
SCALAR(raw, MN_T_RAW, const mn_json *);
const mn_type mn_type_str_map = MN_MAP_OF(&mn_type_str);
const mn_type mn_type_bool_ptr = MN_PTR_TO(&mn_type_bool);
const mn_type mn_type_i64_ptr = MN_PTR_TO(&mn_type_i64);
const mn_type mn_type_u64_ptr = MN_PTR_TO(&mn_type_u64);
const mn_type mn_type_i32_ptr = MN_PTR_TO(&mn_type_i32);
const mn_type mn_type_u32_ptr = MN_PTR_TO(&mn_type_u32);
const mn_type mn_type_str_ptr = MN_PTR_TO(&mn_type_str);

/* What MN_LIST and MN_KEYED look like to code that does not know T. */
struct any_list {
        char *items;
        size_t len;
};

/* An element of MN_KEYED(T): the key, then T. No T here is aligned more strictly than a pointer. */
static size_t pair_size(const mn_type *value) {
        size_t size = sizeof(char *) + value->size;
        return (size + sizeof(char *) - 1) & ~(sizeof(char *) - 1);
}

/* ---- decode ---- */

/* The way from the root to the value at hand, linked through the stack; printed only when something is wrong.
 */
struct path {
        const struct path *up;
        const char *name; /* member, or NULL for element `index` */
        size_t index;
};

struct decoder {
        mn_arena *arena;
        mn_unknown unknown;
        mn_err *err;
};

static void print_path(const struct path *p, mn_str *out) {
        if (!p)
                return;
        print_path(p->up, out);
        if (!p->name)
                mn_str_printf(out, "[%zu]", p->index);
        else
                mn_str_printf(out, "%s%s", out->len ? "." : "", p->name);
}

static mn_status wrong(struct decoder *d, const struct path *path, const char *what) {
        cleanup_str mn_str text = MN_STR_INIT(4096);
        print_path(path, &text);
        return mn_fail(d->err, MN_INVALID, "%s%s%s", mn_str_text(&text), text.len ? ": " : "", what);
}

static mn_status wrong_kind(struct decoder *d, const struct path *path, const char *expected,
                            const mn_json *v) {
        cleanup_free char *what = mn_asprintf("expected %s, got %s", expected, mn_json_kind_name(v->kind));
        return wrong(d, path, what);
}

static mn_status wrong_number(struct decoder *d, const struct path *path, const mn_json *v, int error) {
        cleanup_free char *what = mn_asprintf(
                error == -ERANGE ? "number %s is out of range" : "expected a whole number, got %s", v->text);
        return wrong(d, path, what);
}

static mn_status decode_signed(struct decoder *d, const struct path *path, const mn_json *v, int64_t min,
                               int64_t max, int64_t *ret) {
        if (v->kind != MN_JSON_NUMBER)
                return wrong_kind(d, path, "a whole number", v);
        int r = mn_parse_i64(v->text, min, max, ret);
        return r < 0 ? wrong_number(d, path, v, r) : MN_OK;
}

static mn_status decode_unsigned(struct decoder *d, const struct path *path, const mn_json *v, uint64_t max,
                                 uint64_t *ret) {
        if (v->kind != MN_JSON_NUMBER)
                return wrong_kind(d, path, "a whole number", v);
        int r = v->text[0] == '-' ? -ERANGE : mn_parse_u64(v->text, max, ret);
        return r < 0 ? wrong_number(d, path, v, r) : MN_OK;
}

static mn_status decode_double(struct decoder *d, const struct path *path, const mn_json *v, double *ret) {
        if (v->kind != MN_JSON_NUMBER)
                return wrong_kind(d, path, "a number", v);
        double value = strtod(v->text, NULL); /* the parser has checked the form */
        if (!isfinite(value))
                return wrong_number(d, path, v, -ERANGE);
        *ret = value;
        return MN_OK;
}

static mn_status decode_time(struct decoder *d, const struct path *path, const mn_json *v, int64_t *ret) {
        if (v->kind != MN_JSON_STRING)
                return wrong_kind(d, path, "a time", v);
        if (!*v->text) {
                *ret = 0;
                return MN_OK;
        }
        return mn_time_parse(v->text, ret) < 0 ? wrong(d, path, "expected a time as RFC 3339 has it") : MN_OK;
}

static mn_status decode_str(struct decoder *d, const struct path *path, const mn_json *v, char **ret) {
        if (v->kind == MN_JSON_NULL) {
                *ret = mn_arena_strdup(d->arena, "");
                return MN_OK;
        }
        if (v->kind != MN_JSON_STRING)
                return wrong_kind(d, path, "string", v);
        *ret = mn_arena_strndup(d->arena, v->text, v->len);
        return MN_OK;
}

static mn_status decode_strv(struct decoder *d, const struct path *path, const mn_json *v, unsigned flags,
                             char ***ret) {
        bool is_lone = v->kind == MN_JSON_STRING && (flags & MN_STR_OR_LIST);
        if (v->kind != MN_JSON_ARRAY && !is_lone)
                return wrong_kind(d, path,
                                  flags & MN_STR_OR_LIST ? "string or array of strings" : "array of strings",
                                  v);
        char **list = mn_arena_array(d->arena, (is_lone ? 1 : v->len) + 1, sizeof(char *));
        mn_status st = MN_OK;
        if (is_lone)
                st = decode_str(d, path, v, &list[0]);
        size_t i = 0;
        for (const mn_json *e = is_lone ? NULL : v->child; e && !st; e = e->next, i++) {
                struct path here = { path, NULL, i };
                st = decode_str(d, &here, e, &list[i]);
        }
        if (!st)
                *ret = list;
        return st;
}

static mn_status decode_set(struct decoder *d, const struct path *path, const mn_json *v, char ***ret) {
        if (v->kind != MN_JSON_OBJECT)
                return wrong_kind(d, path, "object", v);
        char **list = mn_arena_array(d->arena, v->len + 1, sizeof(char *));
        size_t i = 0;
        for (const mn_json *e = v->child; e; e = e->next) {
                struct path here = { path, e->key, 0 };
                if (e->kind != MN_JSON_OBJECT && e->kind != MN_JSON_NULL)
                        return wrong_kind(d, &here, "object", e);
                list[i++] = mn_arena_strdup(d->arena, e->key);
        }
        *ret = list;
        return MN_OK;
}

static mn_status decode_any(struct decoder *d, const struct path *path, const mn_type *type, unsigned flags,
                            const mn_json *v, void *object);

static mn_status decode_list(struct decoder *d, const struct path *path, const mn_type *elem,
                             const mn_json *v, struct any_list *ret) {
        if (v->kind != MN_JSON_ARRAY)
                return wrong_kind(d, path, "array", v);
        char *items = mn_arena_array(d->arena, v->len + 1, elem->size); /* not NULL even when empty */
        size_t i = 0;
        for (const mn_json *e = v->child; e; e = e->next, i++) {
                struct path here = { path, NULL, i };
                mn_status st = decode_any(d, &here, elem, 0, e, items + i * elem->size);
                if (st)
                        return st;
        }
        *ret = (struct any_list){ items, v->len };
        return MN_OK;
}

static mn_status decode_map(struct decoder *d, const struct path *path, const mn_type *elem, const mn_json *v,
                            struct any_list *ret) {
        if (v->kind != MN_JSON_OBJECT)
                return wrong_kind(d, path, "object", v);
        char *items = mn_arena_array(d->arena, v->len + 1, pair_size(elem)), *at = items;
        for (const mn_json *e = v->child; e; e = e->next, at += pair_size(elem)) {
                struct path here = { path, e->key, 0 };
                *(char **) (void *) at = mn_arena_strdup(d->arena, e->key);
                mn_status st = decode_any(d, &here, elem, 0, e, at + sizeof(char *));
                if (st)
                        return st;
        }
        *ret = (struct any_list){ items, v->len };
        return MN_OK;
}

static const mn_field *find_field(const mn_field *fields, const char *name, bool ignores_case) {
        for (const mn_field *f = fields; f->name; f++) {
                if (f->flags & MN_INLINE) {
                        const mn_field *inner = find_field(f->type->fields, name, ignores_case);
                        if (inner)
                                return f;
                } else if ((ignores_case ? strcasecmp : strcmp)(f->name, name) == 0) {
                        return f;
                }
        }
        return NULL;
}

static mn_status decode_member(struct decoder *d, const struct path *path, const mn_type *type,
                               const mn_json *member, void *object) {
        struct path here = { path, member->key, 0 };
        const mn_field *f = find_field(type->fields, member->key, false);
        if (!f)
                f = find_field(type->fields, member->key, true);
        if (!f)
                return d->unknown == MN_UNKNOWN_REJECT ? wrong(d, &here, "unknown field") : MN_OK;
        char *at = (char *) object + f->offset;
        if (f->flags & MN_INLINE)
                return decode_member(d, path, f->type, member, at);
        if (member->kind == MN_JSON_NULL && f->type->kind != MN_T_RAW)
                return MN_OK;
        return decode_any(d, &here, f->type, f->flags, member, at);
}

static mn_status decode_struct(struct decoder *d, const struct path *path, const mn_type *type,
                               const mn_json *v, void *object) {
        if (v->kind != MN_JSON_OBJECT)
                return wrong_kind(d, path, "object", v);
        for (const mn_json *m = v->child; m; m = m->next) {
                mn_status st = decode_member(d, path, type, m, object);
                if (st)
                        return st;
        }
        for (const mn_field *f = type->fields; f->name; f++) {
                const mn_json *m = f->flags & MN_REQUIRED ? mn_json_get(v, f->name) : NULL;
                struct path here = { path, f->name, 0 };
                if ((f->flags & MN_REQUIRED) && (!m || m->kind == MN_JSON_NULL))
                        return wrong(d, &here, "required field is missing");
        }
        return MN_OK;
}

#define DECODE_NUMBER(kind_, ctype, wide, decode, ...)                                                       \
        case kind_: {                                                                                        \
                wide number = 0;                                                                             \
                mn_status st = decode(d, path, v, __VA_ARGS__, &number);                                     \
                if (!st)                                                                                     \
                        *(ctype *) object = (ctype) number;                                                  \
                return st;                                                                                   \
        }

static mn_status decode_any(struct decoder *d, const struct path *path, const mn_type *type, unsigned flags,
                            const mn_json *v, void *object) {
        if (v->kind == MN_JSON_NULL && type->kind != MN_T_RAW && type->kind != MN_T_STR)
                return MN_OK; /* a null element is its type's zero, as in Go */
        switch (type->kind) {
        case MN_T_BOOL:
                if (v->kind != MN_JSON_BOOL)
                        return wrong_kind(d, path, "bool", v);
                *(bool *) object = v->boolean;
                return MN_OK;
                DECODE_NUMBER(MN_T_I32, int32_t, int64_t, decode_signed, INT32_MIN, INT32_MAX)
                DECODE_NUMBER(MN_T_I64, int64_t, int64_t, decode_signed, INT64_MIN, INT64_MAX)
                DECODE_NUMBER(MN_T_U16, uint16_t, uint64_t, decode_unsigned, UINT16_MAX)
                DECODE_NUMBER(MN_T_U32, uint32_t, uint64_t, decode_unsigned, UINT32_MAX)
                DECODE_NUMBER(MN_T_U64, uint64_t, uint64_t, decode_unsigned, UINT64_MAX)
        case MN_T_DOUBLE:
                return decode_double(d, path, v, object);
        case MN_T_STR:
                return decode_str(d, path, v, object);
        case MN_T_TIME:
                return decode_time(d, path, v, object);
        case MN_T_STRV:
                return decode_strv(d, path, v, flags, object);
        case MN_T_SET:
                return decode_set(d, path, v, object);
        case MN_T_RAW:
                *(const mn_json **) object = v;
                return MN_OK;
        case MN_T_STRUCT:
                return decode_struct(d, path, type, v, object);
        case MN_T_PTR: {
                void *target = mn_arena_alloc(d->arena, type->elem->size);
                *(void **) object = target;
                return decode_any(d, path, type->elem, flags, v, target);
        }
        case MN_T_LIST:
                return decode_list(d, path, type->elem, v, object);
        case MN_T_MAP:
                return decode_map(d, path, type->elem, v, object);
        }
        return MN_INTERNAL;
}

mn_status mn_json_decode(const mn_type *type, const mn_json *value, mn_arena *arena, mn_unknown unknown,
                         void *object, mn_err *err) {
        struct decoder d = { arena, unknown, err };
        memset(object, 0, type->size);
        return decode_any(&d, NULL, type, 0, value, object);
}

mn_status mn_json_decode_text(const mn_type *type, const char *text, size_t len, const mn_json_limits *limits,
                              mn_arena *arena, mn_unknown unknown, void *object, mn_err *err) {
        const mn_json *value;
        mn_status st = mn_json_parse(arena, text, len, limits, &value, err);
        return st ? st : mn_json_decode(type, value, arena, unknown, object, err);
}

/* ---- encode ---- */

static bool is_empty(const mn_type *type, const void *object) {
        switch (type->kind) {
        case MN_T_STR:
                return mn_str_is_empty(*(char *const *) object);
        case MN_T_STRV:
        case MN_T_SET:
                return !*(char **const *) object || !**(char **const *) object;
        case MN_T_LIST:
        case MN_T_MAP:
                return ((const struct any_list *) object)->len == 0;
        case MN_T_RAW:
        case MN_T_PTR:
                return !*(void *const *) object;
        case MN_T_STRUCT:
                return false; /* as Go: a struct is never empty */
        case MN_T_BOOL:
        case MN_T_I32:
        case MN_T_I64:
        case MN_T_U16:
        case MN_T_U32:
        case MN_T_U64:
        case MN_T_DOUBLE:
        case MN_T_TIME:
                break;
        }
        static const char zeros[16];
        return memcmp(object, zeros, type->size) == 0;
}

static void encode_any(const mn_type *type, unsigned flags, const void *object, unsigned version,
                       mn_str *out);

static void encode_strv(char *const *v, unsigned flags, mn_str *out) {
        if (!v && !(flags & MN_EMPTY_NOT_NULL)) {
                mn_str_add(out, "null");
                return;
        }
        mn_str_add_char(out, '[');
        for (size_t i = 0; v && v[i]; i++) {
                if (i)
                        mn_str_add_char(out, ',');
                mn_json_add_str(out, v[i]);
        }
        mn_str_add_char(out, ']');
}

static int compare_pairs(const void *a, const void *b) {
        return strcmp(**(char *const *const *) a, **(char *const *const *) b);
}

/* The pairs in the order of their keys. Each pair begins with its key. */
static const char **sorted_pairs(const char *items, size_t len, size_t size) {
        const char **order = mn_alloc_array(len + 1, sizeof(*order));
        for (size_t i = 0; i < len; i++)
                order[i] = items + i * size;
        qsort(order, len, sizeof(*order), compare_pairs);
        return order;
}

static void encode_map(const mn_type *elem, const struct any_list *map, unsigned flags, unsigned version,
                       mn_str *out) {
        if (!map->items && !(flags & MN_EMPTY_NOT_NULL)) {
                mn_str_add(out, "null");
                return;
        }
        mn_str_add_char(out, '{');
        const char **order = sorted_pairs(map->items, map->len, pair_size(elem));
        for (size_t i = 0; i < map->len; i++) {
                if (i)
                        mn_str_add_char(out, ',');
                mn_json_add_str(out, *(char *const *) (const void *) order[i]);
                mn_str_add_char(out, ':');
                encode_any(elem, 0, order[i] + sizeof(char *), version, out);
        }
        free(order);
        mn_str_add_char(out, '}');
}

static void encode_set(char *const *v, unsigned flags, mn_str *out) {
        if (!v && !(flags & MN_EMPTY_NOT_NULL)) {
                mn_str_add(out, "null");
                return;
        }
        size_t len = mn_strv_len(v);
        const char **order = sorted_pairs((const char *) v, len, sizeof(char *));
        mn_str_add_char(out, '{');
        for (size_t i = 0; i < len; i++) {
                if (i)
                        mn_str_add_char(out, ',');
                mn_json_add_str(out, *(char *const *) (const void *) order[i]);
                mn_str_add(out, ":{}");
        }
        free(order);
        mn_str_add_char(out, '}');
}

static void encode_list(const mn_type *elem, const struct any_list *list, unsigned flags, unsigned version,
                        mn_str *out) {
        if (!list->items && !(flags & MN_EMPTY_NOT_NULL)) {
                mn_str_add(out, "null");
                return;
        }
        mn_str_add_char(out, '[');
        for (size_t i = 0; i < list->len; i++) {
                if (i)
                        mn_str_add_char(out, ',');
                encode_any(elem, 0, list->items + i * elem->size, version, out);
        }
        mn_str_add_char(out, ']');
}

static void encode_fields(const mn_field *fields, const void *object, unsigned version, bool *is_first,
                          mn_str *out) {
        for (const mn_field *f = fields; f->name; f++) {
                const char *at = (const char *) object + f->offset;
                bool is_in_version = !version || (version >= f->since && (!f->until || version <= f->until));
                if (!is_in_version || ((f->flags & MN_OMIT_EMPTY) && is_empty(f->type, at)))
                        continue;
                if (f->flags & MN_INLINE) {
                        encode_fields(f->type->fields, at, version, is_first, out);
                        continue;
                }
                if (!*is_first)
                        mn_str_add_char(out, ',');
                *is_first = false;
                mn_json_add_str(out, f->name);
                mn_str_add_char(out, ':');
                encode_any(f->type, f->flags, at, version, out);
        }
}

static void encode_double(double value, mn_str *out) {
        for (int precision = 1; precision <= 17; precision++) {
                char buf[40];
                snprintf(buf, sizeof(buf), "%.*g", precision, value);
                if (precision < 17 && strtod(buf, NULL) != value)
                        continue;
                mn_str_add(out, buf);
                return;
        }
}

static void encode_any(const mn_type *type, unsigned flags, const void *object, unsigned version,
                       mn_str *out) {
        switch (type->kind) {
        case MN_T_BOOL:
                mn_str_add(out, *(const bool *) object ? "true" : "false");
                break;
        case MN_T_I32:
                mn_str_printf(out, "%d", *(const int32_t *) object);
                break;
        case MN_T_I64:
                mn_str_printf(out, "%lld", (long long) *(const int64_t *) object);
                break;
        case MN_T_U16:
                mn_str_printf(out, "%u", *(const uint16_t *) object);
                break;
        case MN_T_U32:
                mn_str_printf(out, "%u", *(const uint32_t *) object);
                break;
        case MN_T_U64:
                mn_str_printf(out, "%llu", (unsigned long long) *(const uint64_t *) object);
                break;
        case MN_T_DOUBLE:
                encode_double(*(const double *) object, out);
                break;
        case MN_T_STR:
                if ((flags & MN_NULL_IF_EMPTY) && is_empty(type, object))
                        mn_str_add(out, "null");
                else
                        mn_json_add_str(out, *(char *const *) object);
                break;
        case MN_T_TIME: {
                char buf[MN_TIME_TEXT_SIZE];
                mn_json_add_str(out, mn_time_format(*(const int64_t *) object, buf));
                break;
        }
        case MN_T_STRV:
                encode_strv(*(char **const *) object, flags, out);
                break;
        case MN_T_SET:
                encode_set(*(char **const *) object, flags, out);
                break;
        case MN_T_RAW:
                if (*(const mn_json *const *) object)
                        mn_json_write(*(const mn_json *const *) object, out);
                else
                        mn_str_add(out, "null");
                break;
        case MN_T_STRUCT: {
                bool is_first = true;
                mn_str_add_char(out, '{');
                encode_fields(type->fields, object, version, &is_first, out);
                mn_str_add_char(out, '}');
                break;
        }
        case MN_T_PTR:
                if (*(void *const *) object)
                        encode_any(type->elem, flags, *(void *const *) object, version, out);
                else
                        mn_str_add(out, "null");
                break;
        case MN_T_LIST:
                encode_list(type->elem, object, flags, version, out);
                break;
        case MN_T_MAP:
                encode_map(type->elem, object, flags, version, out);
                break;
        }
}

void mn_json_encode(const mn_type *type, const void *object, unsigned version, mn_str *out) {
        encode_any(type, 0, object, version, out);
}

/* ---- copy ---- */

static char **copy_strv(char *const *v, mn_arena *arena) {
        if (!v)
                return NULL;
        size_t len = mn_strv_len(v);
        char **copy = mn_arena_array(arena, len + 1, sizeof(char *));
        for (size_t i = 0; i < len; i++)
                copy[i] = mn_arena_strdup(arena, v[i]);
        return copy;
}

void mn_json_copy(const mn_type *type, const void *from, mn_arena *arena, void *to) {
        memmove(to, from, type->size);
        switch (type->kind) {
        case MN_T_STR:
                *(char **) to = mn_arena_strdup(arena, *(char *const *) from);
                break;
        case MN_T_STRV:
        case MN_T_SET:
                *(char ***) to = copy_strv(*(char **const *) from, arena);
                break;
        case MN_T_STRUCT:
                for (const mn_field *f = type->fields; f->name; f++)
                        mn_json_copy(f->type, (const char *) from + f->offset, arena,
                                     (char *) to + f->offset);
                break;
        case MN_T_PTR:
                if (*(void *const *) from) {
                        void *copy = mn_arena_alloc(arena, type->elem->size);
                        mn_json_copy(type->elem, *(void *const *) from, arena, copy);
                        *(void **) to = copy;
                }
                break;
        case MN_T_LIST:
        case MN_T_MAP: {
                const struct any_list *list = from;
                if (!list->items)
                        break;
                bool is_map = type->kind == MN_T_MAP;
                size_t size = is_map ? pair_size(type->elem) : type->elem->size,
                       skip = is_map ? sizeof(char *) : 0;
                char *items = mn_arena_array(arena, list->len + 1, size);
                for (size_t i = 0; i < list->len; i++) {
                        const char *source = list->items + i * size;
                        if (is_map)
                                *(char **) (void *) (items + i * size) = mn_arena_strdup(
                                        arena, *(char *const *) (const void *) source);
                        mn_json_copy(type->elem, source + skip, arena, items + i * size + skip);
                }
                *(struct any_list *) to = (struct any_list){ items, list->len };
                break;
        }
        case MN_T_RAW:
        case MN_T_BOOL:
        case MN_T_I32:
        case MN_T_I64:
        case MN_T_U16:
        case MN_T_U32:
        case MN_T_U64:
        case MN_T_DOUBLE:
        case MN_T_TIME:
                break;
        }
}

/* ---- string maps ---- */

const char *mn_str_map_get(const mn_str_map *map, const char *key) {
        for (size_t i = 0; i < map->len; i++)
                if (strcmp(map->items[i].key, key) == 0)
                        return map->items[i].value;
        return NULL;
}

void mn_str_map_set(mn_str_map *map, mn_arena *arena, const char *key, const char *value) {
        for (size_t i = 0; i < map->len; i++)
                if (strcmp(map->items[i].key, key) == 0) {
                        map->items[i].value = mn_arena_strdup(arena, value);
                        return;
                }
        mn_str_pair *items = mn_arena_array(arena, map->len + 1, sizeof(*items));
        if (map->len)
                memcpy(items, map->items, map->len * sizeof(*items));
        items[map->len] = (mn_str_pair){ mn_arena_strdup(arena, key), mn_arena_strdup(arena, value) };
        map->items = items;
        map->len++;
}
