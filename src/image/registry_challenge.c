/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "image/registry_token.h"

static bool is_token_char(char c) {
        return c && (strchr("!#$%&'*+-.^_`|~", c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z'));
}

static const char *skip_spaces_and_commas(const char *s) {
        return s + strspn(s, " \t,");
}

static const char *read_token(const char *s, mn_arena *arena, char **ret) {
        size_t len = 0;
        while (is_token_char(s[len]))
                len++;
        *ret = mn_arena_strndup(arena, s, len);
        return s + len;
}

/* A token, or a quoted string with backslash escapes. NULL when the quotes do not end. */
static const char *read_value(const char *s, mn_arena *arena, char **ret) {
        if (*s != '"')
                return read_token(s, arena, ret);
        char *value = mn_arena_alloc(arena, strlen(s) + 1);
        size_t len = 0;
        for (s++; *s && *s != '"'; s++) {
                if (*s == '\\' && s[1])
                        s++;
                value[len++] = *s;
        }
        *ret = value;
        return *s == '"' ? s + 1 : NULL;
}

static void set_parameter(registry_challenge *c, const char *name, char *value) {
        if (strcasecmp(name, "realm") == 0)
                c->realm = value;
        else if (strcasecmp(name, "service") == 0)
                c->service = value;
        else if (strcasecmp(name, "scope") == 0)
                c->scope = value;
}

/* Parameters up to the next scheme: a name without '=' after it begins one. NULL at the end or at nonsense.
 */
static const char *read_parameters(const char *s, mn_arena *arena, registry_challenge *c) {
        for (;;) {
                char *name, *value;
                s = skip_spaces_and_commas(s);
                const char *after = read_token(s, arena, &name);
                if (!*name)
                        return NULL;
                const char *equals = after + strspn(after, " \t");
                if (*equals != '=')
                        return s;
                equals++;
                after = read_value(equals + strspn(equals, " \t"), arena, &value);
                if (!after)
                        return NULL;
                set_parameter(c, name, value);
                s = after;
        }
}

static registry_scheme scheme_of(const char *name) {
        if (strcasecmp(name, "Bearer") == 0)
                return REGISTRY_AUTH_BEARER;
        return strcasecmp(name, "Basic") == 0 ? REGISTRY_AUTH_BASIC : REGISTRY_AUTH_NONE;
}

static registry_challenge empty_challenge(registry_scheme scheme) {
        static char empty[] = "";
        return (registry_challenge){ scheme, empty, empty, empty };
}

void registry_challenge_parse(const char *text, mn_arena *arena, registry_challenge *ret) {
        *ret = empty_challenge(REGISTRY_AUTH_NONE);
        for (const char *s = text; s;) {
                char *name;
                s = skip_spaces_and_commas(s);
                s = read_token(s, arena, &name);
                if (!*name)
                        return;
                registry_challenge one = empty_challenge(scheme_of(name));
                s = read_parameters(s, arena, &one);
                bool is_usable = one.scheme != REGISTRY_AUTH_BEARER || *one.realm;
                if (is_usable && one.scheme > ret->scheme)
                        *ret = one;
        }
}

void registry_challenge_read(const registry_response *response, mn_arena *arena, registry_challenge *ret) {
        *ret = empty_challenge(REGISTRY_AUTH_NONE);
        for (size_t i = 0; i < response->nheaders; i++) {
                if (strcmp(response->headers[i].name, "www-authenticate") != 0)
                        continue;
                registry_challenge one;
                registry_challenge_parse(response->headers[i].value, arena, &one);
                if (one.scheme > ret->scheme)
                        *ret = one;
        }
}
