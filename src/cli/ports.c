/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ports.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

typedef struct port {
        const char *ip, *type;
        int inside, outside; /* outside 0: not published */
} port;

/* A run of ports that are published under their own numbers, or not at all. */
typedef struct run {
        const char *ip, *type; /* ip "": not published */
        int first, last;
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

static void add_address(mn_str *out, const char *ip, int first, int last) {
        mn_str_printf(out, strchr(ip, ':') ? "[%s]:" : "%s:", ip);
        mn_str_printf(out, last > first ? "%d-%d->" : "%d->", first, last);
}

static void add_run(mn_str *out, const run *r) {
        if (out->len)
                mn_str_add(out, ", ");
        if (*r->ip)
                add_address(out, r->ip, r->first, r->last);
        mn_str_printf(out, "%d", r->first);
        if (r->last > r->first)
                mn_str_printf(out, "-%d", r->last);
        mn_str_printf(out, "/%s", r->type);
}

/* Puts the port into the open run of its address and protocol. A run that it does not continue is printed. */
static void put_port(mn_str *out, const port *p, run *runs, size_t *nruns) {
        for (size_t i = 0; i < *nruns; i++) {
                run *r = &runs[i];
                if (strcmp(r->ip, p->ip) != 0 || strcmp(r->type, p->type) != 0)
                        continue;
                if (p->inside != r->last + 1) {
                        add_run(out, r);
                        r->first = p->inside;
                }
                r->last = p->inside;
                return;
        }
        runs[(*nruns)++] = (run){ p->ip, p->type, p->inside, p->inside };
}

/* Runs come first, in the order in which they began; ports published under other numbers follow one by one.
 */
const char *ports_display(mn_arena *arena, const mn_json *ports) {
        size_t n = ports && ports->kind == MN_JSON_ARRAY ? ports->len : 0, used = 0, nruns = 0;
        port *list = mn_arena_array(arena, n + 1, sizeof(*list));
        run *runs = mn_arena_array(arena, n + 1, sizeof(*runs));
        cleanup_str mn_str out = MN_STR_INIT(0);
        for (const mn_json *p = n ? ports->child : NULL; p; p = p->next)
                list[used++] = (port){ cli_text(p, "IP"), cli_text(p, "Type"),
                                       (int) cli_number(p, "PrivatePort"),
                                       (int) cli_number(p, "PublicPort") };
        qsort(list, used, sizeof(*list), by_number);
        for (size_t i = 0; i < used; i++)
                if (!*list[i].ip || list[i].inside == list[i].outside)
                        put_port(&out, &list[i], runs, &nruns);
        for (size_t i = 0; i < nruns; i++)
                add_run(&out, &runs[i]);
        for (size_t i = 0; i < used; i++) {
                if (!*list[i].ip || list[i].inside == list[i].outside)
                        continue;
                mn_str_add(&out, out.len ? ", " : "");
                add_address(&out, list[i].ip, list[i].outside, list[i].outside);
                mn_str_printf(&out, "%d/%s", list[i].inside, list[i].type);
        }
        return mn_arena_strdup(arena, mn_str_text(&out));
}
