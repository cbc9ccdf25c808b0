/* SPDX-License-Identifier: Apache-2.0 */
/* Completion script, manual page and table of commands, from the same descriptions as parsing and `--help`.
 */
#include "cli/command.h"

#include <string.h>

static void add_words(const cli_command *command, const char *key, const char *program, mn_str *out) {
        mn_str_printf(out, "    '%s') words='", key);
        for (const cli_entry *e = command->children; e && e->name; e++)
                if (!e->is_hidden)
                        mn_str_printf(out, "%s ", e->name);
        mn_str_add(out, "--help'; flags='");
        for (const cli_option *o = command->options; o && o->name; o++)
                if (!(o->flags & CLI_HIDDEN))
                        mn_str_printf(out, "--%s%s ", o->name, cli_is_switch(o) ? "" : "=");
        mn_str_printf(out, "'; kind='%s' ;;\n", command->completes ? command->completes : "");
        for (const cli_entry *e = command->children; e && e->name; e++) {
                cleanup_str mn_str path = MN_STR_INIT(0);
                mn_str_printf(&path, "%s%s%s", key, *key ? " " : "", e->name);
                add_words(e->command, mn_str_text(&path), program, out);
        }
}

void cli_write_bash(const char *program, mn_str *out) {
        mn_str_printf(
                out,
                "# bash completion for %s; generated from the command's own tables\n"
                "_%s() {\n"
                "  local cur=${COMP_WORDS[COMP_CWORD]} path='' i word words flags kind\n"
                "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "    word=${COMP_WORDS[i]}\n"
                "    case $word in -*) continue ;; esac\n"
                "    if _%s_is_command \"${path:+$path }$word\"; then path=\"${path:+$path }$word\"; fi\n"
                "  done\n"
                "  _%s_words \"$path\"\n"
                "  case $cur in -*) words=$flags ;; *)\n"
                "    case $kind in\n"
                "      containers) words=$(%s ps -a --format '{{.Names}}' 2>/dev/null) ;;\n"
                "      running) words=$(%s ps --format '{{.Names}}' 2>/dev/null) ;;\n"
                "      images) words=$(%s images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null) ;;\n"
                "      volumes) words=$(%s volume ls -q 2>/dev/null) ;;\n"
                "      networks) words=$(%s network ls --format '{{.Name}}' 2>/dev/null) ;;\n"
                "    esac ;;\n"
                "  esac\n"
                "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                "  [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
                "  type __ltrim_colon_completions >/dev/null 2>&1 && __ltrim_colon_completions \"$cur\"\n"
                "}\n"
                "_%s_is_command() { _%s_words \"$1\"; [[ -n $words ]]; }\n"
                "_%s_words() {\n"
                "  words=''; flags=''; kind=''\n"
                "  case $1 in\n",
                program, program, program, program, program, program, program, program, program, program,
                program, program);
        add_words(&cli_root, "", program, out);
        mn_str_printf(out, "  esac\n}\ncomplete -o default -F _%s %s\n", program, program);
}

/* Text for roff: backslashes and leading dots lose their meaning. */
static void add_roff(const char *text, mn_str *out) {
        for (const char *s = text; *s; s++) {
                if (*s == '\\' || *s == '-')
                        mn_str_add_char(out, '\\');
                if ((*s == '.' || *s == '\'') && (s == text || s[-1] == '\n'))
                        mn_str_add(out, "\\&");
                mn_str_add_char(out, *s);
        }
}

/* The first form of a usage; a title has one line. */
static void add_usage(const cli_command *command, mn_str *out) {
        cleanup_str mn_str first = MN_STR_INIT(0);
        mn_str_add_len(&first, command->usage, strcspn(command->usage, "\n"));
        add_roff(mn_str_text(&first), out);
}

static void add_manual_command(const cli_command *command, const char *path, mn_str *out) {
        mn_str_add(out, ".SS ");
        add_roff(path, out);
        mn_str_add_char(out, ' ');
        add_usage(command, out);
        mn_str_add_char(out, '\n');
        add_roff(command->summary, out);
        mn_str_add_char(out, '\n');
        for (const cli_option *o = command->options; o && o->name; o++) {
                if (o->flags & CLI_HIDDEN)
                        continue;
                mn_str_add(out, ".TP\n\\fB");
                if (o->letter)
                        mn_str_printf(out, "\\-%c\\fR, \\fB", o->letter);
                mn_str_add(out, "\\-\\-");
                add_roff(o->name, out);
                mn_str_printf(out, "\\fR%s%s%s\n", o->type ? " \\fI" : "", o->type ? o->type : "",
                              o->type ? "\\fR" : "");
                add_roff(o->help, out);
                mn_str_add_char(out, '\n');
        }
        for (const cli_entry *e = command->children; e && e->name; e++) {
                cleanup_str mn_str child = MN_STR_INIT(0);
                mn_str_printf(&child, "%s %s", path, e->name);
                if (!e->is_hidden)
                        add_manual_command(e->command, mn_str_text(&child), out);
        }
}

void cli_write_manual(const cli_command *command, const char *path, mn_str *out) {
        mn_str_add(out, ".TH MINATO 1 \"\" \"minato " MINATO_VERSION "\" \"Minato\"\n.SH NAME\nminato \\- ");
        add_roff(command->summary, out);
        mn_str_add(out, "\n.SH SYNOPSIS\n.B ");
        add_roff(path, out);
        mn_str_add_char(out, ' ');
        add_roff(command->usage, out);
        mn_str_add(out, "\n.SH COMMANDS\n");
        add_manual_command(command, path, out);
        mn_str_add(out,
                   ".SH ENVIRONMENT\n.TP\n.B MINATO_HOST, DOCKER_HOST\nThe daemon's address, in this order; "
                   "otherwise unix:///run/minato/minato.sock.\n.TP\n.B MINATO_CONTEXT, DOCKER_CONTEXT\nName "
                   "of the context to use when no host is named.\n"
                   ".TP\n.B MINATO_TLS_VERIFY, DOCKER_TLS_VERIFY\nWhen set, TLS is used and the daemon is "
                   "verified.\n.TP\n.B MINATO_CERT_PATH, DOCKER_CERT_PATH\nDirectory of ca.pem, cert.pem and "
                   "key.pem.\n.TP\n.B MINATO_CONFIG, "
                   "DOCKER_CONFIG\nDirectory of "
                   "config.json.\n.TP\n.B DOCKER_API_VERSION\nAPI version to speak instead of our "
                   "newest.\n");
}

static void add_markdown_rows(const cli_command *command, const char *path, mn_str *out) {
        if (command->run) {
                mn_str_printf(out, "| `%s` | ", path);
                for (const cli_option *o = command->options; o && o->name; o++)
                        if (!(o->flags & CLI_HIDDEN))
                                mn_str_printf(out, "%s`--%s`", o == command->options ? "" : " ", o->name);
                mn_str_add(out, " |\n");
        }
        for (const cli_entry *e = command->children; e && e->name; e++) {
                cleanup_str mn_str child = MN_STR_INIT(0);
                mn_str_printf(&child, "%s%s%s", path, *path ? " " : "", e->name);
                if (!e->is_hidden)
                        add_markdown_rows(e->command, mn_str_text(&child), out);
        }
}

void cli_write_markdown(const char *program, mn_str *out) {
        mn_str_printf(out,
                      "# Commands and options\n\n"
                      "Generated by `%s __markdown` from the tables that parse them; a test keeps this page "
                      "in step.\n"
                      "Each works the same when the program is called `docker`.\n\n"
                      "| command | options |\n|---|---|\n",
                      program);
        add_markdown_rows(&cli_root, "", out);
}
