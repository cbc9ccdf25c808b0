/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Talking to one repository of a registry: finds the place that answers (mirrors, TLS, plain HTTP when
 * allowed), authenticates, follows redirects without taking credentials along, and retries. Threads may share
 * a session; each brings its own registry_http.
 */

#include "image/registry_client.h"
#include "image/registry_error.h"

enum { REGISTRY_REDIRECTS_MAX = 10 };

typedef struct registry_session registry_session;

/* Strings are borrowed for the life of the session. */
typedef struct registry_session_spec {
        const char *domain;      /* "docker.io", "localhost:5000" */
        const char *repository;  /* "library/busybox"; "" for the registry as a whole */
        const char *actions;     /* "pull" or "pull,push" */
        const char *more_scopes; /* further scopes, separated by spaces, or NULL */
        const image_auth *auth;
        bool has_mirrors; /* mirrors may answer */
        bool is_login;    /* ask token services for a refresh token */
        const atomic_bool *is_cancelled;
} registry_session_spec;

registry_session *registry_session_new(image_registry *registry, const registry_session_spec *spec)
        __attribute__((returns_nonnull));
void registry_session_free(registry_session *session);
void registry_session_freep(registry_session **session);
#define cleanup_registry_session MN_CLEANUP(registry_session_freep)

image_registry *registry_session_registry(const registry_session *session);
size_t registry_session_nendpoints(const registry_session *session);
const registry_endpoint *registry_session_endpoint(const registry_session *session, size_t i);

/* Makes sure endpoint `i` answers and learns how it wants to be authenticated to. MN_UNAVAILABLE when it does
 * not. */
mn_status registry_session_probe(registry_session *session, registry_http *http, size_t i,
                                 mn_err *err) MN_MUST_USE;

/* One authenticated request to endpoint `i`, without retries. `target` is relative to /v2/<repository>/
   ("blobs/sha256:...") or an absolute URL (the location of an upload). Sets url, transport and cancellation
   of the request; its own headers must hold no secret, they go to redirects' targets too. MN_OK for every
   HTTP answer; MN_UNAUTHORIZED "no basic auth credentials" when the registry wants some and there are none.
 */
mn_status registry_session_call(registry_session *session, registry_http *http, size_t i, const char *target,
                                const registry_request *request, registry_response *response,
                                mn_err *err) MN_MUST_USE;

/* True when what endpoint `i` says is the last word: it is the registry itself and it answers. */
bool registry_session_is_final(registry_session *session, size_t i);

/* The refresh token a login got, "" when none; borrowed. */
const char *registry_session_refresh_token(const registry_session *session);

/* Fetches a document, retrying, from endpoint `*endpoint` or one after it; sets it to the one that answered.
   MN_OK for every HTTP answer that is final. */
mn_status registry_session_fetch(registry_session *session, registry_http *http, size_t *endpoint,
                                 const char *target, const registry_request *request,
                                 registry_response *response, mn_err *err) MN_MUST_USE;

/* Sleeps; false when cancelled meanwhile. */
bool registry_session_sleep(const registry_session *session, int delay_ms);
