/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The part of Go's text/template that `--format` needs, over JSON values: fields, variables, pipelines,
 * parentheses, if/else/range/with/break/continue, trim markers, comments, the builtin functions (and or not
 * len index slice print printf println eq ne lt le gt ge html js urlquery) and Docker's (json join split
 * lower upper title pad truncate). `define`, `template`, `block` and `call` are refused by name.
 *
 *     {{range $name, $net := .NetworkSettings.Networks}}{{$name}}={{$net.IPAddress}} {{end}}
 *
 * Messages are worded as Go words them, because people search for them.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

typedef struct mn_template mn_template;

/* What a template meets besides the bare JSON. Zero-initialised: plain maps, a missing key is "<no value>".
 */
typedef struct mn_template_context {
        /* How the Go program declares the data: absent members then have the zero value of their type ("",
         * 0, [], <nil>), unknown ones are an error. NULL: maps and interfaces. */
        const mn_type *type;
        /* Untyped maps: a missing key is an error (Go's missingkey=error). */
        bool is_missing_key_error;
        /* Untyped top level only: name of the Go type in "can't evaluate field X in type T"; a missing field
         * of the top level is then this error. */
        const char *type_name;
        /* Methods of the top-level value that take one argument (".Label \"key\""): the value, or NULL when
         * there is no method of that name. */
        const mn_json *(*method)(void *userdata, mn_arena *arena, const char *name, const char *argument);
        void *userdata;
} mn_template_context;

/* Parses `text` (at most 1 MiB) into `arena`; the text is copied. MN_INVALID "template: :1: unclosed action".
 */
mn_status mn_template_parse(mn_arena *arena, const char *text, mn_template **ret, mn_err *err) MN_MUST_USE;

/* Appends what the template makes of `data`. `ctx` may be NULL. MN_INVALID "template: :1:2: executing "" at
 * <.Foo>: ..."; `out` then holds what was written before. */
mn_status mn_template_execute(const mn_template *t, const mn_json *data, const mn_template_context *ctx,
                              mn_arena *arena, mn_str *out, mn_err *err) MN_MUST_USE;

/* True when the template names the field anywhere (".Size"), so that a costly value is asked for only then.
 */
bool mn_template_uses_field(const mn_template *t, const char *name);
