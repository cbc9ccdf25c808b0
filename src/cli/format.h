/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lists: rows of named texts, printed as an aligned table, as JSON or through a template, the way `docker ps`
 * and its relatives do.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/template.h"

/* A field of the rows and its heading. */
typedef struct format_column {
        const char *name;    /* ".ID" without the dot */
        const char *heading; /* "CONTAINER ID" */
        bool is_ours; /* Docker has no such field: for templates, not in the JSON that scripts compare */
} format_column;

typedef struct format_spec {
        const char *type_name;        /* Go's, for messages: "*formatter.ContainerContext" */
        const format_column *columns; /* sorted by name; ends with a zeroed entry */
        const char *table;            /* default template: "{{.ID}}\t{{.Names}}" */
        const char *quiet;            /* with --quiet; NULL: no such option */
} format_spec;

typedef struct format_list format_list;

/* A list in the format the user asked for ("" and NULL: the default table). MN_INVALID "template parsing
 * error: ...". */
mn_status format_new(mn_arena *arena, const format_spec *spec, const char *format, bool is_quiet,
                     format_list **ret, mn_err *err) MN_MUST_USE;

/* True when the output shows the field, so that a costly one is asked for only then. */
bool format_uses(const format_list *list, const char *field);

/* Starts a row; fields that are not set are "". `labels` serves `.Label "key"` and may be NULL. */
void format_row(format_list *list, const mn_json *labels);
void format_set(format_list *list, const char *field, const char *value);
void format_set_bool(format_list *list, const char *field, bool value);
void format_set_null(format_list *list, const char *field);

/* Prints the rows to standard output and forgets them. `err` is Docker's message of a failing template. */
mn_status format_print(format_list *list, mn_err *err) MN_MUST_USE;

/* As above into `out`. */
mn_status format_render(format_list *list, mn_str *out, mn_err *err) MN_MUST_USE;

/* Runs a user's `--format` over one document (inspect, version, info): the typed form first, then the plain
 * one, and a line break. */
mn_status format_document(mn_arena *arena, const mn_template *t, const mn_type *type, const mn_json *document,
                          mn_str *out, mn_err *err) MN_MUST_USE;

/* Parses `--format` of a document: "json" is "{{json .}}". */
mn_status format_parse(mn_arena *arena, const char *format, mn_template **ret, mn_err *err) MN_MUST_USE;
