/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_session.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/num.h"
#include "base/time.h"
#include "image/registry_retry.h"
#include "image/registry_token.h"
#include "image/registry_url.h"

enum { SLEEP_SLICE_MS = 100 };

enum endpoint_state { ENDPOINT_UNKNOWN, ENDPOINT_ANSWERS, ENDPOINT_FAILED };

/* What has been learned of an endpoint. */
struct contact {
        enum endpoint_state state;
        char *failure; /* message of the failed probe */
        registry_challenge challenge;
        bool is_local;
        const char *bearer; /* "Authorization: Bearer ..." in use, or NULL */
};

struct registry_session {
        image_registry *registry;
        registry_session_spec spec;
        mn_arena *arena;
        size_t nendpoints;
        registry_endpoint endpoints[REGISTRY_ENDPOINTS_MAX];
        pthread_mutex_t lock; /* of arena and contacts; held while probing and while fetching a token */
        struct contact contacts[REGISTRY_ENDPOINTS_MAX];
        const char *refresh_token;
};

registry_session *registry_session_new(image_registry *registry, const registry_session_spec *spec) {
        registry_session *session = mn_alloc(sizeof(*session));
        session->registry = registry;
        session->spec = *spec;
        session->arena = mn_arena_new();
        pthread_mutex_init(&session->lock, NULL);
        session->nendpoints = registry_endpoints_find(registry, spec->domain, spec->has_mirrors,
                                                      session->arena, session->endpoints);
        return session;
}

void registry_session_free(registry_session *session) {
        if (!session)
                return;
        pthread_mutex_destroy(&session->lock);
        mn_arena_free(session->arena);
        free(session);
}

void registry_session_freep(registry_session **session) {
        registry_session_free(*session);
}

image_registry *registry_session_registry(const registry_session *session) {
        return session->registry;
}

size_t registry_session_nendpoints(const registry_session *session) {
        return session->nendpoints;
}

const char *registry_session_refresh_token(const registry_session *session) {
        return session->refresh_token ? session->refresh_token : "";
}

const registry_endpoint *registry_session_endpoint(const registry_session *session, size_t i) {
        return &session->endpoints[i];
}

/* ---- probing ---- */

static void remember_plain_host(image_registry *registry, const registry_endpoint *endpoint) {
        if (endpoint->url.is_https || endpoint->is_mirror)
                return;
        pthread_mutex_lock(&registry->lock);
        mn_map_set(registry->plain_hosts, endpoint->url.authority, NULL);
        pthread_mutex_unlock(&registry->lock);
}

static mn_status probe_locked(registry_session *session, registry_http *http, size_t i, mn_err *err) {
        const registry_endpoint *endpoint = &session->endpoints[i];
        struct contact *contact = &session->contacts[i];
        if (contact->state == ENDPOINT_ANSWERS)
                return MN_OK;
        if (contact->state == ENDPOINT_FAILED)
                return mn_fail(err, MN_UNAVAILABLE, "%s", contact->failure);
        cleanup_free char *url = mn_asprintf("%s/v2/", endpoint->base);
        cleanup_registry_response registry_response response = { 0 };
        registry_request request = { .method = "GET",
                                     .url = url,
                                     .transport = &endpoint->transport,
                                     .max_body = REGISTRY_TOKEN_MAX,
                                     .is_cancelled = session->spec.is_cancelled };
        mn_status status = registry_http_perform(http, &request, &response, err);
        bool is_reset = response.failure == REGISTRY_FAILURE_TRANSFER && !endpoint->is_insecure;
        for (int attempt = 1; (is_reset || (!status && registry_is_transient(&response))) &&
                              attempt < registry_settings(session->registry)->max_attempts;
             attempt++) {
                if (!registry_session_sleep(session,
                                            registry_retry_delay_ms(session->registry, attempt, &response)))
                        break;
                status = registry_http_perform(http, &request, &response, err);
        }
        if (status) {
                contact->state = ENDPOINT_FAILED;
                contact->failure = mn_arena_strdup(session->arena, mn_err_text(err));
                return status;
        }
        contact->state = ENDPOINT_ANSWERS;
        contact->is_local = response.is_peer_local;
        registry_challenge_read(&response, session->arena, &contact->challenge);
        remember_plain_host(session->registry, endpoint);
        return MN_OK;
}

mn_status registry_session_probe(registry_session *session, registry_http *http, size_t i, mn_err *err) {
        pthread_mutex_lock(&session->lock);
        mn_status status = probe_locked(session, http, i, err);
        pthread_mutex_unlock(&session->lock);
        return status;
}

/* ---- authentication ---- */

static char *scopes_of(const registry_session *session, mn_arena *arena) {
        const registry_session_spec *spec = &session->spec;
        if (mn_str_is_empty(spec->repository))
                return mn_arena_strdup(arena, spec->more_scopes ? spec->more_scopes : "");
        return mn_arena_printf(arena, "repository:%s:%s%s%s", spec->repository, spec->actions,
                               spec->more_scopes ? " " : "", spec->more_scopes ? spec->more_scopes : "");
}

static mn_status fetch_bearer(registry_session *session, registry_http *http, size_t i, bool is_fresh,
                              mn_err *err) {
        struct contact *contact = &session->contacts[i];
        const registry_endpoint *endpoint = &session->endpoints[i];
        registry_token_spec spec = {
                .endpoint = endpoint,
                .is_endpoint_local = contact->is_local,
                .challenge = &contact->challenge,
                .scope = scopes_of(session, session->arena),
                .auth = endpoint->is_mirror ? NULL : session->spec.auth,
                .is_fresh = is_fresh,
                .is_login = session->spec.is_login,
                .is_cancelled = session->spec.is_cancelled,
        };
        registry_token token;
        mn_status status = registry_token_get(session->registry, http, &spec, session->arena, &token, err);
        if (status)
                return status;
        contact->bearer = mn_arena_printf(session->arena, "Authorization: Bearer %s", token.access);
        session->refresh_token = token.refresh;
        return MN_OK;
}

static const char *given_bearer(registry_session *session) {
        const image_auth *auth = session->spec.auth;
        if (!auth || mn_str_is_empty(auth->registry_token))
                return NULL;
        for (const char *c = auth->registry_token; *c; c++)
                if (*c <= ' ' || *c > '~')
                        return NULL;
        return mn_arena_printf(session->arena, "Authorization: Bearer %s", auth->registry_token);
}

/* The header for the next request, NULL when none is wanted. `refused` is the one the registry just answered
 * 401 to. */
static mn_status authorize(registry_session *session, registry_http *http, size_t i, const char *refused,
                           const char **ret, mn_err *err) {
        struct contact *contact = &session->contacts[i];
        bool is_mirror = session->endpoints[i].is_mirror;
        *ret = is_mirror ? NULL : given_bearer(session);
        if (*ret)
                return MN_OK;
        switch (contact->challenge.scheme) {
        case REGISTRY_AUTH_NONE:
                return MN_OK;
        case REGISTRY_AUTH_BASIC:
                *ret = registry_basic_header(is_mirror ? NULL : session->spec.auth, session->arena);
                return *ret ? MN_OK : mn_fail(err, MN_UNAUTHORIZED, "no basic auth credentials");
        case REGISTRY_AUTH_BEARER:
                break;
        }
        /* another thread may have replaced the refused token meanwhile */
        bool is_stale = refused && contact->bearer && strcmp(refused, contact->bearer) == 0;
        if (!contact->bearer || is_stale) {
                mn_status status = fetch_bearer(session, http, i, is_stale, err);
                if (status)
                        return status;
        }
        *ret = contact->bearer;
        return MN_OK;
}

/* ---- one request ---- */

static char *target_url(const registry_session *session, size_t i, const char *target) {
        if (mn_str_has_prefix(target, "https://") || mn_str_has_prefix(target, "http://"))
                return mn_strdup(target);
        const char *repository = session->spec.repository;
        return mn_asprintf("%s/v2/%s%s%s", session->endpoints[i].base, repository, *repository ? "/" : "",
                           target);
}

static bool is_redirect(const registry_request *request, int status) {
        bool is_safe_method = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
        return is_safe_method &&
               (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

static const char **with_authorization(mn_arena *arena, const char *const *headers,
                                       const char *authorization) {
        size_t n = 0;
        while (headers && headers[n])
                n++;
        const char **all = mn_arena_array(arena, n + 2, sizeof(*all));
        for (size_t k = 0; k < n; k++)
                all[k] = headers[k];
        all[n] = authorization;
        return all;
}

/* Where the request stands while it is passed on from server to server. */
struct hop {
        registry_session *session;
        registry_http *http;
        const registry_endpoint *endpoint;
        bool is_home_local; /* the registry is on this machine, so a redirect may be too */
        mn_arena *arena;
};

/* Performs one hop. Authorization goes only to the registry's own scheme, host and port. */
static mn_status perform_hop(const struct hop *hop, const registry_request *wanted, const char *url,
                             const char *authorization, registry_response *response, mn_err *err) {
        cleanup_registry_url registry_url parsed = { 0 };
        if (registry_url_parse(NULL, url, &parsed, NULL) < 0)
                return mn_fail(err, MN_INTERNAL, "registry %s sent us to an invalid URL",
                               hop->endpoint->url.authority);
        bool is_home = strcmp(parsed.origin, hop->endpoint->url.origin) == 0;
        bool is_downgrade = hop->endpoint->url.is_https && !parsed.is_https;
        if (is_downgrade && !hop->endpoint->is_insecure)
                return mn_fail(err, MN_FORBIDDEN, "registry %s sent us to %s without TLS: refused",
                               hop->endpoint->url.authority, parsed.authority);
        registry_transport transport = hop->endpoint->transport;
        if (!is_home)
                registry_transport_for(hop->session->registry, &parsed,
                                       registry_is_insecure(hop->session->registry, parsed.authority),
                                       hop->arena, &transport);
        registry_request request = *wanted;
        request.url = url;
        request.transport = &transport;
        request.is_cancelled = hop->session->spec.is_cancelled;
        request.is_local_refused = !is_home && !hop->is_home_local;
        request.headers = with_authorization(hop->arena, wanted->headers, is_home ? authorization : NULL);
        return registry_http_perform(hop->http, &request, response, err);
}

static mn_status follow(const struct hop *hop, const registry_request *request, const char *first_url,
                        const char *authorization, registry_response *response, mn_err *err) {
        cleanup_free char *url = mn_strdup(first_url);
        for (int redirects = 0;; redirects++) {
                mn_status status = perform_hop(hop, request, url, authorization, response, err);
                const char *location = registry_response_header(response, "location");
                if (status || !is_redirect(request, response->status) || !location)
                        return status;
                if (redirects == REGISTRY_REDIRECTS_MAX)
                        return mn_fail(err, MN_INTERNAL, "registry %s: stopped after %d redirects",
                                       hop->endpoint->url.authority, REGISTRY_REDIRECTS_MAX);
                cleanup_registry_url registry_url parsed = { 0 };
                char *next = NULL;
                if (registry_url_parse(url, location, &parsed, &next) < 0)
                        return mn_fail(err, MN_INTERNAL, "registry %s sent us to an invalid URL",
                                       hop->endpoint->url.authority);
                if (strcmp(parsed.origin, hop->endpoint->url.origin) != 0)
                        authorization =
                                NULL; /* once it has left home it stays without, wherever it is sent then */
                free(url);
                url = next;
        }
}

static mn_status authorize_locked(registry_session *session, registry_http *http, size_t i,
                                  const char *refused, const registry_response *response, const char **ret,
                                  bool *ret_is_local, mn_err *err) {
        pthread_mutex_lock(&session->lock);
        struct contact *contact = &session->contacts[i];
        mn_status status = probe_locked(session, http, i, err);
        if (!status && response) {
                registry_challenge challenge;
                registry_challenge_read(response, session->arena, &challenge);
                if (challenge.scheme != REGISTRY_AUTH_NONE)
                        contact->challenge = challenge;
        }
        if (!status)
                status = authorize(session, http, i, refused, ret, err);
        *ret_is_local = contact->is_local;
        pthread_mutex_unlock(&session->lock);
        return status;
}

mn_status registry_session_call(registry_session *session, registry_http *http, size_t i, const char *target,
                                const registry_request *request, registry_response *response, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_free char *url = target_url(session, i, target);
        struct hop hop = { session, http, &session->endpoints[i], false, arena };
        const char *authorization = NULL;
        mn_status status = authorize_locked(session, http, i, NULL, NULL, &authorization, &hop.is_home_local,
                                            err);
        if (!status)
                status = follow(&hop, request, url, authorization, response, err);
        /* A stream that was read cannot be sent again: uploads ask for their URL first, with the same token.
         */
        if (status || response->status != 401 || request->source)
                return status;
        const char *again = NULL;
        status = authorize_locked(session, http, i, authorization ? authorization : "", response, &again,
                                  &hop.is_home_local, err);
        bool is_same = again == authorization ||
                       (again && authorization && strcmp(again, authorization) == 0);
        if (status || is_same)
                return status;
        return follow(&hop, request, url, again, response, err);
}

/* ---- retries ---- */

bool registry_session_sleep(const registry_session *session, int delay_ms) {
        const atomic_bool *is_cancelled = session->spec.is_cancelled;
        int64_t until = mn_monotonic_ns() + delay_ms * MN_NS_PER_MS;
        while (!is_cancelled || !atomic_load(is_cancelled)) {
                int64_t left = until - mn_monotonic_ns();
                if (left <= 0)
                        return true;
                int64_t slice = MN_MIN(left, (int64_t) SLEEP_SLICE_MS * MN_NS_PER_MS);
                nanosleep(&(struct timespec){ .tv_nsec = slice }, NULL);
        }
        return false;
}

static mn_status call_retrying(registry_session *session, registry_http *http, size_t i, const char *target,
                               const registry_request *request, registry_response *response, mn_err *err) {
        for (int attempt = 1;; attempt++) {
                *response = (registry_response){ 0 };
                mn_status status = registry_session_call(session, http, i, target, request, response, err);
                if (!registry_is_transient(response) ||
                    attempt >= registry_settings(session->registry)->max_attempts)
                        return status;
                int delay_ms = registry_retry_delay_ms(session->registry, attempt, response);
                registry_response_release(response);
                if (!registry_session_sleep(session, delay_ms))
                        return mn_fail(err, MN_INTERNAL, "context canceled");
        }
}

bool registry_session_is_final(registry_session *session, size_t i) {
        pthread_mutex_lock(&session->lock);
        bool has_answered = session->contacts[i].state == ENDPOINT_ANSWERS;
        pthread_mutex_unlock(&session->lock);
        return has_answered && !session->endpoints[i].is_mirror;
}

mn_status registry_session_fetch(registry_session *session, registry_http *http, size_t *endpoint,
                                 const char *target, const registry_request *request,
                                 registry_response *response, mn_err *err) {
        mn_status status = mn_fail(err, MN_INVALID, "invalid registry host \"%s\"", session->spec.domain);
        for (size_t i = *endpoint; i < session->nendpoints; i++) {
                registry_response_release(response);
                status = call_retrying(session, http, i, target, request, response, err);
                *endpoint = i;
                bool is_answered = !status && response->status < 300;
                if (is_answered || registry_session_is_final(session, i))
                        return status;
        }
        return status;
}
