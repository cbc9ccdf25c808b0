/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create_socket.h"

#include <string.h>

#include "base/strv.h"
#include "cli/config.h"
#include "cli/document.h"
#include "cli/endpoint.h"
#include "cli/text.h"
#include "codec/base64.h"
#include "codec/tar.h"

#define SOCKET_INSIDE "/var/run/docker.sock"
#define FOLDER_INSIDE "/run/secrets/docker"

/* {"auth": "..."} of one registry; NULL when nothing is known of it. */
static mn_status describe_auth(cli *c, const char *server, const mn_json **ret, mn_err *err) {
        config_auth auth;
        mn_status status = config_find_auth(c, server, &auth, err);
        *ret = NULL;
        if (status || (!auth.username && !auth.identity_token))
                return status;
        cleanup_str mn_str plain = MN_STR_INIT(1 << 16), encoded = MN_STR_INIT(1 << 17);
        mn_str_printf(&plain, "%s:%s", auth.username ? auth.username : "",
                      auth.password ? auth.password : "");
        mn_base64_encode(mn_str_text(&plain), plain.len, false, &encoded);
        *ret = document_with(c->arena, NULL, "auth",
                             document_text(c->arena, mn_arena_strdup(c->arena, mn_str_text(&encoded))));
        if (auth.identity_token)
                *ret = document_with(c->arena, *ret, "identitytoken",
                                     document_text(c->arena, auth.identity_token));
        return MN_OK;
}

/* The registries that the configuration names, with what its stores know of them. */
static mn_status collect(cli *c, const mn_json **ret, mn_err *err) {
        static const char *const lists[] = { "auths", "credHelpers" };
        *ret = NULL;
        for (size_t i = 0; i < MN_ARRAY_LEN(lists); i++) {
                const mn_json *list = mn_json_get(config_load(c), lists[i]);
                for (const mn_json *entry = list ? list->child : NULL; entry; entry = entry->next) {
                        const mn_json *auth;
                        mn_status status = describe_auth(c, entry->key, &auth, err);
                        if (status)
                                return status;
                        if (auth)
                                *ret = document_with(c->arena, *ret, entry->key, auth);
                }
        }
        return MN_OK;
}

static void add_mount(mn_arena *arena, wire_host_config *host, const char *socket) {
        size_t n = host->mounts.len;
        wire_mount *grown = mn_arena_array(arena, n + 1, sizeof(*grown));
        if (n)
                memcpy(grown, host->mounts.items, n * sizeof(*grown));
        grown[n] = (wire_mount){ .type = mn_arena_strdup(arena, "bind"),
                                 .source = mn_arena_strdup(arena, socket),
                                 .target = mn_arena_strdup(arena, SOCKET_INSIDE),
                                 .bind_options = mn_arena_alloc(arena, sizeof(*grown->bind_options)) };
        host->mounts.items = grown;
        host->mounts.len = n + 1;
}

static void add_env(mn_arena *arena, wire_container_config *config, const char *text) {
        size_t n = mn_strv_len(config->env);
        char **grown = mn_arena_array(arena, n + 2, sizeof(*grown));
        for (size_t i = 0; i < n; i++)
                grown[i] = config->env[i];
        grown[n] = mn_arena_strdup(arena, text);
        config->env = grown;
}

static bool has_config(char *const *env) {
        for (; env && *env; env++)
                if (mn_str_has_prefix(*env, "DOCKER_CONFIG="))
                        return true;
        return false;
}

mn_status create_socket_add(cli *c, create_request *request, mn_err *err) {
        endpoint to;
        mn_status status = endpoint_find(c, NULL, &to, err);
        if (!status && !mn_str_has_prefix(to.host, "unix://"))
                status = mn_fail(
                        err, MN_INVALID,
                        "flag --use-api-socket can only be used with unix sockets: docker endpoint %s "
                        "incompatible",
                        to.host);
        if (!status && !has_config(request->body.config.env))
                status = collect(c, &request->credentials, err);
        if (status)
                return status;
        add_mount(c->arena, &request->body.host_config, to.host + strlen("unix://"));
        if (request->credentials)
                add_env(c->arena, &request->body.config, "DOCKER_CONFIG=" FOLDER_INSIDE);
        return MN_OK;
}

/* A tar stream with config.json alone, for its owner only. */
static void write_archive(const mn_json *auths, mn_arena *arena, mn_str *out) {
        static const char zeros[MN_TAR_BLOCK];
        cleanup_str mn_str plain = MN_STR_INIT(0), text = MN_STR_INIT(0);
        mn_json_write(document_with(arena, NULL, "auths", auths), &plain);
        text_add_indented_json(&text, plain.data, plain.len, "", "\t");
        const mn_tar_entry entry = { .type = MN_TAR_FILE,
                                     .path = FOLDER_INSIDE "/config.json",
                                     .link = "",
                                     .uname = "",
                                     .gname = "",
                                     .mode = 0600,
                                     .size = (int64_t) text.len };
        mn_tar_write_header(&entry, out);
        mn_str_add_len(out, text.data, text.len);
        mn_str_add_len(out, zeros, mn_tar_padding(entry.size));
        mn_tar_write_end(out);
}

mn_status create_socket_fill(cli *c, const create_request *request, const char *id, mn_err *err) {
        cleanup_str mn_str archive = MN_STR_INIT(0), answer = MN_STR_INIT(1 << 16);
        client *peer;
        if (!request->credentials)
                return MN_OK;
        mn_status status = cli_client(c, &peer, err);
        write_archive(request->credentials, c->arena, &archive);
        const client_request put = { .method = "PUT",
                                     .target = cli_target(c, "/containers", id,
                                                          "/archive?noOverwriteDirNonDir=true&path=%2F"),
                                     .body = &archive,
                                     .content_type = "application/x-tar" };
        return status ? status : client_call_text(peer, &put, &answer, err);
}
