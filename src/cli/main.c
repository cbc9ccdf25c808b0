/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/config.h"
#include "cli/text.h"

/* Global options stand before the command; the tree's root describes them. */
static mn_status parse_globals(cli *c, char **argv, char ***ret_rest, mn_err *err) {
        cli_invocation inv = { .command = &cli_root, .path = c->program };
        mn_status status = cli_parse(c->arena, argv, &inv, err);
        if (status)
                return status;
        c->globals = *(cli_globals *) inv.options;
        c->globals.config_dir = config_dir(c->arena, c->globals.config_dir);
        *ret_rest = inv.wants_help ? mn_arena_array(c->arena, 1, sizeof(char *)) : inv.args;
        return MN_OK;
}

static unsigned help_columns(void) {
        unsigned columns = text_columns(STDOUT_FILENO);
        return columns ? columns : 80;
}

static int show_help(const cli_command *command, const char *path, FILE *to) {
        cleanup_str mn_str out = MN_STR_INIT(0);
        cli_help(command, path, help_columns(), &out);
        fputs(mn_str_text(&out), to);
        return CLI_EXIT_OK;
}

/* The message, the usage line, and where to read on. */
static int usage_error(const cli *c, const cli_invocation *inv, const mn_err *err, bool is_count, int code) {
        cleanup_str mn_str usage = MN_STR_INIT(0);
        cli_usage_line(inv->command, inv->path, &usage);
        bool is_minimum = is_count && strstr(mn_err_text(err), "at least") &&
                          !strstr(mn_err_text(err), "at most");
        fprintf(stderr, "%s%s%s\n\n%s\n%s '%s --help' for more information\n", is_count ? c->program : "",
                is_count ? ": " : "", mn_err_text(err), mn_str_text(&usage), is_minimum ? "See" : "Run",
                inv->path);
        return code;
}

static int unknown_command(const cli *c, const cli_invocation *group, const char *name) {
        fprintf(stderr, "%s: unknown command: %s %s\n\n", c->program, group->path, name);
        if (group->command != &cli_root)
                fprintf(stderr, "Usage:  %s\n\n", group->path);
        fprintf(stderr, "Run '%s --help' for more information\n", group->path);
        return CLI_EXIT_FAILURE;
}

/* Walks from the root to the command `argv` names; `*argv` is left behind its name. */
static bool find_command(const cli *c, char ***argv, cli_invocation *inv) {
        while (inv->command->children) {
                const char *name = **argv;
                if (!name || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
                        inv->wants_help = true;
                        return true;
                }
                const cli_command *child = cli_find_child(inv->command, name);
                if (!child)
                        return false;
                inv->command = child;
                inv->path = mn_arena_printf(c->arena, "%s %s", inv->path, name);
                (*argv)++;
        }
        return true;
}

static int run_hidden(const cli *c, char **argv) {
        cleanup_str mn_str out = MN_STR_INIT(0);
        if (strcmp(argv[0], "__bash") == 0)
                cli_write_bash(c->program, &out);
        else if (strcmp(argv[0], "__markdown") == 0)
                cli_write_markdown(c->program, &out);
        else
                cli_write_manual(&cli_root, c->program, &out);
        fputs(mn_str_text(&out), stdout);
        return CLI_EXIT_OK;
}

static int run_command(cli *c, char **argv) {
        cleanup_err mn_err err = { 0 };
        cli_invocation inv = { .command = &cli_root, .path = c->program };
        if (argv[0] && strncmp(argv[0], "__", 2) == 0 &&
            (strcmp(argv[0], "__bash") == 0 || strcmp(argv[0], "__markdown") == 0 ||
             strcmp(argv[0], "__manual") == 0))
                return run_hidden(c, argv);
        if (argv[0] && strcmp(argv[0], "help") == 0)
                for (argv++; *argv && !inv.wants_help; argv++) {
                        const cli_command *child = cli_find_child(inv.command, *argv);
                        if (!child)
                                return unknown_command(c, &inv, *argv);
                        inv.command = child;
                        inv.path = mn_arena_printf(c->arena, "%s %s", inv.path, *argv);
                        inv.wants_help = !argv[1];
                }
        if (!inv.wants_help && !find_command(c, &argv, &inv))
                return unknown_command(c, &inv, *argv);
        bool is_bare_group = inv.command != &cli_root && inv.command->children && !*argv;
        if (!inv.wants_help && cli_parse(c->arena, argv, &inv, &err))
                return usage_error(c, &inv, &err, false, CLI_EXIT_DAEMON);
        if (inv.wants_help)
                return show_help(inv.command, inv.path, is_bare_group ? stderr : stdout);
        if (cli_check_args(&inv, &err))
                return usage_error(c, &inv, &err, true, CLI_EXIT_FAILURE);
        const cli_option *foreign = cli_find_windows_option(&inv);
        if (foreign)
                return cli_failf("\"--%s\" is only supported on a Docker daemon running on windows, but the "
                                 "Docker daemon "
                                 "is running on linux",
                                 foreign->name);
        c->path = inv.path;
        return inv.command->run(c, inv.options, inv.args);
}

int cli_main(int argc, char **argv) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        const char *slash = argc ? strrchr(argv[0], '/') : NULL;
        const char *name = slash ? slash + 1 : argc ? argv[0] : "minato";
        cli c = { .program = strcmp(name, "docker") == 0 ? "docker" : "minato", .arena = arena };
        char **rest = argv + (argc > 0);
        signal(SIGPIPE, SIG_IGN); /* a daemon that hangs up is an error, not the end */
        if (parse_globals(&c, rest, &rest, &err)) {
                const cli_invocation root = { .command = &cli_root, .path = c.program };
                return usage_error(&c, &root, &err, false, CLI_EXIT_DAEMON);
        }
        int code;
        if (c.globals.wants_version) {
                printf("%s version " MINATO_VERSION ", build release\n",
                       strcmp(c.program, "docker") == 0 ? "Docker" : "Minato");
                code = CLI_EXIT_OK;
        } else {
                code = run_command(&c, rest);
        }
        client_free(c.client);
        if (fflush(stdout) != 0 && code == CLI_EXIT_OK)
                code = CLI_EXIT_FAILURE;
        return code;
}

int main(int argc, char **argv) {
        return cli_main(argc, argv);
}
