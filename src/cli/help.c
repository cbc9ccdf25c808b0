/* SPDX-License-Identifier: Apache-2.0 */
/* `--help` laid out as Docker (cobra, pflag) lays it out. */
#include "cli/command.h"

#include <string.h>

static void add_spaces(mn_str *out, size_t n) {
        while (n-- > 0)
                mn_str_add_char(out, ' ');
}

/* Adds `len` bytes of `text`, every line break followed by `indent` spaces. */
static void add_indented(mn_str *out, const char *text, size_t len, size_t indent) {
        for (size_t i = 0; i < len; i++) {
                mn_str_add_char(out, text[i]);
                if (text[i] == '\n')
                        add_spaces(out, indent);
        }
}

/* How much of `text` goes on a line of `width` bytes: `*ret_skip` bytes are used up, the returned ones shown.
 * A text that is at most `slop` longer stays whole, to leave no orphan. */
static size_t line_length(const char *text, size_t len, size_t width, size_t slop, size_t *ret_skip) {
        *ret_skip = len;
        if (width + slop > len)
                return len;
        size_t space = width, newline = width;
        while (space > 0 && !strchr(" \t\n", text[space - 1]))
                space--;
        while (newline > 0 && text[newline - 1] != '\n')
                newline--;
        if (space <= 1)
                return len;
        size_t at = newline > 1 && newline < space ? newline : space;
        *ret_skip = at;
        return at - 1;
}

static void add_wrapped(mn_str *out, const char *text, size_t indent, size_t columns) {
        enum { SLOP = 5, NARROW = 24 };
        size_t len = strlen(text);
        if (columns < indent + NARROW) {
                indent = 16;
                mn_str_add_char(out, '\n');
                add_spaces(out, indent);
        }
        if (columns < indent + NARROW) {
                add_indented(out, text, len, indent);
                return;
        }
        size_t width = columns - indent - SLOP;
        for (bool is_first = true; is_first || len > 0; is_first = false) {
                size_t skip, shown = line_length(text, len, width, SLOP, &skip);
                if (!is_first) {
                        mn_str_add_char(out, '\n');
                        add_spaces(out, indent);
                }
                add_indented(out, text, shown, indent);
                text += skip;
                len -= skip;
        }
}

static size_t left_width(const cli_option *o) {
        return 6 + 2 + strlen(o->name) + (o->type ? 1 + strlen(o->type) : 0);
}

static void add_option(const cli_option *o, size_t widest, unsigned columns, mn_str *out) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        if (o->letter)
                mn_str_printf(out, "  -%c, --%s", o->letter, o->name);
        else
                mn_str_printf(out, "      --%s", o->name);
        if (o->type)
                mn_str_printf(out, " %s", o->type);
        add_spaces(out, widest - left_width(o) + 3);
        mn_str_add(&text, o->help);
        if (o->fallback)
                mn_str_printf(&text, " (default %s)", o->fallback);
        add_wrapped(out, mn_str_text(&text), widest + 3, columns - 1);
        mn_str_add_char(out, '\n');
}

/* The first visible option by name after `last` (NULL: of all). */
static const cli_option *next_option(const cli_command *command, const cli_option *last) {
        const cli_option *next = NULL;
        for (const cli_option *o = command->options; o->name; o++)
                if (!(o->flags & CLI_HIDDEN) && (!last || strcmp(o->name, last->name) > 0) &&
                    (!next || strcmp(o->name, next->name) < 0))
                        next = o;
        return next;
}

static void add_options(const cli_command *command, unsigned columns, mn_str *out) {
        size_t widest = 0;
        for (const cli_option *o = command->options; o->name; o++)
                if (!(o->flags & CLI_HIDDEN))
                        widest = MN_MAX(widest, left_width(o));
        for (const cli_option *o = next_option(command, NULL); o; o = next_option(command, o))
                add_option(o, widest, columns, out);
}

static bool has_visible_options(const cli_command *command) {
        for (const cli_option *o = command->options; o && o->name; o++)
                if (!(o->flags & CLI_HIDDEN))
                        return true;
        return false;
}

void cli_add_text(const char *text, const char *path, mn_str *out) {
        const char *place = strstr(text, "%s");
        size_t len = place ? (size_t) (place - text) : strlen(text);
        mn_str_add_len(out, text, len);
        if (place)
                mn_str_printf(out, "%.*s%s", (int) strcspn(path, " "), path, place + 2);
}

void cli_usage_line(const cli_command *command, const char *path, mn_str *out) {
        mn_str_printf(out, "Usage:  %s%s", path, *command->usage ? " " : "");
        cli_add_text(command->usage, path, out);
        mn_str_add_char(out, '\n');
}

static void add_children(const cli_command *command, mn_str *out) {
        size_t widest = 0;
        for (const cli_entry *e = command->children; e->name; e++)
                if (!e->is_hidden)
                        widest = MN_MAX(widest, strlen(e->name));
        widest = MN_MAX(widest, (size_t) 11);
        for (const cli_entry *e = command->children; e->name; e++)
                if (!e->is_hidden)
                        mn_str_printf(out, "  %-*s %s\n", (int) widest, e->name, e->command->summary);
}

/* The commands a newcomer needs, in the order in which they are learnt. */
static const char *const common[] = { "run",   "exec",   "ps",     "pull",    "push", "images",
                                      "login", "logout", "search", "version", "info" };

static bool is_common(const char *name) {
        for (size_t i = 0; i < MN_ARRAY_LEN(common); i++)
                if (strcmp(common[i], name) == 0)
                        return true;
        return false;
}

static void add_root_children(mn_str *out) {
        mn_str_add(out, "Common Commands:\n");
        for (size_t i = 0; i < MN_ARRAY_LEN(common); i++) {
                const cli_command *c = cli_find_child(&cli_root, common[i]);
                if (c)
                        mn_str_printf(out, "  %-11s %s\n", common[i], c->summary);
        }
        mn_str_add(out, "\nManagement Commands:\n");
        for (const cli_entry *e = cli_root.children; e->name; e++)
                if (!e->is_hidden && e->command->children)
                        mn_str_printf(out, "  %-11s %s\n", e->name, e->command->summary);
        mn_str_add(out, "\nCommands:\n");
        for (const cli_entry *e = cli_root.children; e->name; e++)
                if (!e->is_hidden && !e->command->children && !is_common(e->name))
                        mn_str_printf(out, "  %-11s %s\n", e->name, e->command->summary);
}

/* "docker container ls, docker ps" from "container ls, ps". */
static void add_aliases(const cli_command *command, const char *path, mn_str *out) {
        size_t program = strcspn(path, " ");
        mn_str_add(out, "\nAliases:\n  ");
        for (const char *s = command->aliases; *s;) {
                size_t len = strcspn(s, ",");
                mn_str_printf(out, "%.*s %.*s", (int) program, path, (int) len, s);
                s += len;
                if (*s) {
                        mn_str_add(out, ", ");
                        s += 2;
                }
        }
        mn_str_add_char(out, '\n');
}

void cli_help(const cli_command *command, const char *path, unsigned columns, mn_str *out) {
        cli_usage_line(command, path, out);
        mn_str_printf(out, "\n%s\n", command->summary);
        if (command->details)
                cli_add_text(command->details, path, out);
        if (command->aliases)
                add_aliases(command, path, out);
        if (command == &cli_root) {
                mn_str_add_char(out, '\n');
                add_root_children(out);
                mn_str_add(out, "\nGlobal Options:\n");
                add_options(command, columns, out);
        } else if (command->children) {
                mn_str_add(out, "\nCommands:\n");
                add_children(command, out);
        } else if (has_visible_options(command)) {
                mn_str_add(out, "\nOptions:\n");
                add_options(command, columns, out);
        }
        if (command->children)
                mn_str_printf(out, "\nRun '%s COMMAND --help' for more information on a command.\n", path);
}
