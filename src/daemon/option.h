/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of options: flags and keys of daemon.json are two ways to the same member of daemon_config. */

#include <stddef.h>

#include "daemon/config.h"

typedef enum option_kind {
        OPTION_BOOL,
        OPTION_STR,
        OPTION_INT,
        OPTION_LIST,    /* char **; the flag may be repeated and hold commas where Docker splits them */
        OPTION_RUNTIME, /* NAME=PATH; an object of objects in the file */
        OPTION_POOL,    /* base=CIDR,size=N; a list of objects in the file */
        OPTION_ULIMIT,  /* NAME=SOFT:HARD; an object of {Name,Soft,Hard} in the file */
        OPTION_MAP,     /* KEY=VALUE; an object of strings in the file */
        OPTION_PROXIES, /* file only: {"http-proxy": ...} */
        OPTION_ANY,     /* not built: every value is taken and forgotten */
} option_kind;

typedef enum option_support {
        OPTION_BUILT,
        OPTION_IGNORED, /* has no meaning here; a warning says so */
        OPTION_MISSING, /* not built; an error, unless it asks for what is the case anyway */
} option_support;

typedef struct option {
        const char *flag; /* without "--"; NULL: file only */
        char letter;      /* short flag or 0 */
        const char *key;  /* in daemon.json; NULL: flag only */
        option_kind kind;
        size_t offset; /* in daemon_config */
        option_support support;
        bool is_reloadable;
        const char *help;
} option;

extern const option daemon_options[];
extern const size_t daemon_noptions;

const option *option_by_flag(const char *name, size_t len);
const option *option_by_key(const char *key);

/* Sets the member from a flag's text. */
mn_status option_set_text(const option *o, const char *text, mn_arena *arena, daemon_config *config,
                          mn_err *err) MN_MUST_USE;

/* Sets the member from a value of daemon.json. */
mn_status option_set_json(const option *o, const mn_json *value, mn_arena *arena, daemon_config *config,
                          mn_err *err) MN_MUST_USE;

/* Adds a warning for the log and for /info. */
void daemon_config_warn(daemon_config *config, mn_arena *arena, const char *text);
