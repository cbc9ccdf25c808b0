/* SPDX-License-Identifier: Apache-2.0 */
/* Options as pflag reads them: -abc, -n5, -n=5, --name value, --name=value, `--`, switches with =false. */
#include "cli/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "codec/duration.h"
#include "codec/size.h"

const cli_command *cli_find_child(const cli_command *group, const char *name) {
        for (const cli_entry *e = group->children; e && e->name; e++)
                if (strcmp(e->name, name) == 0)
                        return e->command;
        return NULL;
}

const cli_option *cli_find_option(const cli_command *command, const char *name, size_t len) {
        for (const cli_option *o = command->options; o && o->name; o++)
                if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
                        return o;
        return NULL;
}

const cli_option *cli_find_letter(const cli_command *command, char letter) {
        for (const cli_option *o = command->options; o && o->name; o++)
                if (o->letter == letter)
                        return o;
        return NULL;
}

bool cli_is_switch(const cli_option *o) {
        return o->kind == CLI_BOOL || o->kind == CLI_MAYBE;
}

/* Appends to a NULL-terminated array in the arena, grown in powers of two. */
static void append(mn_arena *arena, char ***list, const char *value) {
        size_t n = 0;
        while (*list && (*list)[n])
                n++;
        if ((n & (n + 1)) == 0) {
                char **grown = mn_arena_array(arena, 2 * n + 2, sizeof(char *));
                if (n)
                        memcpy(grown, *list, n * sizeof(char *));
                *list = grown;
        }
        (*list)[n] = mn_arena_strdup(arena, value);
        (*list)[n + 1] = NULL;
}

static mn_status parse_int(const cli_option *o, const char *value, int64_t *ret, mn_err *err) {
        bool is_short = o->kind == CLI_UINT16;
        int r = mn_parse_i64(*value == '+' ? value + 1 : value, is_short ? 0 : INT64_MIN,
                             is_short ? UINT16_MAX : INT64_MAX, ret);
        if (!r)
                return MN_OK;
        return mn_fail(err, MN_INVALID, "strconv.Parse%s: parsing \"%s\": %s", is_short ? "Uint" : "Int",
                       value, r == -ERANGE ? "value out of range" : "invalid syntax");
}

/* "1.5" as billionths: Docker's opts.ParseCPUs. */
static mn_status parse_cpus(const char *value, int64_t *ret, mn_err *err) {
        int64_t scale = 1000000000, total = 0;
        const char *s = value;
        bool has_point = false;
        for (; *s; s++) {
                if (*s == '.' && !has_point) {
                        has_point = true;
                        continue;
                }
                if (*s < '0' || *s > '9')
                        return mn_fail(err, MN_INVALID, "failed to parse %s as a rational number", value);
                if (has_point && scale == 1 && *s != '0')
                        return mn_fail(err, MN_INVALID, "value is too precise");
                if (has_point)
                        scale = scale > 1 ? scale / 10 : scale;
                if (has_point ? __builtin_add_overflow(total, (*s - '0') * scale, &total)
                              : __builtin_mul_overflow(total, 10, &total) ||
                                        __builtin_add_overflow(total, (*s - '0') * scale, &total))
                        return mn_fail(err, MN_INVALID, "failed to parse %s as a rational number", value);
        }
        if (s == value)
                return mn_fail(err, MN_INVALID, "failed to parse %s as a rational number", value);
        *ret = total;
        return MN_OK;
}

static mn_status parse_number(const cli_option *o, const char *value, int64_t *ret, mn_err *err) {
        switch ((int) o->kind) {
        case CLI_SWAP:
                if (strcmp(value, "-1") == 0) {
                        *ret = -1;
                        return MN_OK;
                }
                return mn_size_parse(value, ret, err);
        case CLI_BYTES:
                return mn_size_parse(value, ret, err);
        case CLI_CPUS:
                return parse_cpus(value, ret, err);
        case CLI_DURATION:
                if (mn_duration_parse(value, ret))
                        return mn_fail(err, MN_INVALID, "time: %s duration \"%s\"",
                                       *value && value[strspn(value, "0123456789.")] == '\0'
                                               ? "missing unit in"
                                               : "invalid",
                                       value);
                return MN_OK;
        default:
                return parse_int(o, value, ret, err);
        }
}

static mn_status set_value(mn_arena *arena, const cli_option *o, const char *value, void *options,
                           mn_err *err) {
        void *slot = (char *) options + o->offset;
        if (o->check) {
                mn_status status = o->check(arena, &value, err);
                if (status)
                        return status;
        }
        switch (o->kind) {
        case CLI_BOOL:
        case CLI_MAYBE: {
                bool is_on;
                if (mn_parse_bool(value, &is_on))
                        return mn_fail(err, MN_INVALID, "strconv.ParseBool: parsing \"%s\": invalid syntax",
                                       value);
                if (o->kind == CLI_BOOL) {
                        *(bool *) slot = is_on;
                } else {
                        bool *kept = mn_arena_alloc(arena, sizeof(bool));
                        *kept = is_on;
                        *(bool **) slot = kept;
                }
                return MN_OK;
        }
        case CLI_STR:
                *(const char **) slot = mn_arena_strdup(arena, value);
                return MN_OK;
        case CLI_MAP:
                if (!strchr(value, '='))
                        return mn_fail(err, MN_INVALID, "%s must be formatted as key=value", value);
                append(arena, slot, value);
                return MN_OK;
        case CLI_LIST:
                append(arena, slot, value);
                return MN_OK;
        case CLI_CSV:
                for (const char *s = value;; s++) {
                        size_t len = strcspn(s, ",");
                        append(arena, slot, mn_arena_strndup(arena, s, len));
                        s += len;
                        if (!*s)
                                return MN_OK;
                }
        case CLI_INT:
        case CLI_UINT16:
        case CLI_BYTES:
        case CLI_SWAP:
        case CLI_CPUS:
        case CLI_DURATION: {
                int64_t *number = mn_arena_alloc(arena, sizeof(*number));
                mn_status status = parse_number(o, value, number, err);
                if (!status)
                        *(int64_t **) slot = number;
                return status;
        }
        }
        return MN_OK;
}

static mn_status set_option(mn_arena *arena, const cli_option *o, const char *value, void *options,
                            mn_err *err) {
        mn_status status = set_value(arena, o, value, options, err);
        if (!status)
                return MN_OK;
        if (o->letter)
                return mn_err_prefix(err, status, "invalid argument \"%s\" for \"-%c, --%s\" flag", value,
                                     o->letter, o->name);
        return mn_err_prefix(err, status, "invalid argument \"%s\" for \"--%s\" flag", value, o->name);
}

/* "--name", "--name=value"; `*next` is what follows on the command line. */
static mn_status parse_long(mn_arena *arena, const char *text, char *const **next, cli_invocation *inv,
                            mn_err *err) {
        size_t len = strcspn(text, "=");
        const cli_option *o = cli_find_option(inv->command, text, len);
        if (len == 4 && memcmp(text, "help", 4) == 0) {
                inv->wants_help = true;
                return MN_OK;
        }
        if (!len || *text == '-')
                return mn_fail(err, MN_INVALID, "bad flag syntax: --%s", text);
        if (!o)
                return mn_fail(err, MN_INVALID, "unknown flag: --%.*s", (int) len, text);
        if (text[len] == '=')
                return set_option(arena, o, text + len + 1, inv->options, err);
        if (cli_is_switch(o))
                return set_option(arena, o, "true", inv->options, err);
        if (!**next)
                return mn_fail(err, MN_INVALID, "flag needs an argument: --%s", o->name);
        return set_option(arena, o, *(*next)++, inv->options, err);
}

/* "-abc", "-n5", "-n=5", "-n 5". */
static mn_status parse_short(mn_arena *arena, const char *text, char *const **next, cli_invocation *inv,
                             mn_err *err) {
        for (const char *s = text; *s; s++) {
                const cli_option *o = cli_find_letter(inv->command, *s);
                if (!o && *s == 'h') {
                        inv->wants_help = true;
                        return MN_OK;
                }
                if (!o)
                        return mn_fail(err, MN_INVALID, "unknown shorthand flag: '%c' in -%s", *s, s);
                if (s[1] == '=')
                        return set_option(arena, o, s + 2, inv->options, err);
                if (cli_is_switch(o)) {
                        mn_status status = set_option(arena, o, "true", inv->options, err);
                        if (status)
                                return status;
                        continue;
                }
                if (s[1])
                        return set_option(arena, o, s + 1, inv->options, err);
                if (!**next)
                        return mn_fail(err, MN_INVALID, "flag needs an argument: '%c' in -%s", *s, s);
                return set_option(arena, o, *(*next)++, inv->options, err);
        }
        return MN_OK;
}

mn_status cli_parse(mn_arena *arena, char *const *argv, cli_invocation *inv, mn_err *err) {
        inv->options = mn_arena_alloc(arena, inv->command->options_size + 1);
        size_t count = 0, n = 0;
        for (const cli_option *o = inv->command->options; o && o->name; o++)
                if (o->flags & CLI_DEFAULT_ON)
                        *(bool *) ((char *) inv->options + o->offset) = true;
        while (argv[count])
                count++;
        inv->args = mn_arena_array(arena, count + 1, sizeof(char *));
        while (*argv) {
                const char *arg = *argv++;
                mn_status status = MN_OK;
                if (arg[0] != '-' || !arg[1]) {
                        inv->args[n++] = mn_arena_strdup(arena, arg);
                        if (!inv->command->stops_at_argument)
                                continue;
                } else if (strcmp(arg, "--") != 0) {
                        status = arg[1] == '-' ? parse_long(arena, arg + 2, &argv, inv, err)
                                               : parse_short(arena, arg + 1, &argv, inv, err);
                        if (status || inv->wants_help)
                                return status;
                        continue;
                }
                while (*argv)
                        inv->args[n++] = mn_arena_strdup(arena, *argv++);
        }
        return MN_OK;
}

mn_status cli_check_filter(mn_arena *arena, const char **value, mn_err *err) {
        (void) arena;
        if (!**value || strchr(*value, '='))
                return MN_OK;
        return mn_fail(err, MN_INVALID, "bad format of filter (expected name=value)");
}

mn_status cli_check_args(const cli_invocation *inv, mn_err *err) {
        const cli_command *c = inv->command;
        int n = 0;
        while (inv->args[n])
                n++;
        const char *s = c->min_args == 1 ? "" : "s";
        if (n >= c->min_args && (c->max_args == CLI_ANY_NUMBER || n <= c->max_args))
                return MN_OK;
        if (c->max_args == 0)
                return mn_fail(err, MN_INVALID, "'%s' accepts no arguments", inv->path);
        if (c->max_args == c->min_args)
                return mn_fail(err, MN_INVALID, "'%s' requires %d argument%s", inv->path, c->min_args, s);
        if (n < c->min_args && c->max_args == CLI_ANY_NUMBER)
                return mn_fail(err, MN_INVALID, "'%s' requires at least %d argument%s", inv->path,
                               c->min_args, s);
        if (c->min_args == 0)
                return mn_fail(err, MN_INVALID, "'%s' requires at most %d argument%s", inv->path, c->max_args,
                               c->max_args == 1 ? "" : "s");
        return mn_fail(err, MN_INVALID, "'%s' requires at least %d and at most %d arguments", inv->path,
                       c->min_args, c->max_args);
}

const cli_option *cli_find_windows_option(const cli_invocation *inv) {
        for (const cli_option *o = inv->command->options; o && o->name; o++)
                if ((o->flags & CLI_WINDOWS) && *(int64_t *const *) ((const char *) inv->options + o->offset))
                        return o;
        return NULL;
}

mn_status cli_check_content_trust(mn_arena *arena, const char **value, mn_err *err) {
        bool is_disabled = true;
        (void) arena;
        if (mn_parse_bool(*value, &is_disabled) == 0 && !is_disabled)
                return mn_fail(err, MN_NOT_IMPLEMENTED, "content trust is not supported");
        return MN_OK;
}
