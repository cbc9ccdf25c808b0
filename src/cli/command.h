/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Commands as descriptions: options, arguments and help are tables. Parsing, `--help`, completion and manual
 * pages all read them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/macro.h"
#include "base/str.h"

typedef struct cli cli;

/* Kind of an option's value, and the C type of the member that receives it. */
typedef enum cli_kind {
        CLI_BOOL,     /* bool */
        CLI_MAYBE,    /* bool *: a switch whose absence means something */
        CLI_STR,      /* const char *; NULL: not given */
        CLI_LIST,     /* char **: given any number of times */
        CLI_CSV,      /* char **: also several in one, separated by commas */
        CLI_MAP,      /* char **: each "key=value" */
        CLI_INT,      /* int64_t *; NULL: not given */
        CLI_UINT16,   /* int64_t * */
        CLI_BYTES,    /* int64_t *: "512m" */
        CLI_SWAP,     /* int64_t *: as bytes, or -1 */
        CLI_CPUS,     /* int64_t *: "1.5" as billionths */
        CLI_DURATION, /* int64_t *: nanoseconds */
} cli_kind;

typedef enum cli_option_flags {
        CLI_HIDDEN = 1 << 0,     /* parsed, not shown */
        CLI_DEFAULT_ON = 1 << 1, /* CLI_BOOL: true unless switched off */
        CLI_WINDOWS = 1 << 2,    /* for daemons on Windows; its kind is a number */
} cli_option_flags;

typedef struct cli_option {
        const char *name;
        char letter; /* 0: none */
        cli_kind kind;
        size_t offset;        /* of the member in the command's options struct */
        const char *type;     /* word for the value in help; NULL for switches */
        const char *help;     /* may have several lines */
        const char *fallback; /* shown as "(default ...)"; NULL: nothing to show */
        unsigned flags;
        /* Checks a value while parsing and may replace it (`*value`, in the arena); NULL: no check. */
        mn_status (*check)(mn_arena *arena, const char **value, mn_err *err);
} cli_option;

#define CLI_ANY_NUMBER (-1)

typedef struct cli_command cli_command;

/* A command under a name; the same command may have several (`ps`, `container ls`). */
typedef struct cli_entry {
        const char *name;
        const cli_command *command;
        bool is_hidden; /* an alias: works, is not listed */
} cli_entry;

struct cli_command {
        const char *usage;   /* what follows the command's path: "[OPTIONS] CONTAINER [CONTAINER...]"; "%s":
                                program */
        const char *summary; /* one line */
        const char *details; /* more of the help, "%s" for the program's name; NULL: none */
        const char *aliases; /* "container ls, container list, ps"; NULL: none */
        int min_args, max_args;
        bool stops_at_argument; /* options end at the first argument (run, exec) */
        const cli_option *options;
        size_t options_size;
        const char *completes; /* arguments are "containers", "running", "images", "volumes", "networks";
                                  NULL: files */
        /* Runs the command; `options` is its struct. Returns the exit code. */
        int (*run)(cli *c, const void *options, char **args);
        const cli_entry *children; /* a group: ends with a zeroed entry; `run` is NULL */
};

/* The whole tree. */
extern const cli_command cli_root;

/* What a command line came to. */
typedef struct cli_invocation {
        const cli_command *command;
        const char *path; /* "docker container ls" */
        void *options;
        char **args;
        bool wants_help;
} cli_invocation;

/* Parses options in `argv` (after the command's name) into `inv`. MN_INVALID with pflag's words. */
mn_status cli_parse(mn_arena *arena, char *const *argv, cli_invocation *inv, mn_err *err) MN_MUST_USE;

/* Checks the number of arguments; MN_INVALID with Docker's message. */
mn_status cli_check_args(const cli_invocation *inv, mn_err *err) MN_MUST_USE;

/* The first option given that only daemons on Windows have, or NULL. */
const cli_option *cli_find_windows_option(const cli_invocation *inv);

/* Child of that name, or NULL. */
const cli_command *cli_find_child(const cli_command *group, const char *name);

/* Option by its long name or letter, or NULL. */
const cli_option *cli_find_option(const cli_command *command, const char *name, size_t len);
const cli_option *cli_find_letter(const cli_command *command, char letter);

/* True when the option takes no value. */
bool cli_is_switch(const cli_option *o);

/* Appends the text of `--help`, wrapped at `columns`; "Usage" alone is the short form shown after errors. */
void cli_help(const cli_command *command, const char *path, unsigned columns, mn_str *out);

/* Appends a text in which "%s" stands for the program's name, the first word of `path`. */
void cli_add_text(const char *text, const char *path, mn_str *out);
void cli_usage_line(const cli_command *command, const char *path, mn_str *out);

/* Prints the completion script or the manual page of the whole tree (build time, `minato __bash`). */
void cli_write_bash(const char *program, mn_str *out);
void cli_write_manual(const cli_command *command, const char *path, mn_str *out);
void cli_write_markdown(const char *program, mn_str *out);

/* For `check`: a filter is "name=value". */
mn_status cli_check_filter(mn_arena *arena, const char **value, mn_err *err);

/* For `check` of --disable-content-trust: there is no content trust to enable. */
mn_status cli_check_content_trust(mn_arena *arena, const char **value, mn_err *err);

/* Help shared by many commands. */
#define CLI_HELP_FORMAT                                                                                      \
        "Format output using a custom template:\n"                                                           \
        "'table':            Print output in table format with column headers (default)\n"                   \
        "'table TEMPLATE':   Print output in table format using the given Go template\n"                     \
        "'json':             Print in JSON format\n"                                                         \
        "'TEMPLATE':         Print output using the given Go template.\n"                                    \
        "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output "      \
        "with templates"
#define CLI_HELP_INSPECT_FORMAT                                                                              \
        "Format output using a custom template:\n"                                                           \
        "'json':             Print in JSON format\n"                                                         \
        "'TEMPLATE':         Print output using the given Go template.\n"                                    \
        "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output "      \
        "with templates"
