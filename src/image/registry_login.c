/* SPDX-License-Identifier: Apache-2.0 */
/* POST /auth: are these credentials good? */

#include <string.h>

#include "base/alloc.h"
#include "image/registry_session.h"

/* "https://index.docker.io/v1/", "localhost:5000", "https://r.example/v2/" -> the registry's name. */
static char *domain_of(const char *server_address, mn_arena *arena) {
        const char *host = server_address ? server_address : "";
        if (mn_str_has_prefix(host, "https://"))
                host += strlen("https://");
        else if (mn_str_has_prefix(host, "http://"))
                host += strlen("http://");
        char *domain = mn_arena_strndup(arena, host, strcspn(host, "/"));
        bool is_hub = !*domain || strcmp(domain, "index.docker.io") == 0 ||
                      strcmp(domain, "registry-1.docker.io") == 0;
        return is_hub ? mn_arena_strdup(arena, MN_REFERENCE_DEFAULT_DOMAIN) : domain;
}

static mn_status try_endpoint(registry_session *session, registry_http *http, size_t i, mn_err *err) {
        const char *base = registry_session_endpoint(session, i)->base;
        cleanup_registry_response registry_response response = { 0 };
        registry_request request = { .method = "GET", .max_body = REGISTRY_TOKEN_MAX };
        mn_status status = registry_session_call(session, http, i, "", &request, &response, err);
        if (status)
                return mn_err_prefix(err, status, "Get \"%s/v2/\"", base);
        if (response.status == 200)
                return MN_OK;
        mn_status refusal = response.status == 401 || response.status == 403 ? MN_UNAUTHORIZED : MN_INTERNAL;
        return mn_fail(err, refusal, "login attempt to %s/v2/ failed with status: %d %s", base,
                       response.status, registry_http_status_text(response.status));
}

mn_status image_registry_login(image_registry *registry, const image_auth *auth, mn_arena *arena,
                               char **ret_token, mn_err *err) {
        registry_session_spec spec = { .domain = domain_of(auth->server_address, arena),
                                       .repository = "",
                                       .actions = "pull",
                                       .auth = auth,
                                       .is_login = true };
        cleanup_registry_session registry_session *session = registry_session_new(registry, &spec);
        cleanup_registry_http registry_http *http = registry_http_new();
        mn_status status = mn_fail(err, MN_INVALID, "invalid registry host \"%s\"", spec.domain);
        for (size_t i = 0; i < registry_session_nendpoints(session); i++) {
                status = registry_session_probe(session, http, i, err);
                if (status)
                        continue; /* an insecure registry may still answer by plain HTTP */
                status = try_endpoint(session, http, i, err);
                break;
        }
        if (!status)
                *ret_token = mn_arena_strdup(arena, registry_session_refresh_token(session));
        return status == MN_UNAVAILABLE ? MN_INTERNAL : status;
}
