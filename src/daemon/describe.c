/* SPDX-License-Identifier: Apache-2.0 */
/* The options as text: `--help` and the manual page, from the table that reads them. */
#include "daemon/config.h"
#include "daemon/option.h"

/* "--name string" */
static void add_flag(mn_str *out, const option *o) {
        static const char *const values[] = {
                [OPTION_BOOL] = "", [OPTION_INT] = " int", [OPTION_STR] = " string"
        };
        const char *value = (size_t) o->kind < MN_ARRAY_LEN(values) ? values[o->kind] : NULL;
        mn_str_printf(out, "--%s%s", o->flag, value ? value : " list");
}

static bool is_shown(const option *o) {
        return o->flag && o->support == OPTION_BUILT;
}

void daemon_config_help(mn_str *out) {
        mn_str_add(out,
                   "Usage:  minatod [OPTIONS]\n\nThe daemon of the Minato container engine.\n\nOptions:\n");
        for (size_t i = 0; i < daemon_noptions; i++) {
                const option *o = &daemon_options[i];
                cleanup_str mn_str text = MN_STR_INIT(0);
                if (!is_shown(o))
                        continue;
                add_flag(&text, o);
                if (o->letter)
                        mn_str_printf(out, "  -%c, %-36s %s\n", o->letter, mn_str_text(&text), o->help);
                else
                        mn_str_printf(out, "      %-36s %s\n", mn_str_text(&text), o->help);
        }
}

/* Text in which troff sees nothing of its own. */
static void add_roff(mn_str *out, const char *text) {
        for (; *text; text++) {
                if (*text == '\\' || *text == '-')
                        mn_str_add_char(out, '\\');
                mn_str_add_char(out, *text);
        }
}

void daemon_config_manual(mn_str *out) {
        mn_str_add(out, ".TH MINATOD 8 \"\" \"minato " MINATO_VERSION "\" \"Minato\"\n.SH NAME\n"
                        "minatod \\- the daemon of the Minato container engine\n.SH SYNOPSIS\n.B minatod\n"
                        "[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\nOwns images, containers, volumes and networks "
                        "and serves "
                        "the Docker Engine API. Containers go on when it ends; the next one picks them up.\n"
                        ".SH OPTIONS\n");
        for (size_t i = 0; i < daemon_noptions; i++) {
                const option *o = &daemon_options[i];
                cleanup_str mn_str flag = MN_STR_INIT(0);
                if (!is_shown(o))
                        continue;
                add_flag(&flag, o);
                mn_str_add(out, ".TP\n.B ");
                if (o->letter)
                        mn_str_printf(out, "\\-%c, ", o->letter);
                add_roff(out, mn_str_text(&flag));
                mn_str_add_char(out, '\n');
                add_roff(out, o->help);
                if (o->key)
                        mn_str_printf(out, ". In daemon.json: \\fB%s\\fR%s", o->key,
                                      o->is_reloadable ? ", read again on SIGHUP" : "");
                mn_str_add(out, ".\n");
        }
        mn_str_add(out,
                   ".SH SIGNALS\n.TP\n.B SIGHUP\nReads the configuration again.\n.TP\n.B SIGTERM, SIGINT\n"
                   "Ends the daemon; containers go on.\n.SH SEE ALSO\n.BR minato (1)\n");
}
