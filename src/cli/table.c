/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <string.h>

#include "base/vec.h"
#include "cli/text.h"

typedef struct cell {
        const char *text;
        size_t len;
        size_t width; /* of its column once known; 0: last cell of its row */
} cell;

typedef struct row {
        size_t first, count; /* cells */
} row;

typedef struct grid {
        MN_VEC(cell) cells;
        MN_VEC(row) rows;
} grid;

static void split(grid *g, const char *text) {
        while (*text) {
                row r = { .first = g->cells.len };
                for (;;) {
                        size_t len = strcspn(text, "\t\n");
                        mn_vec_push(&g->cells, ((cell){ .text = text, .len = len }));
                        r.count++;
                        text += len;
                        if (*text != '\t')
                                break;
                        text++;
                }
                mn_vec_push(&g->rows, r);
                if (*text)
                        text++;
        }
}

/* A column is a run of rows that have a cell there which is not their last; each run has a width of its own.
 */
static void measure(grid *g, size_t column, size_t min_width, size_t padding) {
        for (size_t i = 0; i < g->rows.len;) {
                size_t end = i, width = min_width;
                for (; end < g->rows.len && column + 1 < g->rows.items[end].count; end++) {
                        const cell *c = &g->cells.items[g->rows.items[end].first + column];
                        size_t wanted = text_width(c->text, c->len) + padding;
                        width = wanted > width ? wanted : width;
                }
                for (size_t k = i; k < end; k++)
                        g->cells.items[g->rows.items[k].first + column].width = width;
                i = end > i ? end : i + 1;
        }
}

void table_align(const char *text, size_t min_width, size_t padding, mn_str *out) {
        grid g = { 0 };
        size_t columns = 0;
        split(&g, text);
        for (size_t i = 0; i < g.rows.len; i++)
                columns = MN_MAX(columns, g.rows.items[i].count);
        for (size_t column = 0; column + 1 < columns; column++)
                measure(&g, column, min_width, padding);
        for (size_t i = 0; i < g.rows.len; i++) {
                const cell *c = g.cells.items + g.rows.items[i].first;
                for (size_t k = 0; k < g.rows.items[i].count; k++, c++) {
                        mn_str_add_len(out, c->text, c->len);
                        for (size_t w = text_width(c->text, c->len); w < c->width; w++)
                                mn_str_add_char(out, ' ');
                }
                mn_str_add_char(out, '\n');
        }
        mn_vec_release(&g.cells);
        mn_vec_release(&g.rows);
}
