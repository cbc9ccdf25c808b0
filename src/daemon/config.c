/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "container/container.h"
#include "daemon/option.h"
#include "sys/cgroup.h"
#include "sys/file.h"

#define DEFAULT_CONFIG_FILE "/etc/minato/daemon.json"

enum { MAX_CONFIG_FILE = 1 << 20, MAX_FLAGS = 256 };

/* Which rows were set on the command line, to find values given twice. */
typedef struct given_flags {
        const option *rows[MAX_FLAGS];
        size_t len;
} given_flags;

static void set_defaults(daemon_config *c, mn_arena *arena) {
        *c = (daemon_config){
                .data_root = mn_arena_strdup(arena, "/var/lib/minato"),
                .exec_root = mn_arena_strdup(arena, "/run/minato"),
                .config_file = mn_arena_strdup(arena, DEFAULT_CONFIG_FILE),
                .log_level = mn_arena_strdup(arena, "info"),
                .log_format = mn_arena_strdup(arena, "text"),
                .group = mn_arena_strdup(arena, "minato"),
                .default_runtime = mn_arena_strdup(arena, "minato"),
                .log_driver = mn_arena_strdup(arena, "json-file"),
                .min_api_version = mn_arena_strdup(arena, "1.24"),
                .live_restore = true,
                .default_stop_timeout = 10,
                .shutdown_timeout = 15,
                .icc = true,
                .iptables = true,
                .ip6tables = true,
                .ip_forward = true,
                .ip_masq = true,
                .max_concurrent_downloads = 3,
                .max_concurrent_uploads = 5,
                .max_download_attempts = 5,
        };
}

/* ---- support ---- */

/* A value that asks for what is the case anyway: false, 0, "", [], {}. */
static bool is_nothing(const char *text) {
        static const char *const nothing[] = { "", "0", "false", "[]", "{}", "null" };
        for (size_t i = 0; i < MN_ARRAY_LEN(nothing); i++) {
                if (strcmp(text, nothing[i]) == 0)
                        return true;
        }
        return false;
}

/* Options without effect: a warning, or an error when the user would rely on something that is not there. */
static mn_status judge_support(const option *o, const char *text, mn_arena *arena, daemon_config *c,
                               mn_err *err) {
        const char *name = o->key ? o->key : o->flag;
        if (o->support == OPTION_BUILT || is_nothing(text))
                return MN_OK;
        if (o->support == OPTION_MISSING)
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "\"%s\" is not implemented by this version of minatod: %s", name, o->help);
        daemon_config_warn(c, arena, mn_arena_printf(arena, "\"%s\" has no effect: %s", name, o->help));
        return MN_OK;
}

/* ---- command line ---- */

static mn_status take_flag(const option *o, const char *text, mn_arena *arena, given_flags *given,
                           daemon_config *c, mn_err *err) {
        mn_status s = judge_support(o, text, arena, c, err);
        if (s == MN_OK && o->support == OPTION_BUILT)
                s = option_set_text(o, text, arena, c, err);
        if (s == MN_OK && given->len < MAX_FLAGS)
                given->rows[given->len++] = o;
        return s;
}

/* "--name=value", "--name value", "--switch". `*i` advances over a value that stands alone. */
static mn_status parse_long(int argc, char **argv, int *i, mn_arena *arena, given_flags *given,
                            daemon_config *c, mn_err *err) {
        const char *name = argv[*i] + 2, *equals = strchr(name, '=');
        size_t len = equals ? (size_t) (equals - name) : strlen(name);
        const option *o = option_by_flag(name, len);
        if (!o)
                return mn_fail(err, MN_INVALID, "unknown flag: --%.*s", (int) len, name);
        const char *value = equals ? equals + 1 : o->kind == OPTION_BOOL ? "true" : NULL;
        if (!value && *i + 1 < argc)
                value = argv[++*i];
        if (!value)
                return mn_fail(err, MN_INVALID, "flag needs an argument: --%s", o->flag);
        return take_flag(o, value, arena, given, c, err);
}

static const option *option_by_letter(char letter) {
        for (size_t i = 0; i < daemon_noptions; i++) {
                if (daemon_options[i].letter == letter)
                        return &daemon_options[i];
        }
        return NULL;
}

/* "-D", "-H value", "-Hvalue", "-H=value". */
static mn_status parse_short(int argc, char **argv, int *i, mn_arena *arena, given_flags *given,
                             daemon_config *c, mn_err *err) {
        const char *arg = argv[*i];
        const option *o = option_by_letter(arg[1]);
        if (!o)
                return mn_fail(err, MN_INVALID, "unknown shorthand flag: '%c' in %s", arg[1], arg);
        const char *value = arg[2] == '=' ? arg + 3 : arg[2] ? arg + 2 : NULL;
        if (!value)
                value = o->kind == OPTION_BOOL ? "true" : *i + 1 < argc ? argv[++*i] : NULL;
        if (!value)
                return mn_fail(err, MN_INVALID, "flag needs an argument: '%c' in %s", arg[1], arg);
        return take_flag(o, value, arena, given, c, err);
}

static mn_status parse_flags(int argc, char **argv, mn_arena *arena, given_flags *given, daemon_config *c,
                             mn_err *err) {
        for (int i = 1; i < argc; i++) {
                mn_status s;
                if (mn_str_has_prefix(argv[i], "--") && argv[i][2])
                        s = parse_long(argc, argv, &i, arena, given, c, err);
                else if (argv[i][0] == '-' && argv[i][1] && argv[i][1] != '-')
                        s = parse_short(argc, argv, &i, arena, given, c, err);
                else
                        s = mn_fail(err, MN_INVALID, "minatod accepts no arguments, got \"%s\"", argv[i]);
                if (s != MN_OK)
                        return s;
        }
        return MN_OK;
}

static bool is_given(const given_flags *given, const char *key) {
        for (size_t i = 0; i < given->len; i++) {
                if (given->rows[i]->key && strcmp(given->rows[i]->key, key) == 0)
                        return true;
        }
        return false;
}

static bool is_flag_given(const given_flags *given, const char *flag) {
        for (size_t i = 0; i < given->len; i++) {
                if (given->rows[i]->flag && strcmp(given->rows[i]->flag, flag) == 0)
                        return true;
        }
        return false;
}

/* ---- the file ---- */

/* Names all keys that are unknown, or all that were given twice, in one message as dockerd does. */
static mn_status check_keys(const mn_json *root, const given_flags *given, mn_err *err) {
        cleanup_str mn_str unknown = { 0 }, twice = { 0 };
        for (const mn_json *v = root->child; v; v = v->next) {
                if (!option_by_key(v->key))
                        mn_str_printf(&unknown, "%s%s", unknown.len ? ", " : "", v->key);
                else if (is_given(given, v->key))
                        mn_str_printf(&twice, "%s%s", twice.len ? ", " : "", v->key);
        }
        if (unknown.len)
                return mn_fail(err, MN_INVALID,
                               "the following directives don't match any configuration option: %s",
                               unknown.data);
        if (twice.len)
                return mn_fail(err, MN_INVALID,
                               "the following directives are specified both as a flag and in the "
                               "configuration file: "
                               "%s",
                               twice.data);
        return MN_OK;
}

static mn_status take_file(const mn_json *root, mn_arena *arena, const given_flags *given, daemon_config *c,
                           mn_err *err) {
        if (root->kind != MN_JSON_OBJECT)
                return mn_fail(err, MN_INVALID, "expected an object, got %s", mn_json_kind_name(root->kind));
        mn_status s = check_keys(root, given, err);
        for (const mn_json *v = root->child; v && s == MN_OK; v = v->next) {
                const option *o = option_by_key(v->key);
                cleanup_str mn_str text = { 0 };
                mn_json_write(v, &text);
                s = judge_support(o, strcmp(mn_str_text(&text), "\"\"") == 0 ? "" : mn_str_text(&text), arena,
                                  c, err);
                if (s == MN_OK && o->support == OPTION_BUILT && v->kind != MN_JSON_NULL)
                        s = option_set_json(o, v, arena, c, err);
        }
        return s;
}

static mn_status read_file(mn_arena *arena, const given_flags *given, daemon_config *c, mn_err *err) {
        cleanup_free char *text = NULL;
        size_t len;
        const mn_json *root;
        int r = mn_file_read(AT_FDCWD, c->config_file, MAX_CONFIG_FILE, &text, &len);
        if (r == -ENOENT && !c->has_config_file)
                return MN_OK;
        if (r < 0)
                return mn_fail(err, MN_INVALID, "unable to configure the daemon with file %s: %s",
                               c->config_file, mn_strerror(r));
        mn_status s = mn_json_parse(arena, text, len, NULL, &root, err);
        if (s == MN_OK)
                s = take_file(root, arena, given, c, err);
        return s == MN_OK
                       ? s
                       : mn_err_prefix(err, s, "unable to configure the daemon with file %s", c->config_file);
}

/* ---- rules between values ---- */

static mn_status check_runtimes(const daemon_config *c, mn_err *err) {
        bool is_known = strcmp(c->default_runtime, "minato") == 0;
        for (size_t i = 0; i < c->runtimes.len; i++) {
                is_known = is_known || strcmp(c->default_runtime, c->runtimes.items[i].name) == 0;
                for (size_t k = 0; k < i; k++) {
                        if (strcmp(c->runtimes.items[i].name, c->runtimes.items[k].name) == 0)
                                return mn_fail(err, MN_INVALID, "runtime '%s' was already registered",
                                               c->runtimes.items[i].name);
                }
        }
        /* "runc" is what Docker's configuration says for "the usual one". */
        if (!is_known && strcmp(c->default_runtime, "runc") != 0)
                return mn_fail(err, MN_INVALID, "specified default runtime '%s' does not exist",
                               c->default_runtime);
        return MN_OK;
}

static mn_status check_choice(const char *name, const char *value, const char *const *choices, mn_err *err) {
        for (; *choices; choices++) {
                if (!value || strcmp(value, *choices) == 0)
                        return MN_OK;
        }
        return mn_fail(err, MN_INVALID, "invalid %s: %s", name, value);
}

#define CGROUP_DRIVER "native.cgroupdriver="

static bool has_systemd(void) {
        return faccessat(AT_FDCWD, "/run/systemd/system", F_OK, 0) == 0;
}

/* The driver that --exec-opt names; NULL when none does. */
static const char *named_cgroup_driver(const daemon_config *c) {
        const char *driver = NULL;
        for (char **o = c->exec_opts; o && *o; o++)
                if (mn_str_has_prefix(*o, CGROUP_DRIVER))
                        driver = *o + strlen(CGROUP_DRIVER);
        return driver;
}

/* As Docker chooses: systemd's where it runs and owns the one tree, else files. */
static bool uses_systemd_cgroup(const daemon_config *c) {
        const char *driver = named_cgroup_driver(c);
        return driver && *driver ? strcmp(driver, "systemd") == 0 : has_systemd() && mn_cgroup_is_pure_v2();
}

static mn_status check_cgroup_driver(const daemon_config *c, mn_err *err) {
        for (char **o = c->exec_opts; o && *o; o++)
                if (!mn_str_has_prefix(*o, CGROUP_DRIVER))
                        return mn_fail(err, MN_INVALID,
                                       "invalid exec-opt: %s: only native.cgroupdriver is known", *o);
        const char *driver = named_cgroup_driver(c);
        if (driver && *driver && strcmp(driver, "systemd") != 0 && strcmp(driver, "cgroupfs") != 0)
                return mn_fail(err, MN_INVALID, "native.cgroupdriver option %s not supported", driver);
        if (!uses_systemd_cgroup(c))
                return MN_OK;
        if (!has_systemd())
                return mn_fail(err, MN_INVALID,
                               "native.cgroupdriver=systemd: systemd is not running on this host");
        return c->cgroup_parent && *c->cgroup_parent ? container_check_slice(c->cgroup_parent, err) : MN_OK;
}

static mn_status check_values(const daemon_config *c, mn_err *err) {
        static const char *const log_formats[] = { "text", "json", NULL };
        static const char *const ipc_modes[] = { "private", "shareable", NULL };
        static const char *const cgroupns_modes[] = { "private", "host", NULL };
        static const char *const log_drivers[] = { "json-file", "local", "none", NULL };
        mn_log_level level;
        if (mn_log_level_parse(c->log_level, &level) < 0)
                return mn_fail(err, MN_INVALID, "invalid logging level: %s", c->log_level);
        if (c->max_concurrent_downloads < 1 || c->max_concurrent_uploads < 1 || c->max_download_attempts < 1)
                return mn_fail(err, MN_INVALID,
                               "max-concurrent-downloads, max-concurrent-uploads and "
                               "max-download-attempts must be positive");
        if (c->mtu < 0 || c->mtu > 65535)
                return mn_fail(err, MN_INVALID, "invalid default MTU: %lld", (long long) c->mtu);
        if (c->bridge && *c->bridge && c->bip && *c->bip)
                return mn_fail(err, MN_INVALID, "you specified -b & --bip, mutually exclusive options");
        for (char **label = c->labels; label && *label; label++) {
                if (!strchr(*label, '='))
                        return mn_fail(err, MN_INVALID, "bad attribute format: %s", *label);
        }
        mn_status s = check_choice("log format", c->log_format, log_formats, err);
        if (s == MN_OK)
                s = check_choice("default ipc mode", c->default_ipc_mode, ipc_modes, err);
        if (s == MN_OK)
                s = check_choice("default cgroup namespace mode", c->default_cgroupns_mode, cgroupns_modes,
                                 err);
        if (s == MN_OK)
                s = check_choice("logging driver", c->log_driver, log_drivers, err);
        if (s == MN_OK)
                s = check_cgroup_driver(c, err);
        return s == MN_OK ? check_runtimes(c, err) : s;
}

/* What follows from other values. */
static void complete(daemon_config *c, mn_arena *arena) {
        if (!c->pidfile)
                c->pidfile = mn_arena_printf(arena, "%s/minatod.pid", c->exec_root);
        if (!c->hosts) {
                c->hosts = mn_arena_array(arena, 2, sizeof(char *));
                c->hosts[0] = mn_arena_printf(arena, "unix://%s/minato.sock", c->exec_root);
        }
        if (strcmp(c->default_runtime, "runc") == 0) {
                bool is_registered = false;
                for (size_t i = 0; i < c->runtimes.len; i++)
                        is_registered = is_registered || strcmp(c->runtimes.items[i].name, "runc") == 0;
                if (!is_registered)
                        c->default_runtime = mn_arena_strdup(arena, "minato");
        }
        c->tls = c->tls || c->tlsverify;
        c->uses_systemd_cgroup = uses_systemd_cgroup(c);
}

mn_status daemon_config_read(int argc, char **argv, mn_arena *arena, daemon_config *ret, mn_err *err) {
        given_flags given = { .len = 0 };
        daemon_config c;
        set_defaults(&c, arena);
        mn_status s = parse_flags(argc, argv, arena, &given, &c, err);
        if (s != MN_OK)
                return s;
        c.has_config_file = is_flag_given(&given, "config-file");
        if (!c.prints_help && !c.prints_version && !c.prints_openapi && !c.prints_compatibility &&
            !c.prints_manual)
                s = read_file(arena, &given, &c, err);
        c.has_group = is_flag_given(&given, "group");
        if (s == MN_OK)
                s = check_values(&c, err);
        if (s != MN_OK)
                return s;
        complete(&c, arena);
        *ret = c;
        return MN_OK;
}

/* Bytes of the member a row sets. */
static size_t member_size(option_kind kind) {
        switch (kind) {
        case OPTION_BOOL:
                return sizeof(bool);
        case OPTION_INT:
                return sizeof(int64_t);
        case OPTION_STR:
        case OPTION_LIST:
                return sizeof(char *);
        case OPTION_RUNTIME:
        case OPTION_POOL:
        case OPTION_ULIMIT:
                return sizeof(MN_LIST(void));
        case OPTION_MAP:
                return sizeof(mn_str_map);
        case OPTION_PROXIES:
                return 3 * sizeof(char *);
        case OPTION_ANY:
                break;
        }
        return 0;
}

mn_status daemon_config_reload(const daemon_config *old, int argc, char **argv, mn_arena *arena,
                               daemon_config *ret, mn_err *err) {
        daemon_config now;
        mn_status s = daemon_config_read(argc, argv, arena, &now, err);
        if (s != MN_OK)
                return s;
        *ret = *old;
        for (size_t i = 0; i < daemon_noptions; i++) {
                const option *o = &daemon_options[i];
                if (o->is_reloadable && o->support == OPTION_BUILT)
                        memcpy((char *) ret + o->offset, (const char *) &now + o->offset,
                               member_size(o->kind));
        }
        return MN_OK;
}
