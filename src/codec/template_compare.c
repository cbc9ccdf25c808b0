/* SPDX-License-Identifier: Apache-2.0 */
/* Go's comparisons. */
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/num.h"
#include "codec/template_func.h"

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
        return nargs == 2 ? compare(&args[0], &args[1], is_ordering, ret, err)
                          : tmpl_wrong_count(err, "2", nargs);
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

const tmpl_named_function tmpl_comparisons[] = {
        { "eq", func_eq }, { "ge", func_ge }, { "gt", func_gt }, { "le", func_le },
        { "lt", func_lt }, { "ne", func_ne }, { NULL, NULL },
};
