/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Authentication towards registries: WWW-Authenticate challenges (RFC 7235), basic credentials, and tokens of
 * the distribution token service, which are cached per registry, scope and credentials.
 */

#include "image/registry_client.h"

typedef enum registry_scheme {
        REGISTRY_AUTH_NONE,
        REGISTRY_AUTH_BASIC,
        REGISTRY_AUTH_BEARER
} registry_scheme;

typedef struct registry_challenge {
        registry_scheme scheme;
        char *realm; /* "" when not given */
        char *service;
        char *scope;
} registry_challenge;

/* Reads all WWW-Authenticate headers of an answer; a bearer challenge wins over basic. Strings go to the
 * arena. */
void registry_challenge_read(const registry_response *response, mn_arena *arena, registry_challenge *ret);

/* As above from one header's text; for tests. */
void registry_challenge_parse(const char *text, mn_arena *arena, registry_challenge *ret);

/* "user" and "password" of the credentials, taking `auth` apart where only that is given; "" when there are
 * none. */
void registry_credentials(const image_auth *auth, mn_arena *arena, const char **ret_user,
                          const char **ret_password);

/* "Authorization: Basic ..." for the credentials, or NULL when there are none. */
char *registry_basic_header(const image_auth *auth, mn_arena *arena);

typedef struct registry_token_spec {
        const registry_endpoint *endpoint; /* the registry that asks */
        bool is_endpoint_local;            /* it is on this machine, so its token service may be too */
        const registry_challenge *challenge;
        const char *scope; /* "repository:library/busybox:pull", several separated by a space; "" for login */
        const image_auth *auth;
        bool is_fresh; /* do not use the cache: the token in it was refused */
        bool is_login; /* ask for a refresh token too */
        const atomic_bool *is_cancelled;
} registry_token_spec;

typedef struct registry_token {
        char *access;
        char *refresh; /* "" when the service gave none */
} registry_token;

/* Gets a token. Credentials go only to the registry's own host, to a host of the same organisation's domain,
   to Docker Hub's service for Docker Hub, or to a host configured as token realm; and by plain HTTP only to
   an insecure registry's own host. MN_UNAUTHORIZED when the service refuses. */
mn_status registry_token_get(image_registry *registry, registry_http *http, const registry_token_spec *spec,
                             mn_arena *arena, registry_token *ret, mn_err *err) MN_MUST_USE;

/* True when credentials of a registry on `registry_host` may be shown to `realm_host` (both lower case, no
 * port). */
bool registry_realm_is_trusted(const image_registry *registry, const char *registry_host,
                               const char *realm_host);
