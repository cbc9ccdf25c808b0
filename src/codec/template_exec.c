/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/template.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/macro.h"
#include "base/num.h"
#include "codec/template_tree.h"

enum { MAX_STEPS = 1000000, MAX_VARIABLES = 256, MAX_ARGS = 64, MAX_CALLS = 100 };

typedef enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } flow;

typedef struct variable {
        const char *name;
        tmpl_value value;
} variable;

typedef struct execution {
        const mn_template *t;
        const mn_template_context *ctx;
        mn_arena *arena;
        mn_str *out;
        variable variables[MAX_VARIABLES];
        size_t nvariables;
        unsigned calls; /* templates within templates */
        unsigned long steps;
        mn_err *err;
} execution;

static mn_status eval_pipe(execution *e, const tmpl_value *dot, const tmpl_pipe *pipe, tmpl_value *ret);
static mn_status walk(execution *e, const tmpl_value *dot, const tmpl_node *node, flow *ret_flow);

static mn_status fail_at(execution *e, size_t position, const char *source, const char *fmt, ...)
        MN_PRINTF(4, 5);
static mn_status fail_at(execution *e, size_t position, const char *source, const char *fmt, ...) {
        unsigned line = 1;
        size_t column = position;
        for (size_t i = 0; i < position; i++)
                if (e->t->text[i] == '\n') {
                        line++;
                        column = position - i;
                }
        va_list ap;
        va_start(ap, fmt);
        mn_vfail(e->err, MN_INVALID, fmt, ap);
        va_end(ap);
        return mn_err_prefix(e->err, MN_INVALID, "template: :%u:%zu: executing \"\" at <%s>", line, column,
                             source);
}

static const mn_field *find_field(const mn_type *type, const char *name) {
        for (const mn_field *f = type->fields; f && f->name; f++) {
                const mn_field *found = f->flags & MN_INLINE ? find_field(tmpl_deref(f->type), name)
                                        : strcasecmp(f->name, name) == 0 ? f
                                                                         : NULL;
                if (found)
                        return found;
        }
        return NULL;
}

static const mn_json *find_member(const mn_json *object, const char *name) {
        const mn_json *child = object && object->kind == MN_JSON_OBJECT ? object->child : NULL;
        while (child && strcmp(child->key, name) != 0)
                child = child->next;
        return child;
}

/* As find_member, for fields of structs: Go's name of a field and its name in JSON may differ in case ("ID",
 * "Id"). */
static const mn_json *find_field_member(const mn_json *object, const char *name) {
        const mn_json *child = find_member(object, name);
        if (child || !object || object->kind != MN_JSON_OBJECT)
                return child;
        for (child = object->child; child && strcasecmp(child->key, name) != 0;)
                child = child->next;
        return child;
}

/* `*v` becomes its field `name`. */
static mn_status get_field(execution *e, const tmpl_operand *o, const char *name, tmpl_value *v) {
        static const char *const go_types[] = { "interface {}", "bool",           "json.Number",
                                                "string",       "[]interface {}", "map[string]interface {}" };
        const mn_type *type = tmpl_deref(v->type);
        mn_json_kind kind = tmpl_kind(v);
        bool is_null = !v->json || v->json->kind == MN_JSON_NULL;
        if (type && type->kind == MN_T_STRUCT) {
                const mn_field *field = find_field(type, name);
                if (!field)
                        return fail_at(e, o->position, o->source, "can't evaluate field %s in type struct",
                                       name);
                if (is_null && v->type->kind == MN_T_PTR)
                        return fail_at(e, o->position, o->source, "nil pointer evaluating struct.%s", name);
                *v = (tmpl_value){ .json = find_member(v->json, field->name), .type = field->type };
                return MN_OK;
        }
        if (kind == MN_JSON_NULL)
                return fail_at(e, o->position, o->source, "nil pointer evaluating interface {}.%s", name);
        if (kind != MN_JSON_OBJECT)
                return fail_at(e, o->position, o->source, "can't evaluate field %s in type %s", name,
                               go_types[kind]);
        const mn_json *child = type || v->is_top ? find_member(v->json, name)
                                                 : find_field_member(v->json, name);
        if (!child && v->is_top && e->ctx->type_name)
                return fail_at(e, o->position, o->source, "can't evaluate field %s in type %s", name,
                               e->ctx->type_name);
        if (!child && e->ctx->is_missing_key_error)
                return fail_at(e, o->position, o->source, "map has no entry for key \"%s\"", name);
        *v = (tmpl_value){ .json = child, .type = child ? tmpl_child(v, child).type : NULL };
        return MN_OK;
}

static mn_status eval_operand(execution *e, const tmpl_value *dot, const tmpl_operand *o, tmpl_value *ret) {
        tmpl_value v = *dot;
        mn_status status = MN_OK;
        switch (o->kind) {
        case TMPL_DOT:
                break;
        case TMPL_VARIABLE:
                for (size_t i = e->nvariables; i > 0; i--)
                        if (strcmp(e->variables[i - 1].name, o->name) == 0) {
                                v = e->variables[i - 1].value;
                                break;
                        }
                break;
        case TMPL_LITERAL:
                v = (tmpl_value){ .json = o->literal };
                break;
        case TMPL_PAREN:
                status = eval_pipe(e, dot, o->pipe, &v);
                break;
        case TMPL_FUNCTION: {
                const tmpl_value none = { 0 };
                tmpl_function f = tmpl_function_find(o->name);
                if (!f)
                        return fail_at(e, o->position, o->source,
                                       "wrong number of args for %s: want at least 1 got 0", o->name);
                status = f(e->arena, &none, 0, &v, e->err);
                if (status)
                        fail_at(e, o->position, o->source, "error calling %s: %s", o->name,
                                mn_err_text(e->err));
                break;
        }
        }
        for (size_t i = 0; !status && o->fields && o->fields[i]; i++)
                status = get_field(e, o, o->fields[i], &v);
        if (!status)
                *ret = v;
        return status;
}

/* and, or: the first argument that decides, or the last. */
static mn_status eval_logic(execution *e, const tmpl_value *dot, const tmpl_command *c,
                            const tmpl_value *final, tmpl_value *ret) {
        bool is_or = strcmp(c->operands->name, "or") == 0;
        for (const tmpl_operand *o = c->operands->next; o; o = o->next) {
                mn_status status = eval_operand(e, dot, o, ret);
                if (status)
                        return status;
                if (tmpl_is_true(ret) == is_or)
                        return MN_OK;
        }
        if (final)
                *ret = *final;
        else if (!c->operands->next)
                return fail_at(e, c->position, c->source,
                               "wrong number of args for %s: want at least 1 got 0", c->operands->name);
        return MN_OK;
}

static mn_status eval_function(execution *e, const tmpl_value *dot, const tmpl_command *c,
                               const tmpl_value *final, tmpl_value *ret) {
        tmpl_value args[MAX_ARGS];
        size_t n = 0;
        tmpl_function f = tmpl_function_find(c->operands->name);
        if (!f)
                return eval_logic(e, dot, c, final, ret);
        for (const tmpl_operand *o = c->operands->next; o; o = o->next) {
                if (n == MAX_ARGS - 1)
                        return fail_at(e, c->position, c->source, "too many arguments");
                mn_status status = eval_operand(e, dot, o, &args[n++]);
                if (status)
                        return status;
        }
        if (final)
                args[n++] = *final;
        cleanup_err mn_err cause = { 0 };
        mn_status status = f(e->arena, args, n, ret, &cause);
        if (status)
                fail_at(e, c->position, c->source, "error calling %s: %s", c->operands->name,
                        mn_err_text(&cause));
        return status;
}

/* ".Label "key"": a method of the top-level value. */
static mn_status eval_method(execution *e, const tmpl_value *dot, const tmpl_command *c,
                             const tmpl_value *final, tmpl_value *ret) {
        const tmpl_operand *o = c->operands;
        const char *name = o->fields ? o->fields[0] : "";
        tmpl_value argument = { 0 };
        mn_status status = o->next ? eval_operand(e, dot, o->next, &argument) : MN_OK;
        if (status)
                return status;
        if (!o->next && final)
                argument = *final;
        bool has_two = o->next && (o->next->next || final);
        if (!has_two && o->kind == TMPL_DOT && dot->is_top && o->fields && !o->fields[1] && e->ctx->method &&
            tmpl_kind(&argument) == MN_JSON_STRING) {
                const mn_json *json = e->ctx->method(e->ctx->userdata, e->arena, name,
                                                     argument.json ? argument.json->text : "");
                if (json) {
                        *ret = (tmpl_value){ .json = json };
                        return MN_OK;
                }
        }
        if (o->fields)
                return fail_at(e, o->position, o->source,
                               "%s has arguments but cannot be invoked as function", name);
        return fail_at(e, o->position, o->source, "can't give argument to non-function %s", o->source);
}

static mn_status eval_pipe(execution *e, const tmpl_value *dot, const tmpl_pipe *pipe, tmpl_value *ret) {
        tmpl_value value = { 0 };
        bool has_value = false;
        if (++e->steps > MAX_STEPS)
                return mn_fail(e->err, MN_INVALID, "template: : takes too many steps");
        for (const tmpl_command *c = pipe->commands; c; c = c->next) {
                const tmpl_value *final = has_value ? &value : NULL;
                tmpl_value next = { 0 };
                mn_status status = c->operands->kind == TMPL_FUNCTION ? eval_function(e, dot, c, final, &next)
                                   : c->operands->next || has_value
                                           ? eval_method(e, dot, c, final, &next)
                                           : eval_operand(e, dot, c->operands, &next);
                if (status)
                        return status;
                value = next;
                has_value = true;
        }
        for (size_t i = 0; i < pipe->nvariables && pipe->is_assignment; i++)
                for (size_t k = e->nvariables; k > 0; k--)
                        if (strcmp(e->variables[k - 1].name, pipe->variables[i]) == 0) {
                                e->variables[k - 1].value = value;
                                break;
                        }
        *ret = value;
        return MN_OK;
}

static mn_status declare(execution *e, const char *name, const tmpl_value *value) {
        if (e->nvariables == MAX_VARIABLES)
                return mn_fail(e->err, MN_INVALID, "template: : too many variables");
        e->variables[e->nvariables++] = (variable){ name, *value };
        return MN_OK;
}

static int compare_keys(const void *a, const void *b) {
        return strcmp((*(const mn_json *const *) a)->key, (*(const mn_json *const *) b)->key);
}

/* One round of a range; false in `*ret_goes_on` after a break. */
static mn_status range_round(execution *e, const tmpl_node *node, const tmpl_value *key,
                             const tmpl_value *value, bool *ret_goes_on) {
        size_t mark = e->nvariables;
        const tmpl_pipe *pipe = node->pipe;
        mn_status status = MN_OK;
        if (pipe->nvariables == 2)
                status = declare(e, pipe->variables[0], key);
        if (!status && pipe->nvariables)
                status = declare(e, pipe->variables[pipe->nvariables - 1], value);
        flow how = FLOW_ON;
        if (!status)
                status = walk(e, value, node->body, &how);
        e->nvariables = mark;
        *ret_goes_on = how != FLOW_BREAK;
        return status;
}

static mn_status range_children(execution *e, const tmpl_node *node, const tmpl_value *v) {
        const mn_json **children = mn_arena_array(e->arena, v->json->len + 1, sizeof(*children));
        size_t n = 0;
        for (const mn_json *c = v->json->child; c; c = c->next)
                children[n++] = c;
        bool is_map = v->json->kind == MN_JSON_OBJECT, goes_on = true;
        if (is_map)
                qsort(children, n, sizeof(*children), compare_keys);
        for (size_t i = 0; i < n && goes_on; i++) {
                tmpl_value key = is_map ? tmpl_new_string(e->arena, children[i]->key,
                                                          strlen(children[i]->key))
                                        : tmpl_new_number(e->arena, (long long) i);
                tmpl_value value = tmpl_child(v, children[i]);
                mn_status status = range_round(e, node, &key, &value, &goes_on);
                if (status)
                        return status;
        }
        return MN_OK;
}

static mn_status walk_range(execution *e, const tmpl_value *dot, const tmpl_node *node, flow *ret_flow) {
        tmpl_value v;
        mn_status status = eval_pipe(e, dot, node->pipe, &v);
        if (status)
                return status;
        mn_json_kind kind = tmpl_kind(&v);
        bool has_json = v.json && v.json->kind == kind;
        if (kind == MN_JSON_NUMBER) {
                int64_t count = 0;
                if (has_json && mn_parse_i64(v.json->text, INT64_MIN, INT64_MAX, &count))
                        return fail_at(e, node->pipe->commands->position, node->pipe->commands->source,
                                       "range can't iterate over %s", v.json->text);
                bool goes_on = true;
                for (int64_t i = 0; i < count && goes_on && !status; i++) {
                        tmpl_value number = tmpl_new_number(e->arena, i);
                        status = ++e->steps > MAX_STEPS
                                         ? mn_fail(e->err, MN_INVALID, "template: : takes too many steps")
                                         : range_round(e, node, &number, &number, &goes_on);
                }
                return count > 0 || status ? status : walk(e, dot, node->otherwise, ret_flow);
        }
        if (kind == MN_JSON_STRING || kind == MN_JSON_BOOL)
                return fail_at(e, node->pipe->commands->position, node->pipe->commands->source,
                               "range can't iterate over %s",
                               kind == MN_JSON_STRING ? (has_json ? v.json->text : "")
                                                      : (has_json && v.json->boolean ? "true" : "false"));
        if (!has_json || !v.json->len || kind == MN_JSON_NULL)
                return walk(e, dot, node->otherwise, ret_flow);
        return range_children(e, node, &v);
}

static mn_status walk_branch(execution *e, const tmpl_value *dot, const tmpl_node *node, flow *ret_flow) {
        size_t mark = e->nvariables;
        tmpl_value v;
        mn_status status = eval_pipe(e, dot, node->pipe, &v);
        if (!status && node->pipe->nvariables && !node->pipe->is_assignment)
                status = declare(e, node->pipe->variables[0], &v);
        if (!status && tmpl_is_true(&v)) {
                status = walk(e, node->kind == TMPL_WITH ? &v : dot, node->body, ret_flow);
        } else if (!status) {
                status = walk(e, dot, node->otherwise, ret_flow);
        }
        e->nvariables = mark;
        return status;
}

static mn_status walk_action(execution *e, const tmpl_value *dot, const tmpl_node *node) {
        tmpl_value v;
        mn_status status = eval_pipe(e, dot, node->pipe, &v);
        if (status)
                return status;
        if (node->pipe->nvariables)
                return node->pipe->is_assignment ? MN_OK : declare(e, node->pipe->variables[0], &v);
        tmpl_print(&v, e->out);
        return MN_OK;
}

/* {{template "name" value}}: with variables of its own, "$" and "." being the value. */
static mn_status walk_call(execution *e, const tmpl_value *dot, const tmpl_node *node) {
        const tmpl_definition *d = e->t->definitions;
        const char *name = mn_arena_printf(e->arena, "{{template \"%s\"%s%s}}", node->text,
                                           node->pipe ? " " : "",
                                           node->pipe ? node->pipe->commands->source : "");
        size_t mark = e->nvariables;
        tmpl_value value = { 0 };
        flow how = FLOW_ON;
        while (d && strcmp(d->name, node->text) != 0)
                d = d->next;
        if (!d)
                return fail_at(e, node->len, name, "template \"%s\" not defined", node->text);
        if (e->calls == MAX_CALLS)
                return fail_at(e, node->len, name, "exceeded maximum template depth (%d)", MAX_CALLS);
        mn_status status = node->pipe ? eval_pipe(e, dot, node->pipe, &value) : MN_OK;
        e->calls++;
        if (!status)
                status = declare(e, "$", &value);
        if (!status)
                status = walk(e, &value, d->nodes, &how);
        e->calls--;
        e->nvariables = mark;
        return status;
}

static mn_status walk(execution *e, const tmpl_value *dot, const tmpl_node *node, flow *ret_flow) {
        size_t mark = e->nvariables;
        mn_status status = MN_OK;
        for (; node && !status && *ret_flow == FLOW_ON; node = node->next) {
                if (e->out->has_failed)
                        return mn_fail(e->err, MN_INVALID, "template: : the output is too long");
                switch (node->kind) {
                case TMPL_TEXT:
                        mn_str_add_len(e->out, node->text, node->len);
                        break;
                case TMPL_ACTION:
                        status = walk_action(e, dot, node);
                        break;
                case TMPL_IF:
                case TMPL_WITH:
                        status = walk_branch(e, dot, node, ret_flow);
                        break;
                case TMPL_RANGE:
                        status = walk_range(e, dot, node, ret_flow);
                        break;
                case TMPL_BREAK:
                        *ret_flow = FLOW_BREAK;
                        break;
                case TMPL_CONTINUE:
                        *ret_flow = FLOW_CONTINUE;
                        break;
                case TMPL_CALL:
                        status = walk_call(e, dot, node);
                        break;
                }
        }
        e->nvariables = mark;
        return status;
}

mn_status mn_template_execute(const mn_template *t, const mn_json *data, const mn_template_context *ctx,
                              mn_arena *arena, mn_str *out, mn_err *err) {
        static const mn_template_context plain = { 0 };
        execution e = { .t = t, .ctx = ctx ? ctx : &plain, .arena = arena, .out = out, .err = err };
        const tmpl_value top = { .json = data, .type = e.ctx->type, .is_top = true };
        flow how = FLOW_ON;
        mn_status status = declare(&e, "$", &top);
        return status ? status : walk(&e, &top, t->nodes, &how);
}
