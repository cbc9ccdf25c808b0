/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/option.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/strv.h"

/* ---- values of more than one part ---- */

static char **list_with(mn_arena *arena, char **list, char *item) {
        size_t n = mn_strv_len(list);
        char **copy = mn_arena_array(arena, n + 2, sizeof(*copy));
        if (n)
                memcpy(copy, list, n * sizeof(*copy));
        copy[n] = item;
        return copy;
}

/* Copies the list with room for one more element at the end, which it returns. */
#define LIST_GROW(arena, list)                                                                               \
        ({                                                                                                   \
                __auto_type _items = (list).items;                                                           \
                (list).items = mn_arena_array(arena, (list).len + 1, sizeof(*_items));                       \
                if ((list).len)                                                                              \
                        memcpy((list).items, _items, (list).len * sizeof(*_items));                          \
                &(list).items[(list).len++];                                                                 \
        })

void daemon_config_warn(daemon_config *config, mn_arena *arena, const char *text) {
        config->warnings = list_with(arena, config->warnings, mn_arena_strdup(arena, text));
}

/* Splits "KEY=VALUE"; false without '=' or with an empty key. */
static bool split_pair(mn_arena *arena, const char *text, char **ret_key, char **ret_value) {
        const char *equals = strchr(text, '=');
        if (!equals || equals == text)
                return false;
        *ret_key = mn_arena_strndup(arena, text, (size_t) (equals - text));
        *ret_value = mn_arena_strdup(arena, equals + 1);
        return true;
}

static mn_status add_runtime(daemon_config *config, mn_arena *arena, daemon_runtime runtime, mn_err *err) {
        static const char *const reserved[] = { "minato", "io.minato.runtime" };
        for (size_t i = 0; i < MN_ARRAY_LEN(reserved); i++) {
                if (strcmp(runtime.name, reserved[i]) == 0)
                        return mn_fail(err, MN_INVALID, "runtime name '%s' is reserved", runtime.name);
        }
        if (!runtime.path || !*runtime.path)
                return mn_fail(err, MN_INVALID, "runtime '%s' has no path", runtime.name);
        *LIST_GROW(arena, config->runtimes) = runtime;
        return MN_OK;
}

static mn_status add_pool(daemon_config *config, mn_arena *arena, const char *text, mn_err *err) {
        daemon_pool pool = { 0 };
        cleanup_strv char **parts = mn_strv_split(text, ',');
        for (size_t i = 0; parts[i]; i++) {
                if (mn_str_has_prefix(parts[i], "base="))
                        pool.base = mn_arena_strdup(arena, parts[i] + 5);
                else if (!mn_str_has_prefix(parts[i], "size=") ||
                         mn_parse_i64(parts[i] + 5, 1, 128, &pool.size) < 0)
                        return mn_fail(err, MN_INVALID, "invalid field '%s' in --default-address-pool \"%s\"",
                                       parts[i], text);
        }
        if (!pool.base || !pool.size)
                return mn_fail(err, MN_INVALID, "--default-address-pool \"%s\" needs base= and size=", text);
        *LIST_GROW(arena, config->pools) = pool;
        return MN_OK;
}

static mn_status add_ulimit(daemon_config *config, mn_arena *arena, const char *text, mn_err *err) {
        daemon_ulimit limit = { 0 };
        char *value = NULL;
        if (!split_pair(arena, text, &limit.name, &value))
                return mn_fail(err, MN_INVALID, "invalid ulimit argument: %s", text);
        char *colon = strchr(value, ':');
        if (colon)
                *colon = '\0';
        if (mn_parse_i64(value, -1, INT64_MAX, &limit.soft) < 0 ||
            mn_parse_i64(colon ? colon + 1 : value, -1, INT64_MAX, &limit.hard) < 0)
                return mn_fail(err, MN_INVALID, "invalid ulimit argument: %s", text);
        *LIST_GROW(arena, config->default_ulimits) = limit;
        return MN_OK;
}

/* ---- from a flag ---- */

static mn_status wrong_text(const option *o, const char *text, const char *what, mn_err *err) {
        return mn_fail(err, MN_INVALID, "invalid argument \"%s\" for \"--%s\" flag: %s", text, o->flag, what);
}

mn_status option_set_text(const option *o, const char *text, mn_arena *arena, daemon_config *config,
                          mn_err *err) {
        void *member = (char *) config + o->offset;
        char *key, *value;
        switch (o->kind) {
        case OPTION_BOOL:
                if (mn_parse_bool(text, member) < 0)
                        return wrong_text(o, text, "not a boolean", err);
                return MN_OK;
        case OPTION_STR:
                *(char **) member = mn_arena_strdup(arena, text);
                return MN_OK;
        case OPTION_INT:
                if (mn_parse_i64(text, INT32_MIN, INT32_MAX, member) < 0)
                        return wrong_text(o, text, "not a number", err);
                return MN_OK;
        case OPTION_LIST:
                *(char ***) member = list_with(arena, *(char ***) member, mn_arena_strdup(arena, text));
                return MN_OK;
        case OPTION_RUNTIME:
                if (!split_pair(arena, text, &key, &value))
                        return wrong_text(o, text, "expected NAME=PATH", err);
                return add_runtime(config, arena, (daemon_runtime){ .name = key, .path = value }, err);
        case OPTION_POOL:
                return add_pool(config, arena, text, err);
        case OPTION_ULIMIT:
                return add_ulimit(config, arena, text, err);
        case OPTION_MAP:
                if (!split_pair(arena, text, &key, &value))
                        return wrong_text(o, text, "expected KEY=VALUE", err);
                mn_str_map_set(member, arena, key, value);
                return MN_OK;
        case OPTION_PROXIES:
        case OPTION_ANY:
                break;
        }
        return MN_OK;
}

/* ---- from the file ---- */

static mn_status wrong_json(const option *o, const mn_json *value, const char *wanted, mn_err *err) {
        return mn_fail(err, MN_INVALID, "%s: expected %s, got %s", o->key, wanted,
                       mn_json_kind_name(value->kind));
}

static mn_status set_list(const option *o, const mn_json *value, mn_arena *arena, char ***member,
                          mn_err *err) {
        if (value->kind != MN_JSON_ARRAY)
                return wrong_json(o, value, "a list of strings", err);
        *member = NULL;
        for (const mn_json *v = value->child; v; v = v->next) {
                if (v->kind != MN_JSON_STRING)
                        return wrong_json(o, v, "a list of strings", err);
                *member = list_with(arena, *member, mn_arena_strdup(arena, v->text));
        }
        return MN_OK;
}

static mn_status set_runtimes(const option *o, const mn_json *value, mn_arena *arena, daemon_config *config,
                              mn_err *err) {
        static const char *const unsupported[] = { "runtimeType", "options" };
        if (value->kind != MN_JSON_OBJECT)
                return wrong_json(o, value, "an object", err);
        for (const mn_json *v = value->child; v; v = v->next) {
                daemon_runtime runtime = { .name = mn_arena_strdup(arena, v->key),
                                           .path = mn_arena_strdup(arena, mn_json_get_str(v, "path")) };
                for (size_t i = 0; i < MN_ARRAY_LEN(unsupported); i++) {
                        if (mn_json_get(v, unsupported[i]))
                                return mn_fail(
                                        err, MN_INVALID,
                                        "runtimes.%s: \"%s\" belongs to containerd shims, which are not used",
                                        v->key, unsupported[i]);
                }
                const mn_json *args = mn_json_get(v, "runtimeArgs");
                mn_status s = args ? set_list(o, args, arena, &runtime.args, err) : MN_OK;
                if (s == MN_OK)
                        s = add_runtime(config, arena, runtime, err);
                if (s != MN_OK)
                        return s;
        }
        return MN_OK;
}

static mn_status set_pools(const option *o, const mn_json *value, mn_arena *arena, daemon_config *config,
                           mn_err *err) {
        if (value->kind != MN_JSON_ARRAY)
                return wrong_json(o, value, "a list", err);
        for (const mn_json *v = value->child; v; v = v->next) {
                const mn_json *size = mn_json_get(v, "size");
                daemon_pool pool = { .base = mn_arena_strdup(arena, mn_json_get_str(v, "base")) };
                if (!pool.base || !size || size->kind != MN_JSON_NUMBER ||
                    mn_parse_i64(size->text, 1, 128, &pool.size) < 0)
                        return mn_fail(err, MN_INVALID, "%s: every pool needs \"base\" and \"size\"", o->key);
                *LIST_GROW(arena, config->pools) = pool;
        }
        return MN_OK;
}

static mn_status set_ulimits(const option *o, const mn_json *value, mn_arena *arena, daemon_config *config,
                             mn_err *err) {
        if (value->kind != MN_JSON_OBJECT)
                return wrong_json(o, value, "an object", err);
        for (const mn_json *v = value->child; v; v = v->next) {
                const mn_json *soft = mn_json_get(v, "Soft"), *hard = mn_json_get(v, "Hard");
                daemon_ulimit limit = { .name = mn_arena_strdup(arena, v->key) };
                if (!soft || !hard || soft->kind != MN_JSON_NUMBER || hard->kind != MN_JSON_NUMBER ||
                    mn_parse_i64(soft->text, -1, INT64_MAX, &limit.soft) < 0 ||
                    mn_parse_i64(hard->text, -1, INT64_MAX, &limit.hard) < 0)
                        return mn_fail(err, MN_INVALID, "%s.%s: expected \"Soft\" and \"Hard\"", o->key,
                                       v->key);
                *LIST_GROW(arena, config->default_ulimits) = limit;
        }
        return MN_OK;
}

static mn_status set_map(const option *o, const mn_json *value, mn_arena *arena, mn_str_map *map,
                         mn_err *err) {
        if (value->kind != MN_JSON_OBJECT)
                return wrong_json(o, value, "an object of strings", err);
        for (const mn_json *v = value->child; v; v = v->next) {
                if (v->kind != MN_JSON_STRING)
                        return wrong_json(o, v, "an object of strings", err);
                mn_str_map_set(map, arena, v->key, v->text);
        }
        return MN_OK;
}

static mn_status set_proxies(const option *o, const mn_json *value, mn_arena *arena, daemon_config *config,
                             mn_err *err) {
        if (value->kind != MN_JSON_OBJECT)
                return wrong_json(o, value, "an object", err);
        config->http_proxy = mn_arena_strdup(arena, mn_json_get_str(value, "http-proxy"));
        config->https_proxy = mn_arena_strdup(arena, mn_json_get_str(value, "https-proxy"));
        config->no_proxy = mn_arena_strdup(arena, mn_json_get_str(value, "no-proxy"));
        return MN_OK;
}

mn_status option_set_json(const option *o, const mn_json *value, mn_arena *arena, daemon_config *config,
                          mn_err *err) {
        void *member = (char *) config + o->offset;
        switch (o->kind) {
        case OPTION_BOOL:
                if (value->kind != MN_JSON_BOOL)
                        return wrong_json(o, value, "true or false", err);
                *(bool *) member = value->boolean;
                return MN_OK;
        case OPTION_STR:
                if (value->kind != MN_JSON_STRING)
                        return wrong_json(o, value, "a string", err);
                *(char **) member = mn_arena_strdup(arena, value->text);
                return MN_OK;
        case OPTION_INT:
                if (value->kind != MN_JSON_NUMBER ||
                    mn_parse_i64(value->text, INT32_MIN, INT32_MAX, member) < 0)
                        return wrong_json(o, value, "a whole number", err);
                return MN_OK;
        case OPTION_LIST:
                if (value->kind == MN_JSON_STRING) {
                        *(char ***) member = list_with(arena, NULL, mn_arena_strdup(arena, value->text));
                        return MN_OK;
                }
                return set_list(o, value, arena, member, err);
        case OPTION_RUNTIME:
                return set_runtimes(o, value, arena, config, err);
        case OPTION_POOL:
                return set_pools(o, value, arena, config, err);
        case OPTION_ULIMIT:
                return set_ulimits(o, value, arena, config, err);
        case OPTION_MAP:
                return set_map(o, value, arena, member, err);
        case OPTION_PROXIES:
                return set_proxies(o, value, arena, config, err);
        case OPTION_ANY:
                break;
        }
        return MN_OK;
}
