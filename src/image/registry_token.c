/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_token.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/strv.h"
#include "base/time.h"
#include "codec/base64.h"
#include "image/registry_error.h"
#include "image/registry_url.h"

enum { TOKENS_MAX = 256, TOKEN_LIFE_MIN_S = 60, TOKEN_LIFE_MAX_S = 3600 };

/* ---- credentials ---- */

void registry_credentials(const image_auth *auth, mn_arena *arena, const char **ret_user,
                          const char **ret_password) {
        *ret_user = *ret_password = "";
        if (!auth)
                return;
        if (!mn_str_is_empty(auth->username)) {
                *ret_user = auth->username;
                *ret_password = auth->password ? auth->password : "";
                return;
        }
        cleanup_str mn_str plain = MN_STR_INIT(64 << 10);
        if (mn_str_is_empty(auth->auth) || mn_base64_decode(auth->auth, strlen(auth->auth), &plain) < 0)
                return;
        const char *colon = strchr(mn_str_text(&plain), ':');
        if (!colon)
                return;
        *ret_user = mn_arena_strndup(arena, plain.data, (size_t) (colon - plain.data));
        *ret_password = mn_arena_strdup(arena, colon + 1);
}

char *registry_basic_header(const image_auth *auth, mn_arena *arena) {
        const char *user, *password;
        registry_credentials(auth, arena, &user, &password);
        if (!*user && !*password)
                return NULL;
        cleanup_str mn_str plain = MN_STR_INIT(0), text = MN_STR_INIT(0);
        mn_str_printf(&plain, "%s:%s", user, password);
        mn_base64_encode(mn_str_text(&plain), plain.len, false, &text);
        return mn_arena_printf(arena, "Authorization: Basic %s", mn_str_text(&text));
}

/* ---- whom to trust ---- */

/* The host without its first label, when what remains is an organisation's domain and not a registrar's
 * ("co.uk"). */
static const char *parent_domain(const char *host) {
        const char *dot = strchr(host, '.');
        if (!dot)
                return NULL;
        const char *parent = dot + 1, *second = strchr(parent, '.');
        if (!second)
                return NULL;
        bool has_more = strchr(second + 1, '.') != NULL;
        return has_more || second - parent > 3 ? parent : NULL;
}

static bool is_within(const char *host, const char *domain) {
        size_t host_len = strlen(host), len = strlen(domain);
        return strcmp(host, domain) == 0 || (host_len > len && host[host_len - len - 1] == '.' &&
                                             strcmp(host + host_len - len, domain) == 0);
}

static bool is_address(const char *host) {
        return strchr(host, ':') || host[strspn(host, "0123456789.")] == '\0';
}

bool registry_realm_is_trusted(const image_registry *registry, const char *registry_host,
                               const char *realm_host) {
        if (strcmp(registry_host, realm_host) == 0)
                return true;
        if (registry && mn_strv_has(registry_settings(registry)->token_realms, realm_host))
                return true;
        if (is_address(registry_host) || is_address(realm_host))
                return false;
        const char *parent = parent_domain(registry_host);
        return parent && is_within(realm_host, parent);
}

/* ---- the cache ---- */

struct cached_token {
        int64_t expires_ns; /* monotonic */
        char text[];
};

/* Who asks whom for what with which credentials; the secret itself is not kept. */
static char *cache_key(const registry_token_spec *spec) {
        const image_auth *a = spec->auth;
        cleanup_str mn_str secret = MN_STR_INIT(0);
        if (a)
                mn_str_printf(&secret, "%s\n%s\n%s\n%s", a->username ? a->username : "",
                              a->password ? a->password : "", a->auth ? a->auth : "",
                              a->identity_token ? a->identity_token : "");
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        char hex[2 * EVP_MAX_MD_SIZE + 1];
        EVP_Digest(mn_str_text(&secret), secret.len, digest, &len, EVP_sha256(), NULL);
        mn_hex_encode(digest, len, hex);
        return mn_asprintf("%s %s %s %s %s", spec->endpoint->url.origin, spec->challenge->realm,
                           spec->challenge->service, spec->scope, hex);
}

static char *cache_get(image_registry *registry, const char *key, mn_arena *arena) {
        char *text = NULL;
        pthread_mutex_lock(&registry->lock);
        const struct cached_token *token = mn_map_get(registry->tokens, key);
        if (token && token->expires_ns > mn_monotonic_ns())
                text = mn_arena_strdup(arena, token->text);
        pthread_mutex_unlock(&registry->lock);
        return text;
}

static void drop_expired(mn_map *tokens) {
        size_t pos = 0;
        const char *key;
        void *value;
        while (mn_map_next(tokens, &pos, &key, &value))
                if (((struct cached_token *) value)->expires_ns <= mn_monotonic_ns())
                        mn_map_remove(tokens, key);
}

static void cache_put(image_registry *registry, const char *key, const char *text, int64_t life_s) {
        struct cached_token *token = mn_alloc(sizeof(*token) + strlen(text) + 1);
        life_s = MN_MIN(life_s, (int64_t) TOKEN_LIFE_MAX_S);
        life_s = MN_MAX(life_s, (int64_t) TOKEN_LIFE_MIN_S);
        token->expires_ns = mn_monotonic_ns() + life_s * 9 / 10 * MN_NS_PER_SEC;
        memcpy(token->text, text, strlen(text) + 1);
        pthread_mutex_lock(&registry->lock);
        if (mn_map_len(registry->tokens) >= TOKENS_MAX)
                drop_expired(registry->tokens);
        if (mn_map_len(registry->tokens) < TOKENS_MAX || mn_map_has(registry->tokens, key))
                mn_map_set(registry->tokens, key, token);
        else
                free(token);
        pthread_mutex_unlock(&registry->lock);
}

/* ---- asking the token service ---- */

struct token_document {
        char *token;
        char *access_token;
        char *refresh_token;
        int64_t expires_in;
};
static const mn_field token_fields[] = {
        { "token", &mn_type_str, offsetof(struct token_document, token), 0 },
        { "access_token", &mn_type_str, offsetof(struct token_document, access_token), 0 },
        { "refresh_token", &mn_type_str, offsetof(struct token_document, refresh_token), 0 },
        { "expires_in", &mn_type_i64, offsetof(struct token_document, expires_in), 0 },
        { 0 },
};
static const mn_type token_type = MN_STRUCT(struct token_document, token_fields);

/* A token goes into a header line: nothing but the characters of RFC 6750 may be in it. */
static bool is_header_safe(const char *token) {
        for (; *token; token++)
                if (*token <= ' ' || *token > '~' || *token == '"')
                        return false;
        return true;
}

static void add_scopes(mn_str *out, const char *scopes) {
        cleanup_strv char **list = mn_strv_split(scopes, ' ');
        for (char **scope = list; *scope; scope++) {
                if (!**scope)
                        continue;
                mn_str_add(out, "&scope=");
                registry_url_add_escaped(out, *scope);
        }
}

/* GET realm?service=...&scope=... with basic credentials, when there are any. */
static char *get_url(const registry_token_spec *spec, const char *realm, const char *user, mn_arena *arena) {
        cleanup_str mn_str url = MN_STR_INIT(64 << 10);
        mn_str_printf(&url, "%s%cservice=", realm, strchr(realm, '?') ? '&' : '?');
        registry_url_add_escaped(&url, spec->challenge->service);
        if (*user) {
                mn_str_add(&url, "&account=");
                registry_url_add_escaped(&url, user);
        }
        if (spec->is_login)
                mn_str_add(&url, "&client_id=minato&offline_token=true");
        add_scopes(&url, spec->scope);
        return mn_arena_strdup(arena, mn_str_text(&url));
}

/* The form of an OAuth2 refresh (an identity token stands for the password). */
static char *refresh_form(const registry_token_spec *spec, mn_arena *arena) {
        cleanup_str mn_str form = MN_STR_INIT(64 << 10);
        mn_str_add(&form, "grant_type=refresh_token&client_id=minato&service=");
        registry_url_add_escaped(&form, spec->challenge->service);
        mn_str_add(&form, "&refresh_token=");
        registry_url_add_escaped(&form, spec->auth->identity_token);
        mn_str_add(&form, "&scope=");
        registry_url_add_escaped(&form, spec->scope);
        return mn_arena_strdup(arena, mn_str_text(&form));
}

static mn_status check_realm(image_registry *registry, const registry_token_spec *spec,
                             const registry_url *realm, bool has_secret, mn_err *err) {
        const registry_endpoint *e = spec->endpoint;
        bool is_same_host = strcmp(e->url.host, realm->host) == 0;
        if (!realm->is_https && (!e->is_insecure || !is_same_host))
                return mn_fail(err, MN_FORBIDDEN,
                               "registry %s names a token service without TLS (%s): refused",
                               e->url.authority, realm->authority);
        if (has_secret && !registry_realm_is_trusted(registry, e->url.host, realm->host))
                return mn_fail(
                        err, MN_FORBIDDEN,
                        "registry %s asks to send its credentials to %s, another party: refused unless that "
                        "host is configured as its token realm",
                        e->url.authority, realm->authority);
        return MN_OK;
}

static mn_status read_token(const registry_response *response, mn_arena *arena, struct token_document *doc,
                            mn_err *err) {
        if (response->status != 200) {
                registry_error error;
                registry_error_read(response, &error);
                return mn_fail(err, registry_status_of_http(response->status), "%s", error.text);
        }
        mn_status status = mn_json_decode_text(&token_type, mn_str_text(&response->body), response->body.len,
                                               NULL, arena, MN_UNKNOWN_IGNORE, doc, err);
        if (status)
                return mn_err_prefix(err, MN_INTERNAL, "token service");
        if (mn_str_is_empty(doc->token))
                doc->token = doc->access_token;
        if (mn_str_is_empty(doc->token) || !is_header_safe(doc->token))
                return mn_fail(err, MN_INTERNAL,
                               "authorization server did not include a token in the response");
        return MN_OK;
}

static mn_status ask_service(image_registry *registry, registry_http *http, const registry_token_spec *spec,
                             mn_arena *arena, struct token_document *doc, mn_err *err) {
        cleanup_registry_url registry_url realm = { 0 };
        const char *user, *password;
        if (registry_url_parse(NULL, spec->challenge->realm, &realm, NULL) < 0)
                return mn_fail(err, MN_INTERNAL, "registry %s names an invalid token service",
                               spec->endpoint->url.authority);
        registry_credentials(spec->auth, arena, &user, &password);
        bool has_refresh = spec->auth && !mn_str_is_empty(spec->auth->identity_token);
        mn_status status = check_realm(registry, spec, &realm, has_refresh || *user || *password, err);
        if (status)
                return status;
        bool is_same_host = strcmp(spec->endpoint->url.host, realm.host) == 0;
        registry_transport transport;
        registry_transport_for(registry, &realm, spec->endpoint->is_insecure && is_same_host, arena,
                               &transport);
        if (!transport.ca_pem && is_same_host)
                transport.ca_pem = spec->endpoint->transport.ca_pem;
        const char *basic = has_refresh ? "Content-Type: application/x-www-form-urlencoded"
                                        : registry_basic_header(spec->auth, arena);
        const char *headers[] = { "Accept: application/json", basic, NULL };
        const char *form = has_refresh ? refresh_form(spec, arena) : NULL;
        registry_request request = {
                .method = has_refresh ? "POST" : "GET",
                .url = has_refresh ? spec->challenge->realm
                                   : get_url(spec, spec->challenge->realm, user, arena),
                .headers = headers,
                .transport = &transport,
                .is_local_refused = !spec->is_endpoint_local,
                .max_body = REGISTRY_TOKEN_MAX,
                .body = form,
                .body_len = form ? strlen(form) : 0,
                .is_cancelled = spec->is_cancelled,
        };
        cleanup_registry_response registry_response response = { 0 };
        status = registry_http_perform(http, &request, &response, err);
        return status ? status : read_token(&response, arena, doc, err);
}

mn_status registry_token_get(image_registry *registry, registry_http *http, const registry_token_spec *spec,
                             mn_arena *arena, registry_token *ret, mn_err *err) {
        static char empty[] = "";
        cleanup_free char *key = cache_key(spec);
        char *cached = spec->is_fresh || spec->is_login ? NULL : cache_get(registry, key, arena);
        if (cached) {
                *ret = (registry_token){ cached, empty };
                return MN_OK;
        }
        struct token_document doc = { 0 };
        mn_status status = ask_service(registry, http, spec, arena, &doc, err);
        if (status)
                return status;
        cache_put(registry, key, doc.token, doc.expires_in);
        *ret = (registry_token){ doc.token, doc.refresh_token ? doc.refresh_token : empty };
        return MN_OK;
}
