/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Registries: pull, push, login, inspect, search. A section of image/image.h; include that one.
 *
 * All functions block (network and disk) and may be called from several threads at once. `auth` is always the
 * decoded X-Registry-Auth of the request or NULL; it is sent only to the registry the reference names
 * (scheme, host and port), never to a mirror, a redirect's target or a foreign token service, and never to a
 * log.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/reference.h"

struct image_store;
typedef struct image_registry image_registry;

/* Mirrors of one registry: base URLs ("https://mirror.example:5000", a path is allowed), asked first and in
 * order. */
typedef struct image_registry_mirrors {
        const char *registry; /* "docker.io", "localhost:5000" */
        char *const *urls;
} image_registry_mirrors;

/* What the daemon's configuration says. Zero and NULL mean the default; strings are copied. */
typedef struct image_registry_config {
        const char *tmp_dir; /* <data root>/tmp; partial blobs are kept in its folder "partial" */
        char *const *insecure_registries; /* "host", "host:port", "10.0.0.0/8"; loopback always is */
        const image_registry_mirrors *mirrors;
        size_t nmirrors;
        char *const *
                cert_dirs; /* default /etc/minato/certs.d, /etc/docker/certs.d; <dir>/<host:port>/X.crt ... */
        char *const *token_realms; /* hosts of token services that may see credentials of another host's
                                      registry */
        const char *http_proxy; /* URLs; default from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) */
        const char *https_proxy;
        const char *no_proxy;
        const char *search_url;  /* index for searches without a host; default https://index.docker.io */
        const char *policy_file; /* containers policy.json; default none: everything is accepted */
        const char *platform;    /* default of pull, "os/arch[/variant]"; default the host's */
        int max_downloads;       /* layers at once per pull; 3 */
        int max_uploads;         /* 5 */
        int max_attempts;        /* in a row without progress; 5 */
        int retry_delay_ms;      /* of the first retry, doubled for each further one; 1000 */
        int connect_timeout_ms;  /* 30000 */
        int stall_timeout_ms; /* a transfer that moves less than 1 KiB/s for so long is broken off; 30000 */
} image_registry_config;

/* Credentials of one registry, as in X-Registry-Auth. Strings are never NULL after image_auth_decode. */
typedef struct image_auth {
        char *username;
        char *password;
        char *auth;           /* base64 of user:password, used when username is empty */
        char *server_address; /* only POST /auth looks at it */
        char *identity_token; /* OAuth2 refresh token, instead of a password */
        char *registry_token; /* bearer token to use as it is */
} image_auth;

/* JSON table of image_auth: the body of POST /auth. */
extern const mn_type image_auth_type;

/* Decodes an X-Registry-Auth header (base64url or base64 of JSON). Empty or NULL gives empty credentials.
   MN_INVALID "invalid X-Registry-Auth header: ..."; the message never quotes the header. */
mn_status image_auth_decode(const char *header, mn_arena *arena, image_auth *ret, mn_err *err) MN_MUST_USE;

/* One message of a pull or push, as Docker's JSON stream has them. */
typedef struct image_progress {
        const char *id; /* short digest of a layer, or the tag; NULL when the message is about the whole */
        const char *status; /* "Downloading", "Pull complete", ...; NULL for a message that is only aux */
        int64_t current;    /* progressDetail; total 0: none (-1: size not known) */
        int64_t total;
        const char *aux;    /* JSON text of the aux member, or NULL */
        const char *stream; /* text to show as it is (load); NULL: none */
} image_progress;

/* Receives each message on the calling thread. False: nobody listens any more, break off (the operation then
   fails with MN_INTERNAL "context canceled"). */
typedef bool (*image_progress_fn)(void *arg, const image_progress *message);

/* Appends the message as one line of Docker's JSON stream, "\r\n" at the end. */
void image_progress_encode(const image_progress *message, mn_str *out);

/* Makes the client: creates the folder for partial blobs and drops those older than three days. */
mn_status image_registry_new(const image_registry_config *config, image_registry **ret,
                             mn_err *err) MN_MUST_USE;
void image_registry_free(image_registry *registry);

/* Takes over insecure registries, mirrors and the numbers max_*; what is under way goes on as it began,
   retries and further requests follow the new ones. */
void image_registry_reload(image_registry *registry, const image_registry_config *config);

typedef struct image_pull_spec {
        const mn_reference *reference; /* with tag or digest, unless all tags are wanted */
        bool has_all_tags;
        const char *platform; /* "os[/arch[/variant]]"; NULL or "": the host's */
        const image_auth *auth;
        bool is_verified; /* refuse what no public key of the policy has signed, whatever the policy's default
                           */
} image_pull_spec;

/* Pulls into the store; nothing is visible before all of it is verified. MN_NOT_FOUND with Docker's words
   ("manifest for x:y not found: manifest unknown: manifest unknown", "pull access denied for x, repository
   does not exist or may require 'docker login': ..."). Errors before the first message may still become the
   response's status. */
mn_status image_pull(struct image_store *store, image_registry *registry, const image_pull_spec *spec,
                     image_progress_fn report, void *arg, mn_err *err) MN_MUST_USE;

typedef struct image_push_spec {
        const mn_reference *reference; /* without a tag: every tag of the repository */
        const char *platform;          /* refused when the image is not of this platform; NULL or "": any */
        const image_auth *auth;
} image_push_spec;

/* Pushes from the store. MN_NOT_FOUND "An image does not exist locally with the tag: x" as Docker has it. */
mn_status image_push(struct image_store *store, image_registry *registry, const image_push_spec *spec,
                     image_progress_fn report, void *arg, mn_err *err) MN_MUST_USE;

/* POST /auth: tries the credentials on auth->server_address ("" is Docker Hub). `*ret_token` gets an identity
   token when the registry gave one, else "". MN_UNAUTHORIZED when it refuses. */
mn_status image_registry_login(image_registry *registry, const image_auth *auth, mn_arena *arena,
                               char **ret_token, mn_err *err) MN_MUST_USE;

/* GET /distribution/{name}/json: appends the DistributionInspect document. */
mn_status image_distribution_inspect(image_registry *registry, const mn_reference *reference,
                                     const image_auth *auth, mn_str *ret_json, mn_err *err) MN_MUST_USE;

typedef struct image_search_spec {
        const char *term;        /* may begin with a registry's host */
        int limit;               /* 0: 25; at most 100 */
        const bool *is_official; /* filters; NULL: any */
        int min_stars;
        const image_auth *auth;
} image_search_spec;

/* GET /images/search: appends the JSON list of results. */
mn_status image_search(image_registry *registry, const image_search_spec *spec, mn_str *ret_json,
                       mn_err *err) MN_MUST_USE;

/* Documents for /info: RegistryConfig (IndexConfigs, InsecureRegistryCIDRs, Mirrors). */
void image_registry_info(const image_registry *registry, mn_str *ret_json);
