/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parsed form of a template, between template_parse.c and template_exec.c; private to them. */

#include <stdbool.h>
#include <stddef.h>

#include "codec/json.h"
#include "codec/template.h"

typedef struct tmpl_pipe tmpl_pipe;

typedef enum tmpl_operand_kind {
        TMPL_DOT,      /* . and .A.B */
        TMPL_VARIABLE, /* $x and $x.A.B; "$" is the top-level data */
        TMPL_LITERAL,  /* string, number, true, false, nil */
        TMPL_FUNCTION,
        TMPL_PAREN, /* (pipeline) and (pipeline).A.B */
} tmpl_operand_kind;

typedef struct tmpl_operand {
        tmpl_operand_kind kind;
        const char *name;       /* variable with its '$', or function */
        const mn_json *literal; /* NULL for nil */
        tmpl_pipe *pipe;
        const char **fields; /* NULL-terminated chain of names, NULL when there is none */
        size_t position;     /* byte in the text, as Go reports it */
        const char *source;  /* as written */
        struct tmpl_operand *next;
} tmpl_operand;

/* A function or method with its arguments, or one operand. */
typedef struct tmpl_command {
        tmpl_operand *operands;
        size_t position;
        const char *source;
        struct tmpl_command *next;
} tmpl_command;

struct tmpl_pipe {
        const char *variables[2]; /* "$k" and "$v" of `$k, $v := ...` */
        size_t nvariables;
        bool is_assignment; /* '=' instead of ':=' */
        tmpl_command *commands;
};

typedef enum tmpl_node_kind {
        TMPL_TEXT,
        TMPL_ACTION,
        TMPL_IF,
        TMPL_WITH,
        TMPL_RANGE,
        TMPL_BREAK,
        TMPL_CONTINUE,
        TMPL_CALL, /* {{template "text" pipe}}; len: where the name begins */
} tmpl_node_kind;

typedef struct tmpl_node {
        tmpl_node_kind kind;
        const char *text;
        size_t len;
        tmpl_pipe *pipe;
        struct tmpl_node *body, *otherwise;
        struct tmpl_node *next;
} tmpl_node;

/* {{define "name"}}. */
typedef struct tmpl_definition {
        const char *name;
        tmpl_node *nodes;
        struct tmpl_definition *next; /* an earlier one */
} tmpl_definition;

struct mn_template {
        const char *text;
        tmpl_node *nodes;
        tmpl_definition *definitions;
};

/* A value while executing. */
typedef struct tmpl_value {
        const mn_json *json; /* NULL: nil or absent */
        const mn_type *type; /* how Go declares it; NULL: as an interface */
        bool is_top;         /* the data itself */
} tmpl_value;

/* A function gets its evaluated arguments. MN_INVALID with the cause only; the caller names function and
 * place. */
typedef mn_status (*tmpl_function)(mn_arena *arena, const tmpl_value *args, size_t nargs, tmpl_value *ret,
                                   mn_err *err);

/* The function of that name, or NULL. `and` and `or` are not here: they do not evaluate all their arguments.
 */
tmpl_function tmpl_function_find(const char *name);

/* Go's truth: not false, 0, "", nil or empty. */
bool tmpl_is_true(const tmpl_value *v);

/* Kind of the value, the declared type considered when it is absent. */
mn_json_kind tmpl_kind(const tmpl_value *v);

/* Appends the value as fmt's %v has it. */
void tmpl_print(const tmpl_value *v, mn_str *out);

/* Element or member `child` of `v` with its declared type. */
tmpl_value tmpl_child(const tmpl_value *v, const mn_json *child);

/* Declared type without its pointer. */
const mn_type *tmpl_deref(const mn_type *type);

mn_json *tmpl_new_json(mn_arena *arena, mn_json_kind kind);
tmpl_value tmpl_new_string(mn_arena *arena, const char *text, size_t len);
tmpl_value tmpl_new_bool(mn_arena *arena, bool value);
tmpl_value tmpl_new_number(mn_arena *arena, long long value);

/* Appends `format` with its verbs filled in from the values, as fmt.Sprintf. */
void tmpl_sprintf(const tmpl_value *args, size_t nargs, mn_str *out);
