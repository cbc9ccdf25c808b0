/* SPDX-License-Identifier: Apache-2.0 */
/* What commands share: the connection, requests, messages. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/strv.h"
#include "base/time.h"
#include "cli/config.h"
#include "cli/endpoint.h"
#include "cli/text.h"
#include "codec/http.h"

static const char *env(const char *name) {
        const char *value = getenv(name);
        return value && *value ? value : NULL;
}

/* The configuration's HttpHeaders, sent with every request. */
static void add_headers(cli *c) {
        const mn_json *headers = mn_json_get(config_load(c), "HttpHeaders");
        char **list = headers && headers->len ? mn_arena_array(c->arena, headers->len + 1, sizeof(*list))
                                              : NULL;
        c->headers = list;
        for (const mn_json *h = list ? headers->child : NULL; h; h = h->next)
                if (h->key && h->kind == MN_JSON_STRING && !strpbrk(h->key, "\r\n: ") &&
                    !strpbrk(h->text, "\r\n") && strcasecmp(h->key, "User-Agent") != 0)
                        *list++ = (char *) mn_arena_printf(c->arena, "%s: %s", h->key, h->text);
}

mn_status cli_client(cli *c, client **ret, mn_err *err) {
        endpoint to = { 0 };
        if (c->client) {
                *ret = c->client;
                return MN_OK;
        }
        mn_status status = endpoint_find(c, NULL, &to, err);
        if (status)
                return status;
        client_spec spec = { .host = to.host,
                             .api_version = env("DOCKER_API_VERSION"),
                             .has_tls = to.has_tls,
                             .verifies_tls = to.verifies_tls,
                             .ca_file = to.ca_file,
                             .cert_file = to.cert_file,
                             .key_file = to.key_file };
        add_headers(c);
        spec.headers = (const char *const *) c->headers;
        status = client_new(&spec, &c->client, err);
        *ret = c->client;
        return status;
}

mn_status cli_request(cli *c, const char *method, const char *target, const mn_json **ret, mn_err *err) {
        return cli_request_object(c, method, target, NULL, NULL, ret, err);
}

mn_status cli_request_object(cli *c, const char *method, const char *target, const mn_type *type,
                             const void *object, const mn_json **ret, mn_err *err) {
        client *peer;
        cleanup_str mn_str body = MN_STR_INIT(0);
        mn_status status = cli_client(c, &peer, err);
        if (status)
                return status;
        if (type)
                mn_json_encode(type, object, 0, &body);
        const client_request request = { .method = method, .target = target, .body = type ? &body : NULL };
        return client_call(peer, &request, c->arena, ret, err);
}

int cli_fail(const mn_err *err) {
        cleanup_str mn_str line = MN_STR_INIT(0);
        const char *text = mn_err_text(err);
        text_add_safe(&line, text, strlen(text), true);
        fflush(stdout);
        fprintf(stderr, "%s\n", mn_str_text(&line));
        return CLI_EXIT_FAILURE;
}

int cli_failf(const char *fmt, ...) {
        cleanup_err mn_err err = { 0 };
        va_list ap;
        va_start(ap, fmt);
        mn_vfail(&err, MN_INTERNAL, fmt, ap);
        va_end(ap);
        return cli_fail(&err);
}

const char *cli_target(cli *c, const char *prefix, const char *name, const char *suffix) {
        cleanup_str mn_str target = MN_STR_INIT(0);
        mn_str_add(&target, prefix);
        client_add_segment(&target, *name == '/' ? name + 1 : name);
        mn_str_add(&target, suffix);
        return mn_arena_strdup(c->arena, mn_str_text(&target));
}

int cli_for_each(cli *c, char **names, const char *method, const char *prefix, const char *suffix,
                 const mn_str *query) {
        int code = CLI_EXIT_OK;
        for (; *names; names++) {
                cleanup_err mn_err err = { 0 };
                const char *target = cli_target(c, prefix, *names, suffix);
                if (query)
                        target = mn_arena_printf(c->arena, "%s%s", target, mn_str_text(query));
                mn_status status = cli_request(c, method, target, NULL, &err);
                if (status && status != MN_NOT_MODIFIED)
                        code = cli_fail(&err);
                else
                        printf("%s\n", *names);
        }
        return code;
}

enum { AT_ONCE = 50 };

static client_stream *send_one(cli *c, const cli_action *action, const char *name) {
        client_stream *s = NULL;
        cleanup_err mn_err ignored = { 0 };
        const client_request request = {
                .method = action->method,
                .target = cli_target(c, action->prefix, name, action->suffix),
        };
        return client_send(c->client, &request, &s, &ignored) ? NULL : s;
}

/* The answer to a request that was sent; one that could not be sent (or is the only one) is made now. */
static mn_status finish_one(cli *c, const cli_action *action, const char *name, client_stream *sent,
                            mn_err *err) {
        cleanup_stream client_stream *s = sent;
        if (s)
                return client_receive(s, err);
        return cli_request(c, action->method, cli_target(c, action->prefix, name, action->suffix), NULL, err);
}

int cli_for_all(cli *c, char **names, const cli_action *action) {
        client_stream *streams[AT_ONCE] = { NULL };
        size_t count = mn_strv_len(names), sent = 0;
        cleanup_err mn_err failure = { 0 };
        client *peer;
        int code = CLI_EXIT_OK;
        if (cli_client(c, &peer, &failure) || (count > 1 && client_confirm_version(peer, &failure)))
                return cli_fail(&failure);
        for (size_t i = 0; i < count; i++) {
                for (; count > 1 && sent < count && sent < i + AT_ONCE; sent++)
                        streams[sent % AT_ONCE] = send_one(c, action, names[sent]);
                cleanup_err mn_err err = { 0 };
                mn_status status = finish_one(c, action, names[i], MN_TAKE(streams[i % AT_ONCE]), &err);
                if (!status || status == MN_NOT_MODIFIED)
                        printf("%s\n", names[i]);
                else if (cli_fail(&err) && !(action->is_absence_ok && status == MN_NOT_FOUND))
                        code = CLI_EXIT_FAILURE;
                fflush(stdout);
        }
        return code;
}

bool cli_confirm(const char *question) {
        char answer[64] = "";
        printf("%s [y/N] ", question);
        fflush(stdout);
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        return answer[0] == 'y' || answer[0] == 'Y';
}

typedef MN_KEYED(char **) filter_map;

static void add_filter(cli *c, filter_map *map, size_t most, const char *key, const char *value) {
        size_t at = 0;
        while (at < map->len && strcmp(map->items[at].key, key) != 0)
                at++;
        if (at == map->len) {
                map->items[map->len].key = mn_arena_strdup(c->arena, key);
                map->items[map->len++].value = mn_arena_array(c->arena, most + 1, sizeof(char *));
        }
        char **values = map->items[at].value;
        while (*values)
                values++;
        *values = mn_arena_strdup(c->arena, value);
}

/* "Name = value" as the name in small letters and the value, without the spaces between. */
static mn_status split_filter(cli *c, const char *text, const char **ret_key, const char **ret_value,
                              mn_err *err) {
        const char *equals = strchr(text, '=');
        if (!equals)
                return mn_fail(err, MN_INVALID, "bad format of filter (expected name=value)");
        size_t len = (size_t) (equals - text);
        while (len && text[len - 1] == ' ')
                len--;
        char *key = mn_arena_strndup(c->arena, text, len);
        for (char *s = key; *s; s++)
                *s = (char) (*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
        *ret_key = key;
        *ret_value = equals + 1 + strspn(equals + 1, " ");
        return MN_OK;
}

mn_status cli_filters_with(cli *c, char *const *filters, const char *name, const char *value,
                           const char **ret, mn_err *err) {
        static const mn_type type = MN_MAP_OF(&mn_type_strv);
        cleanup_str mn_str json = MN_STR_INIT(0);
        size_t most = mn_strv_len(filters) + 1;
        filter_map map = { .items = mn_arena_array(c->arena, most, sizeof(*map.items)) };
        for (; filters && *filters; filters++) {
                const char *key = NULL, *text = NULL;
                if (!**filters)
                        continue;
                mn_status status = split_filter(c, *filters, &key, &text, err);
                if (status)
                        return status;
                add_filter(c, &map, most, key, text);
        }
        if (name)
                add_filter(c, &map, most, name, value);
        *ret = NULL;
        if (!map.len)
                return MN_OK;
        mn_json_encode(&type, &map, 0, &json);
        *ret = mn_arena_strdup(c->arena, mn_str_text(&json));
        return MN_OK;
}

mn_status cli_filters(cli *c, char *const *filters, const char **ret, mn_err *err) {
        return cli_filters_with(c, filters, NULL, NULL, ret, err);
}

int64_t cli_number(const mn_json *object, const char *key) {
        const mn_json *value = mn_json_get(object, key);
        int64_t number = 0;
        if (value && value->kind == MN_JSON_NUMBER &&
            mn_parse_i64(value->text, INT64_MIN, INT64_MAX, &number))
                return (int64_t) strtod(value->text, NULL);
        return number;
}

double cli_double(const mn_json *object, const char *key) {
        const mn_json *value = mn_json_get(object, key);
        return value && value->kind == MN_JSON_NUMBER ? strtod(value->text, NULL) : 0;
}

bool cli_is_true(const mn_json *object, const char *key) {
        const mn_json *value = mn_json_get(object, key);
        return value && value->kind == MN_JSON_BOOL && value->boolean;
}

const char *cli_text(const mn_json *object, const char *key) {
        const char *text = mn_json_get_str(object, key);
        return text ? text : "";
}

const char *cli_local_time(cli *c, int64_t ns) {
        char buf[64];
        struct tm tm;
        time_t seconds = (time_t) (ns / MN_NS_PER_SEC);
        localtime_r(&seconds, &tm);
        strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
        return mn_arena_strdup(c->arena, buf);
}

const char *cli_short_id(cli *c, const char *id) {
        const char *colon = strchr(id, ':');
        return mn_arena_printf(c->arena, "%.12s", colon ? colon + 1 : id);
}
