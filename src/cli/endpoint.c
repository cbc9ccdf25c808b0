/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/context.h"

#define DEFAULT_HOST "unix:///run/minato/minato.sock"

static const char *env(const char *name) {
        const char *value = getenv(name);
        return value && *value ? value : NULL;
}

static const char *env_of_either(const char *ours, const char *dockers) {
        const char *value = env(ours);
        return value ? value : env(dockers);
}

const char *endpoint_host_variable(void) {
        return env("MINATO_HOST") ? "MINATO_HOST" : env("DOCKER_HOST") ? "DOCKER_HOST" : NULL;
}

const char *endpoint_context(cli *c) {
        const char *name = c->globals.context && *c->globals.context ? c->globals.context : NULL;
        if (name)
                return name;
        if (c->globals.hosts || endpoint_host_variable())
                return CONTEXT_DEFAULT;
        name = env_of_either("MINATO_CONTEXT", "DOCKER_CONTEXT");
        name = name ? name : config_text(c, "currentContext");
        return name ? name : CONTEXT_DEFAULT;
}

/* A scheme, a host and a port where they are left out. */
static const char *complete_host(cli *c, const char *host, bool has_tls) {
        int port = has_tls ? 2376 : 2375;
        if (!strstr(host, "://") && *host == '/')
                return mn_arena_printf(c->arena, "unix://%s", host);
        if (!strstr(host, "://"))
                host = mn_arena_printf(c->arena, "tcp://%s", host);
        if (strncmp(host, "tcp://", 6) != 0)
                return host;
        const char *name = host + 6, *bracket = strrchr(name, ']');
        const char *colon = strrchr(bracket ? bracket : name, ':');
        if (!*name || colon == name)
                host = mn_arena_printf(c->arena, "tcp://localhost%s", name);
        return colon ? host : mn_arena_printf(c->arena, "%s:%d", host, port);
}

/* A file of the certificate directory unless the option names another one; what an option or verifying needs
 * must be there. */
static mn_status find_certificate(cli *c, const char *option, const char *name, bool is_needed,
                                  const char **ret, mn_err *err) {
        const char *dir = env_of_either("MINATO_CERT_PATH", "DOCKER_CERT_PATH");
        const char *path = option ? option
                                  : mn_arena_printf(c->arena, "%s/%s", dir ? dir : c->globals.config_dir,
                                                    name);
        *ret = path;
        if (access(path, R_OK) == 0)
                return MN_OK;
        *ret = NULL;
        return option || is_needed
                       ? mn_fail_errno(err, -errno,
                                       "Failed to initialize: unable to resolve docker endpoint: open %s",
                                       path)
                       : MN_OK;
}

static mn_status find_default(cli *c, endpoint *ret, mn_err *err) {
        const cli_globals *g = &c->globals;
        const char *host = g->hosts ? g->hosts[0] : env_of_either("MINATO_HOST", "DOCKER_HOST");
        if (g->hosts && g->hosts[1])
                return mn_fail(
                        err, MN_INVALID,
                        "Failed to initialize: unable to resolve docker endpoint: Specify only one -H");
        ret->verifies_tls = g->verifies_tls || env_of_either("MINATO_TLS_VERIFY", "DOCKER_TLS_VERIFY");
        ret->has_tls = ret->verifies_tls || g->has_tls || env_of_either("MINATO_TLS", "DOCKER_TLS");
        ret->host = complete_host(c, host ? host : DEFAULT_HOST, ret->has_tls);
        if (!ret->has_tls || strncmp(ret->host, "tcp://", 6) != 0)
                return MN_OK;
        mn_status status = find_certificate(c, g->ca_file, "ca.pem", ret->verifies_tls, &ret->ca_file, err);
        if (!status)
                status = find_certificate(c, g->cert_file, "cert.pem", false, &ret->cert_file, err);
        if (!status)
                status = find_certificate(c, g->key_file, "key.pem", false, &ret->key_file, err);
        return status;
}

static mn_status find_in_context(cli *c, const char *name, endpoint *ret, mn_err *err) {
        context found;
        mn_status status = context_load(c, name, &found, err);
        if (status)
                return mn_err_prefix(err, status, "Failed to initialize: unable to resolve docker endpoint");
        ret->ca_file = context_tls_file(c, &found, "ca.pem");
        ret->cert_file = context_tls_file(c, &found, "cert.pem");
        ret->key_file = context_tls_file(c, &found, "key.pem");
        ret->has_tls = ret->ca_file || ret->cert_file || ret->key_file || context_skips_verify(&found);
        ret->verifies_tls = ret->has_tls && !context_skips_verify(&found);
        const char *host = context_host(&found);
        ret->host = complete_host(c, *host ? host : DEFAULT_HOST, ret->has_tls);
        return MN_OK;
}

mn_status endpoint_find(cli *c, const char *name, endpoint *ret, mn_err *err) {
        if (c->globals.context && *c->globals.context && c->globals.hosts)
                return mn_fail(err, MN_INVALID,
                               "conflicting options: cannot specify both --host and --context");
        *ret = (endpoint){ .context = name ? name : endpoint_context(c) };
        return strcmp(ret->context, CONTEXT_DEFAULT) == 0 ? find_default(c, ret, err)
                                                          : find_in_context(c, ret->context, ret, err);
}
