/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/filter.h"

#include <regex.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/duration.h"

static wire_filter *find(const wire_filters *f, const char *key) {
        for (size_t i = 0; i < f->len; i++) {
                if (strcmp(f->items[i].key, key) == 0)
                        return &f->items[i];
        }
        return NULL;
}

void wire_filters_add(wire_filters *f, mn_arena *arena, const char *key, const char *value) {
        wire_filter *filter = find(f, key);
        if (!filter) {
                wire_filter *items = mn_arena_array(arena, f->len + 1, sizeof(*items));
                if (f->len)
                        memcpy(items, f->items, f->len * sizeof(*items));
                f->items = items;
                filter = &items[f->len++];
                *filter = (wire_filter){ .key = mn_arena_strdup(arena, key) };
        }
        size_t n = mn_strv_len(filter->values);
        char **values = mn_arena_array(arena, n + 2, sizeof(*values));
        if (n)
                memcpy(values, filter->values, n * sizeof(*values));
        values[n] = mn_arena_strdup(arena, value);
        filter->values = values;
}

/* One filter: a list of strings, or the old form's object whose members are true. */
static mn_status add_values(mn_arena *arena, const mn_json *filter, wire_filters *f, mn_err *err) {
        bool is_list = filter->kind == MN_JSON_ARRAY;
        if (!is_list && filter->kind != MN_JSON_OBJECT)
                return mn_fail(err, MN_INVALID, "invalid filter");
        size_t n = 0, len = filter->len;
        char **values = mn_arena_array(arena, len + 1, sizeof(*values));
        for (const mn_json *v = filter->child; v; v = v->next) {
                if (v->kind != (is_list ? MN_JSON_STRING : MN_JSON_BOOL))
                        return mn_fail(err, MN_INVALID, "invalid filter");
                if (is_list || v->boolean)
                        values[n++] = mn_arena_strdup(arena, is_list ? v->text : v->key);
        }
        f->items[f->len++] = (wire_filter){ .key = mn_arena_strdup(arena, filter->key), .values = values };
        return MN_OK;
}

static bool is_allowed(const char *const *allowed, const char *key) {
        for (; allowed && *allowed; allowed++) {
                if (strcmp(*allowed, key) == 0)
                        return true;
        }
        return false;
}

mn_status wire_filters_parse(mn_arena *arena, const char *text, const char *const *allowed, wire_filters *ret,
                             mn_err *err) {
        *ret = (wire_filters){ 0 };
        if (!text || !*text)
                return MN_OK;
        const mn_json *object;
        cleanup_err mn_err why = { 0 };
        if (mn_json_parse(arena, text, strlen(text), NULL, &object, &why) != MN_OK ||
            (object->kind != MN_JSON_OBJECT && object->kind != MN_JSON_NULL))
                return mn_fail(err, MN_INVALID, "invalid filter");
        wire_filters f = { .items = mn_arena_array(arena, object->len + 1, sizeof(wire_filter)) };
        for (const mn_json *filter = object->child; filter; filter = filter->next) {
                if (allowed && !is_allowed(allowed, filter->key))
                        return mn_fail(err, MN_INVALID, "invalid filter '%s'", filter->key);
                mn_status s = add_values(arena, filter, &f, err);
                if (s != MN_OK)
                        return s;
        }
        *ret = f;
        return MN_OK;
}

char *const *wire_filters_get(const wire_filters *f, const char *key) {
        const wire_filter *filter = find(f, key);
        return filter && filter->values && filter->values[0] ? filter->values : NULL;
}

bool wire_filters_has(const wire_filters *f, const char *key) {
        return wire_filters_get(f, key) != NULL;
}

bool wire_filters_exact(const wire_filters *f, const char *key, const char *value) {
        char *const *values = wire_filters_get(f, key);
        return !values || mn_strv_has(values, value);
}

bool wire_filters_prefix(const wire_filters *f, const char *key, const char *value) {
        char *const *values = wire_filters_get(f, key);
        for (size_t i = 0; values && values[i]; i++) {
                if (mn_str_has_prefix(value, values[i]))
                        return true;
        }
        return !values;
}

/* A pattern that repeats repetitions ("(a{1,99}){1,99}") makes the C library's compiler eat memory: not
 * taken. */
static bool is_harmless(const char *pattern) {
        const char *brace = strchr(pattern, '{');
        return strlen(pattern) <= 512 && !(brace && strchr(brace + 1, '{'));
}

static bool matches_regex(const char *pattern, const char *value) {
        regex_t re;
        if (!is_harmless(pattern))
                return false;
        if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                return false;
        bool matches = regexec(&re, value, 0, NULL, 0) == 0;
        regfree(&re);
        return matches;
}

bool wire_filters_regex(const wire_filters *f, const char *key, const char *value) {
        char *const *values = wire_filters_get(f, key);
        for (size_t i = 0; values && values[i]; i++) {
                if (strcmp(values[i], value) == 0 || matches_regex(values[i], value))
                        return true;
        }
        return !values;
}

/* "key" or "key=value" against the labels. */
static bool has_label(const mn_str_map *labels, const char *wanted) {
        const char *equals = strchr(wanted, '=');
        size_t key_len = equals ? (size_t) (equals - wanted) : strlen(wanted);
        for (size_t i = 0; labels && i < labels->len; i++) {
                const mn_str_pair *label = &labels->items[i];
                if (strlen(label->key) == key_len && strncmp(label->key, wanted, key_len) == 0)
                        return !equals || strcmp(label->value ? label->value : "", equals + 1) == 0;
        }
        return false;
}

bool wire_filters_labels(const wire_filters *f, const char *key, const mn_str_map *labels) {
        char *const *values = wire_filters_get(f, key);
        for (size_t i = 0; values && values[i]; i++) {
                if (!has_label(labels, values[i]))
                        return false;
        }
        return true;
}

bool wire_filters_match_labels(const wire_filters *f, const mn_str_map *labels) {
        return wire_filters_labels(f, "label", labels) &&
               !(wire_filters_has(f, "label!") && wire_filters_labels(f, "label!", labels));
}

mn_status wire_filters_bool(const wire_filters *f, const char *key, bool fallback, bool *ret, mn_err *err) {
        char *const *values = wire_filters_get(f, key);
        bool is_true = false, is_false = false;
        for (size_t i = 0; values && values[i]; i++) {
                is_true = is_true || strcmp(values[i], "true") == 0 || strcmp(values[i], "1") == 0;
                is_false = is_false || strcmp(values[i], "false") == 0 || strcmp(values[i], "0") == 0;
        }
        if (values && is_true == is_false) {
                cleanup_free char *given = mn_strv_join(values, " ");
                return mn_fail(err, MN_INVALID, "invalid filter '%s=[%s]'", key, given);
        }
        *ret = values ? is_true : fallback;
        return MN_OK;
}

mn_status wire_filters_time(const wire_filters *f, const char *key, int64_t now_ns, int64_t *ret_ns,
                            mn_err *err) {
        char *const *values = wire_filters_get(f, key);
        *ret_ns = 0;
        if (!values)
                return MN_OK;
        if (values[1])
                return mn_fail(err, MN_INVALID, "more than one %s filter specified", key);
        if (wire_time_parse(values[0], now_ns, ret_ns) < 0)
                return mn_fail(err, MN_INVALID, "invalid filter '%s=[%s]'", key, values[0]);
        return MN_OK;
}

int wire_time_parse(const char *text, int64_t now_ns, int64_t *ret_ns) {
        *ret_ns = 0;
        return text && *text ? mn_moment_parse(text, now_ns, ret_ns) : 0;
}
