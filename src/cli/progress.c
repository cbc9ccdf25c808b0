/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "cli/text.h"
#include "codec/size.h"
#include "sys/fd.h"

enum { MAX_LINE = 1 << 20, MAX_BARS = 1000, BAR_WIDTH = 50, LONGEST_S = 100 * 3600 };

/* Length of the first JSON document in `text`, 0 when it is not complete. Documents may follow each other
 * with or without line breaks. */
static size_t document_length(const char *text, size_t len) {
        size_t depth = 0;
        bool is_string = false;
        for (size_t i = 0; i < len; i++) {
                char c = text[i];
                if (is_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                is_string = false;
                } else if (c == '"') {
                        is_string = true;
                } else if (c == '{' || c == '[') {
                        depth++;
                } else if ((c == '}' || c == ']') && depth && --depth == 0) {
                        return i + 1;
                }
        }
        return 0;
}

static bool take_documents(mn_str *pending, bool (*take)(void *, const mn_json *, mn_arena *),
                           void *userdata) {
        size_t begin = 0, len;
        while ((len = document_length(mn_str_text(pending) + begin, pending->len - begin)) > 0) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                const mn_json *document;
                const mn_json_limits limits = { .allows_duplicate_keys = true };
                const char *text = pending->data + begin;
                begin += len;
                if (mn_json_parse(arena, text, len, &limits, &document, NULL) == MN_OK &&
                    !take(userdata, document, arena))
                        return false;
        }
        if (begin) {
                memmove(pending->data, pending->data + begin, pending->len - begin);
                mn_str_truncate(pending, pending->len - begin);
        }
        return true;
}

mn_status progress_each(client_stream *stream,
                        bool (*take)(void *userdata, const mn_json *document, mn_arena *arena),
                        void *userdata, mn_err *err) {
        cleanup_str mn_str pending = MN_STR_INIT(MAX_LINE + (64 << 10));
        char buf[32 << 10];
        for (;;) {
                ssize_t n = client_stream_read(stream, buf, sizeof(buf));
                if (n < 0)
                        return mn_fail_errno(err, (int) n, "cannot read from the daemon");
                if (n == 0)
                        return MN_OK;
                mn_str_add_len(&pending, buf, (size_t) n);
                if (!take_documents(&pending, take, userdata))
                        return MN_OK;
                if (pending.len > MAX_LINE)
                        return mn_fail(err, MN_INTERNAL, "the daemon sent a message of more than 1 MiB");
        }
}

typedef struct bar {
        char *id;
        size_t line;   /* from the top */
        char *status;  /* what the figures are about */
        int64_t since; /* when they began, with how much */
        int64_t first;
} bar;

typedef struct progress {
        cli *c;
        int fd;
        bool is_terminal;
        unsigned columns;
        bar *bars;
        size_t nbars, lines;
        const mn_json **aux;
        char *error;
} progress;

static void put(const progress *p, const mn_str *text) {
        if (p->fd >= 0 && text->len)
                mn_write_all(p->fd, text->data, text->len);
}

static void add_text(mn_str *out, const char *text, bool keeps_lines) {
        text_add_safe(out, text, strlen(text), keeps_lines);
}

/* "[=====>     ]  1.2MB/4.3MB", narrower terminals get no bar. */
static void add_bar(const progress *p, const mn_json *detail, mn_str *out) {
        char current_text[MN_SIZE_TEXT_SIZE], total_text[MN_SIZE_TEXT_SIZE];
        int64_t current = cli_number(detail, "current"), total = cli_number(detail, "total");
        if (current <= 0 && total <= 0)
                return;
        mn_size_human((double) current, 4, current_text);
        if (total <= 0 || current > total) {
                mn_str_printf(out, " %8s", current_text);
                return;
        }
        int filled = (int) ((double) current / (double) total * 100) / 2;
        mn_str_add_char(out, ' ');
        if (p->columns > 110) {
                mn_str_add_char(out, '[');
                for (int i = 0; i < filled; i++)
                        mn_str_add_char(out, '=');
                mn_str_add_char(out, '>');
                for (int i = filled; i < BAR_WIDTH; i++)
                        mn_str_add_char(out, ' ');
                mn_str_add(out, "] ");
        }
        mn_str_printf(out, " %8s/%s", current_text, mn_size_human((double) total, 4, total_text));
}

/* Notes where the figures of a status began. */
static void note_figures(bar *b, const char *status, int64_t current) {
        if (mn_str_equal(b->status, status) && current >= b->first)
                return;
        free(b->status);
        b->status = mn_strdup(status);
        b->since = mn_monotonic_ns();
        b->first = current;
}

/* "  12.5MB/s  8s": how fast since the status began, and how long at that pace. Not before half a second. */
static void add_rate(const bar *b, const mn_json *detail, mn_str *out) {
        char rate_text[MN_SIZE_TEXT_SIZE];
        int64_t current = cli_number(detail, "current"), total = cli_number(detail, "total");
        double seconds = (double) (mn_monotonic_ns() - b->since) / (double) MN_NS_PER_SEC;
        if (seconds < 0.5 || current <= b->first || current >= total)
                return;
        double rate = (double) (current - b->first) / seconds;
        double wanted = (double) (total - current) / rate + 1;
        mn_str_printf(out, "  %s/s", mn_size_human(rate, 3, rate_text));
        if (wanted > LONGEST_S)
                return;
        int64_t left = (int64_t) wanted;
        mn_str_add(out, "  ");
        if (left >= 3600)
                mn_str_printf(out, "%lldh%lldm", (long long) (left / 3600), (long long) (left / 60 % 60));
        else if (left >= 60)
                mn_str_printf(out, "%lldm%llds", (long long) (left / 60), (long long) (left % 60));
        else
                mn_str_printf(out, "%llds", (long long) left);
}

static bar *find_bar(progress *p, const char *id) {
        for (size_t i = 0; i < p->nbars; i++)
                if (strcmp(p->bars[i].id, id) == 0)
                        return &p->bars[i];
        return NULL;
}

/* A message with an id has a line of its own that is rewritten in place. */
static void show_on_terminal(progress *p, const char *id, const char *status, const mn_json *detail) {
        cleanup_str mn_str out = MN_STR_INIT(0);
        bar *b = find_bar(p, id);
        size_t up = 0;
        if (b) {
                up = p->lines - b->line;
        } else if (p->nbars < MAX_BARS) {
                p->bars = mn_realloc(p->bars, (p->nbars + 1) * sizeof(*p->bars));
                b = &p->bars[p->nbars++];
                *b = (bar){ .id = mn_strdup(id), .line = p->lines++ };
        }
        if (b && detail)
                note_figures(b, status, cli_number(detail, "current"));
        if (up)
                mn_str_printf(&out, "\x1b[%zuA\x1b[2K\r", up);
        if (*id) {
                add_text(&out, id, false);
                mn_str_add(&out, ": ");
        }
        add_text(&out, status, false);
        if (detail)
                add_bar(p, detail, &out);
        if (detail && b)
                add_rate(b, detail, &out);
        mn_str_add(&out, "\r\n");
        if (up > 1)
                mn_str_printf(&out, "\x1b[%zuB", up - 1);
        put(p, &out);
}

/* What is above is left as it is from now on. */
static void forget_bars(progress *p) {
        for (size_t i = 0; i < p->nbars; i++) {
                free(p->bars[i].id);
                free(p->bars[i].status);
        }
        p->nbars = p->lines = 0;
}

static void show_line(progress *p, const char *id, const char *status) {
        cleanup_str mn_str out = MN_STR_INIT(0);
        if (*id) {
                add_text(&out, id, false);
                mn_str_add(&out, ": ");
        }
        add_text(&out, status, true);
        mn_str_add_char(&out, '\n');
        put(p, &out);
        forget_bars(p);
}

static bool take_message(void *userdata, const mn_json *m, mn_arena *arena) {
        (void) arena;
        progress *p = userdata;
        const char *id = cli_text(m, "id"), *status = cli_text(m, "status"),
                   *stream = mn_json_get_str(m, "stream");
        const mn_json *detail = mn_json_get(m, "progressDetail"), *aux = mn_json_get(m, "aux");
        const char *error = mn_json_get_str(mn_json_get(m, "errorDetail"), "message");
        error = error ? error : mn_json_get_str(m, "error");
        bool has_detail = detail && detail->len > 0;
        if (error) {
                p->error = mn_arena_strdup(p->c->arena, error);
                return false;
        }
        if (aux && p->aux) {
                cleanup_str mn_str text = MN_STR_INIT(0);
                mn_json_write(aux, &text);
                mn_status parsed = mn_json_parse(p->c->arena, mn_str_text(&text), text.len, NULL, p->aux,
                                                 NULL);
                (void) parsed; /* it was written by our own encoder */
        }
        if (aux)
                return true;
        if (stream) {
                cleanup_str mn_str out = MN_STR_INIT(0);
                add_text(&out, stream, true);
                put(p, &out);
        } else if (p->is_terminal && *id) {
                show_on_terminal(p, id, status, has_detail ? detail : NULL);
        } else if (!has_detail) {
                show_line(p, id, status);
        }
        return true;
}

mn_status progress_show(cli *c, client_stream *stream, int fd, const mn_json **aux, mn_err *err) {
        progress p = { .c = c, .fd = fd, .is_terminal = fd >= 0 && isatty(fd), .aux = aux };
        p.columns = p.is_terminal ? text_columns(fd) : 0;
        fflush(stdout);
        mn_status status = progress_each(stream, take_message, &p, err);
        forget_bars(&p);
        free(p.bars);
        if (!status && p.error)
                return mn_fail(err, MN_INTERNAL, "%s", p.error);
        return status;
}
