/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The command line: what every command gets and uses. Commands return exit codes; messages go to standard
 * error. */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cli/client.h"
#include "cli/command.h"
#include "codec/json.h"

/* Exit codes of `run` and `exec` for failures that are not the container's own. */
enum {
        CLI_EXIT_OK = 0,
        CLI_EXIT_FAILURE = 1,
        CLI_EXIT_TEMPLATE = 64,      /* a --format that does not parse */
        CLI_EXIT_DAEMON = 125,       /* the daemon or the command line failed */
        CLI_EXIT_NOT_RUNNABLE = 126, /* the command cannot be executed */
        CLI_EXIT_NOT_FOUND = 127,    /* there is no such command */
};

/* Options before the command. */
typedef struct cli_globals {
        const char *config_dir;
        const char *context;
        bool is_debug;
        char **hosts;
        const char *log_level;
        bool has_tls, verifies_tls;
        const char *ca_file, *cert_file, *key_file;
        bool wants_version;
} cli_globals;

struct cli {
        const char *program; /* "minato", or "docker" when called by that name */
        const char *path;    /* of the command that runs: "docker container ls" */
        mn_arena *arena;     /* lives as long as the program */
        cli_globals globals;
        client *client; /* NULL until the first request */
        const mn_json *config;
        char **headers; /* of the configuration, for every request */
};

/* The program: parses `argv`, runs the command, returns the exit code. */
int cli_main(int argc, char **argv);

/* The daemon's client, connected with the first request. */
mn_status cli_client(cli *c, client **ret, mn_err *err) MN_MUST_USE;

/* One request without a body; `ret` may be NULL. */
mn_status cli_request(cli *c, const char *method, const char *target, const mn_json **ret,
                      mn_err *err) MN_MUST_USE;

/* One request whose JSON body is `object` by its type (NULL: none). */
mn_status cli_request_object(cli *c, const char *method, const char *target, const mn_type *type,
                             const void *object, const mn_json **ret, mn_err *err) MN_MUST_USE;

/* Prints the message on standard error, control characters escaped; returns CLI_EXIT_FAILURE. */
int cli_fail(const mn_err *err);
int cli_failf(const char *fmt, ...) MN_PRINTF(1, 2);

/* Applies a request to every name: prints the name (or nothing when `is_quiet`) for each that worked, the
 * messages of the others at the end. `target` is a path with one "%s". Exit code. */
int cli_for_each(cli *c, char **names, const char *method, const char *prefix, const char *suffix,
                 const mn_str *query);

/* The same request for every name, up to fifty of them under way at once, as Docker's command line does:
 * whoever stops ten containers waits for the slowest, not for their sum. Prints and returns as cli_for_each.
 */
typedef struct cli_action {
        const char *method, *prefix;
        const char *suffix; /* after the name, with the query if there is one */
        bool is_absence_ok; /* a name that is unknown is reported but no failure */
} cli_action;
int cli_for_all(cli *c, char **names, const cli_action *action);

/* Asks on the terminal: true for "y". Reads standard input. */
bool cli_confirm(const char *question);

/* "/containers/<name><suffix>" in the arena, the name escaped. */
const char *cli_target(cli *c, const char *prefix, const char *name, const char *suffix);

/* `--filter name=value` options as the JSON of the `filters` parameter; NULL when there are none. MN_INVALID
 * "invalid argument "x" for "-f, --filter" flag: ..." for one without '='. */
mn_status cli_filters(cli *c, char *const *filters, const char **ret, mn_err *err) MN_MUST_USE;

/* Filters with one added, for commands that imply one. */
mn_status cli_filters_with(cli *c, char *const *filters, const char *name, const char *value,
                           const char **ret, mn_err *err) MN_MUST_USE;

/* Number member, 0 when it is missing. */
int64_t cli_number(const mn_json *object, const char *key);
double cli_double(const mn_json *object, const char *key);
bool cli_is_true(const mn_json *object, const char *key);
/* Text member, "" when it is missing. */
const char *cli_text(const mn_json *object, const char *key);

/* "2024-05-01 12:00:00 +0200 CEST", as Go prints a local time. */
const char *cli_local_time(cli *c, int64_t ns);

/* First 12 digits of an id, "sha256:" taken off. */
const char *cli_short_id(cli *c, const char *id);
