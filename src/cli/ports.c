/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ports.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

typedef struct port {
        const char *ip, *type;
        int inside, outside; /* outside 0: not published */
} port;

/* A run of ports that continue each other on the same address. */
typedef struct run {
        port first;
        int count;
} run;

static int by_number(const void *a, const void *b) {
        const port *x = a, *y = b;
        if (x->inside != y->inside)
                return x->inside - y->inside;
        int r = strcmp(x->ip, y->ip);
        if (!r)
                r = x->outside - y->outside;
        return r ? r : strcmp(x->type, y->type);
}

static int by_protocol(const void *a, const void *b) {
        const port *x = a, *y = b;
        int r = strcmp(x->type, y->type);
        return r ? r : by_number(a, b);
}

static bool continues(const run *r, const port *p) {
        bool is_next = p->inside == r->first.inside + r->count;
        bool is_published = p->outside != 0;
        return is_next && strcmp(r->first.ip, p->ip) == 0 && strcmp(r->first.type, p->type) == 0 &&
               (is_published ? r->first.outside && p->outside == r->first.outside + r->count
                             : !r->first.outside);
}

static void add_range(mn_str *out, int first, int count) {
        mn_str_printf(out, count > 1 ? "%d-%d" : "%d", first, first + count - 1);
}

static void add_run(mn_str *out, const run *r) {
        if (out->len)
                mn_str_add(out, ", ");
        if (r->first.outside) {
                mn_str_printf(out, strchr(r->first.ip, ':') ? "[%s]:" : "%s:", r->first.ip);
                add_range(out, r->first.outside, r->count);
                mn_str_add(out, "->");
        }
        add_range(out, r->first.inside, r->count);
        mn_str_printf(out, "/%s", r->first.type);
}

const char *ports_display(mn_arena *arena, const mn_json *ports) {
        size_t n = ports && ports->kind == MN_JSON_ARRAY ? ports->len : 0, used = 0;
        port *list = mn_arena_array(arena, n + 1, sizeof(*list));
        run *runs = mn_arena_array(arena, n + 1, sizeof(*runs));
        cleanup_str mn_str out = MN_STR_INIT(0);
        for (const mn_json *p = ports ? ports->child : NULL; p && used < n; p = p->next)
                list[used++] = (port){ cli_text(p, "IP"), cli_text(p, "Type"),
                                       (int) cli_number(p, "PrivatePort"),
                                       (int) cli_number(p, "PublicPort") };
        qsort(list, used, sizeof(*list), by_protocol);
        size_t nruns = 0;
        for (size_t i = 0; i < used; i++) {
                size_t k = nruns;
                while (k > 0 && !continues(&runs[k - 1], &list[i]))
                        k--;
                if (k > 0)
                        runs[k - 1].count++;
                else
                        runs[nruns++] = (run){ list[i], 1 };
        }
        for (size_t i = 0; i < nruns; i++)
                add_run(&out, &runs[i]);
        return mn_arena_strdup(arena, mn_str_text(&out));
}
