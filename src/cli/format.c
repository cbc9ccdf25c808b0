/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/text.h"

enum { MIN_WIDTH = 10, PADDING = 3 };

struct format_list {
        mn_arena *arena;
        const format_spec *spec;
        mn_template *template;
        bool is_table, is_json, is_safe;
        mn_str text; /* rows so far, not aligned */
        mn_json *row;
        const mn_json *labels;
        bool has_row;
        mn_status status;
        mn_err err;
};

/* Docker lets users write "\t" and "\n" in formats. */
static const char *unescape(mn_arena *arena, const char *text) {
        char *out = mn_arena_strdup(arena, text), *to = out;
        for (const char *s = text; *s; s++) {
                bool is_escape = s[0] == '\\' && (s[1] == 't' || s[1] == 'n');
                *to++ = is_escape ? (s[1] == 't' ? '\t' : '\n') : *s;
                s += is_escape;
        }
        *to = '\0';
        return out;
}

static const char *trim(mn_arena *arena, const char *text) {
        while (*text == ' ')
                text++;
        size_t len = strlen(text);
        while (len && text[len - 1] == ' ')
                len--;
        return mn_arena_strndup(arena, text, len);
}

mn_status format_new(mn_arena *arena, const format_spec *spec, const char *format, bool is_quiet,
                     format_list **ret, mn_err *err) {
        format_list *list = mn_arena_alloc(arena, sizeof(*list));
        *list = (format_list){ .arena = arena, .spec = spec, .text = MN_STR_INIT(0) };
        format = format ? format : "";
        if (!*format || strcmp(format, "table") == 0) {
                list->is_table = !is_quiet;
                format = is_quiet ? spec->quiet : spec->table;
        } else if (strcmp(format, "json") == 0 || strcmp(format, "{{json .}}") == 0) {
                list->is_json = true;
                format = "";
        } else {
                if (strncmp(format, "table ", 6) == 0) {
                        list->is_table = true;
                        format += 6;
                }
                format = unescape(arena, trim(arena, format));
        }
        list->is_safe = list->is_table || isatty(STDOUT_FILENO);
        mn_status status = mn_template_parse(arena, format, &list->template, err);
        if (status)
                return mn_err_prefix(err, status, "failed to parse template");
        *ret = list;
        return MN_OK;
}

bool format_uses(const format_list *list, const char *field) {
        return list->is_json || mn_template_uses_field(list->template, field);
}

static mn_json *new_string(mn_arena *arena, const char *key, const char *value) {
        mn_json *json = mn_arena_alloc(arena, sizeof(*json));
        *json = (mn_json){ .kind = MN_JSON_STRING, .key = key, .text = value, .len = strlen(value) };
        return json;
}

static const mn_json *label_method(void *userdata, mn_arena *arena, const char *name, const char *argument) {
        const format_list *list = userdata;
        if (strcmp(name, "Label") != 0)
                return NULL;
        const char *value = mn_json_get_str(list->labels, argument);
        return new_string(arena, NULL, value ? value : "");
}

/* An object with every column, valued by its heading or empty. */
static mn_json *new_row(const format_list *list, bool has_headings) {
        mn_json *row = mn_arena_alloc(list->arena, sizeof(*row));
        row->kind = MN_JSON_OBJECT;
        mn_json **tail = &row->child;
        for (const format_column *c = list->spec->columns; c->name; c++) {
                if (list->is_json && c->is_ours)
                        continue;
                *tail = new_string(list->arena, c->name, has_headings ? c->heading : "");
                tail = &(*tail)->next;
                row->len++;
        }
        return row;
}

/* Go's encoder writes '<', '>' and '&' as escapes; a row as a whole comes through it. */
static void add_row_json(const mn_json *row, mn_str *out) {
        cleanup_str mn_str plain = MN_STR_INIT(0);
        mn_json_write(row, &plain);
        for (size_t i = 0; i < plain.len; i++) {
                char c = plain.data[i];
                if (c == '<' || c == '>' || c == '&')
                        mn_str_printf(out, "\\u%04x", (unsigned) c);
                else
                        mn_str_add_char(out, c);
        }
}

static void run_template(format_list *list, const mn_json *row, const char *type_name) {
        const mn_template_context ctx = { .type_name = type_name, .method = label_method, .userdata = list };
        if (list->is_json)
                add_row_json(row, &list->text);
        else if (!list->status)
                list->status = mn_template_execute(list->template, row, &ctx, list->arena, &list->text,
                                                   &list->err);
        mn_str_add_char(&list->text, '\n');
}

static void end_row(format_list *list) {
        if (list->has_row)
                run_template(list, list->row, list->spec->type_name);
        list->has_row = false;
}

void format_row(format_list *list, const mn_json *labels) {
        end_row(list);
        list->row = new_row(list, false);
        list->labels = labels;
        list->has_row = true;
}

static mn_json *find_cell(format_list *list, const char *field) {
        mn_json *cell = list->row->child;
        while (cell && strcmp(cell->key, field) != 0)
                cell = cell->next;
        return cell;
}

void format_set(format_list *list, const char *field, const char *value) {
        mn_json *cell = find_cell(list, field);
        if (!cell)
                return;
        value = value ? value : "";
        if (list->is_safe && !list->is_json) {
                cleanup_str mn_str safe = MN_STR_INIT(0);
                text_add_safe(&safe, value, strlen(value), false);
                value = mn_str_text(&safe);
                cell->text = mn_arena_strdup(list->arena, value);
        } else {
                cell->text = mn_arena_strdup(list->arena, value);
        }
        cell->len = strlen(cell->text);
}

void format_set_null(format_list *list, const char *field) {
        mn_json *cell = find_cell(list, field);
        if (cell)
                *cell = (mn_json){ .kind = MN_JSON_NULL, .key = cell->key, .next = cell->next };
}

void format_set_bool(format_list *list, const char *field, bool value) {
        mn_json *cell = find_cell(list, field);
        if (cell) {
                cell->kind = MN_JSON_BOOL;
                cell->boolean = value;
        }
}

mn_status format_render(format_list *list, mn_str *out, mn_err *err) {
        end_row(list);
        cleanup_str mn_str rows = list->text;
        list->text = MN_STR_INIT(0);
        if (list->status)
                return mn_fail(err, list->status, "failed to execute template: %s", mn_err_text(&list->err));
        if (!list->is_table) {
                mn_str_add_len(out, mn_str_text(&rows), rows.len);
                return MN_OK;
        }
        run_template(list, new_row(list, true), NULL);
        cleanup_str mn_str table = list->text;
        list->text = MN_STR_INIT(0);
        mn_str_add_len(&table, mn_str_text(&rows), rows.len);
        table_align(mn_str_text(&table), MIN_WIDTH, PADDING, out);
        return MN_OK;
}

mn_status format_print(format_list *list, mn_err *err) {
        cleanup_str mn_str out = MN_STR_INIT(0);
        mn_status status = format_render(list, &out, err);
        if (out.len)
                fwrite(out.data, 1, out.len, stdout);
        return status;
}

mn_status format_parse(mn_arena *arena, const char *format, mn_template **ret, mn_err *err) {
        mn_status status = mn_template_parse(arena, strcmp(format, "json") == 0 ? "{{json .}}" : format, ret,
                                             err);
        return status ? mn_err_prefix(err, status, "template parsing error") : MN_OK;
}

mn_status format_document(mn_arena *arena, const mn_template *t, const mn_type *type, const mn_json *document,
                          mn_str *out, mn_err *err) {
        size_t mark = out->len;
        const mn_template_context typed = { .type = type };
        const mn_template_context plain = { .is_missing_key_error = true };
        mn_status status = MN_INVALID;
        if (type)
                status = mn_template_execute(t, document, &typed, arena, out, err);
        if (status) {
                mn_str_truncate(out, mark);
                status = mn_template_execute(t, document, &plain, arena, out, err);
        }
        if (status) {
                mn_str_truncate(out, mark);
                mn_err_prefix(err, status, "template parsing error");
        }
        mn_str_add_char(out, '\n');
        return status;
}
