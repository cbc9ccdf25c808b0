/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/credential.h"
#include "cli/document.h"
#include "cli/text.h"
#include "codec/base64.h"
#include "codec/reference.h"
#include "sys/file.h"
#include "wire/system.h"

enum { MAX_CONFIG = 1 << 20 };

const char *config_dir(mn_arena *arena, const char *option) {
        const char *dir = option;
        dir = dir ? dir : getenv("MINATO_CONFIG");
        dir = dir && *dir ? dir : getenv("DOCKER_CONFIG");
        if (dir && *dir)
                return dir;
        const char *home = getenv("HOME");
        home = home && *home ? home : "/root";
        const char *docker = mn_arena_printf(arena, "%s/.docker", home);
        if (access(mn_arena_printf(arena, "%s/config.json", docker), F_OK) == 0)
                return docker;
        return mn_arena_printf(arena, "%s/.minato", home);
}

static const char *config_path(cli *c) {
        return mn_arena_printf(c->arena, "%s/config.json", c->globals.config_dir);
}

static mn_status read_config(cli *c, const mn_json **ret, mn_err *err) {
        char *text = NULL;
        size_t len;
        const char *path = config_path(c);
        int r = mn_file_read(AT_FDCWD, path, MAX_CONFIG, &text, &len);
        cleanup_free char *owned = text;
        const mn_json_limits limits = { .allows_duplicate_keys = true };
        *ret = NULL;
        if (r == -ENOENT || r == -ENOTDIR)
                return MN_OK;
        if (r < 0)
                return mn_fail_errno(err, r, "loading config file: %s", path);
        if (len == 0)
                return MN_OK;
        mn_status status = mn_json_parse(c->arena, text, len, &limits, ret, err);
        if (!status && (*ret)->kind != MN_JSON_OBJECT)
                status = mn_fail(err, MN_INVALID, "not an object");
        return status ? mn_err_prefix(err, status, "loading config file: %s", path) : MN_OK;
}

const mn_json *config_load(cli *c) {
        static const mn_json none = { .kind = MN_JSON_OBJECT };
        cleanup_err mn_err err = { 0 };
        if (c->config)
                return c->config;
        if (read_config(c, &c->config, &err)) {
                fprintf(stderr, "WARNING: Error %s\n", mn_err_text(&err));
                c->config = NULL;
        }
        if (!c->config)
                c->config = &none;
        return c->config;
}

const char *config_text(cli *c, const char *key) {
        const char *text = mn_json_get_str(config_load(c), key);
        return text && *text ? text : NULL;
}

const char *config_server_key(const char *registry) {
        bool is_hub = !*registry || strcmp(registry, "docker.io") == 0 ||
                      strcmp(registry, "index.docker.io") == 0 ||
                      strcmp(registry, "registry-1.docker.io") == 0 || strcmp(registry, CONFIG_HUB) == 0;
        return is_hub ? CONFIG_HUB : registry;
}

/* The helper for a registry, NULL when the file itself stores. */
static const char *find_helper(cli *c, const char *server) {
        const mn_json *config = config_load(c);
        const char *helper = mn_json_get_str(mn_json_get(config, "credHelpers"), server);
        if (!helper)
                helper = mn_json_get_str(config, "credsStore");
        return helper && *helper ? helper : NULL;
}

/* Splits "user:password" from base64. */
static mn_status decode_auth(cli *c, const char *text, config_auth *ret, mn_err *err) {
        cleanup_str mn_str plain = MN_STR_INIT(1 << 16);
        if (mn_base64_decode(text, strlen(text), &plain) < 0)
                return mn_fail(err, MN_INVALID, "invalid auth configuration file");
        const char *colon = memchr(mn_str_text(&plain), ':', plain.len);
        if (!colon)
                return mn_fail(err, MN_INVALID, "invalid auth configuration file");
        ret->username = mn_arena_strndup(c->arena, plain.data, (size_t) (colon - plain.data));
        ret->password = mn_arena_strdup(c->arena, colon + 1);
        return MN_OK;
}

mn_status config_find_auth(cli *c, const char *registry, config_auth *ret, mn_err *err) {
        const char *server = config_server_key(registry);
        const char *helper = find_helper(c, server);
        *ret = (config_auth){ .server = server };
        if (helper)
                return credential_get(c->arena, helper, server, ret, err);
        const mn_json *entry = mn_json_get(mn_json_get(config_load(c), "auths"), server);
        const char *auth = mn_json_get_str(entry, "auth");
        ret->identity_token = mn_json_get_str(entry, "identitytoken");
        return auth && *auth ? decode_auth(c, auth, ret, err) : MN_OK;
}

static mn_status write_config(cli *c, const mn_json *config, mn_err *err) {
        cleanup_str mn_str json = MN_STR_INIT(0), text = MN_STR_INIT(0);
        mn_json_write(config, &json);
        text_add_indented_json(&text, mn_str_text(&json), json.len, "", "\t");
        int r = mn_mkdir_p(c->globals.config_dir, 0700);
        /* The user may keep the file elsewhere and link to it: write where the link leads. */
        char *target = realpath(config_path(c), NULL);
        cleanup_free char *owned = target;
        struct stat st;
        if (target && lstat(config_path(c), &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid != geteuid())
                return mn_fail(err, MN_FORBIDDEN, "%s is another user's link", config_path(c));
        if (r >= 0)
                r = mn_file_write_atomic(AT_FDCWD, target ? target : config_path(c), text.data, text.len,
                                         0600);
        if (r < 0)
                return mn_fail_errno(err, r, "saving %s", config_path(c));
        c->config = config;
        return MN_OK;
}

mn_status config_set_text(cli *c, const char *key, const char *value, mn_err *err) {
        const mn_json *text = value ? document_text(c->arena, value) : NULL;
        if (!value && !mn_json_get(config_load(c), key))
                return MN_OK;
        return write_config(c, document_with(c->arena, config_load(c), key, text), err);
}

mn_status config_store_auth(cli *c, const config_auth *auth, bool *ret_in_file, mn_err *err) {
        const char *helper = find_helper(c, auth->server);
        *ret_in_file = helper == NULL;
        if (helper)
                return credential_store(helper, auth, err);
        cleanup_str mn_str plain = MN_STR_INIT(1 << 16), encoded = MN_STR_INIT(1 << 17);
        mn_str_printf(&plain, "%s:%s", auth->username, auth->password ? auth->password : "");
        mn_base64_encode(plain.data, plain.len, false, &encoded);
        mn_json *entry = document_with(
                c->arena, NULL, "auth",
                document_text(c->arena, mn_arena_strdup(c->arena, mn_str_text(&encoded))));
        if (auth->identity_token)
                entry = document_with(c->arena, entry, "identitytoken",
                                      document_text(c->arena, auth->identity_token));
        mn_json *auths = document_with(c->arena, mn_json_get(config_load(c), "auths"), auth->server, entry);
        return write_config(c, document_with(c->arena, config_load(c), "auths", auths), err);
}

mn_status config_erase_auth(cli *c, const char *server, bool *ret_found, mn_err *err) {
        const char *helper = find_helper(c, server);
        const mn_json *auths = mn_json_get(config_load(c), "auths");
        *ret_found = helper || mn_json_get(auths, server);
        if (!*ret_found)
                return MN_OK;
        if (helper) {
                mn_status status = credential_erase(helper, server, err);
                if (status || !mn_json_get(auths, server))
                        return status;
        }
        return write_config(c,
                            document_with(c->arena, config_load(c), "auths",
                                          document_with(c->arena, auths, server, NULL)),
                            err);
}

mn_status config_auth_header(cli *c, const char *image, const char **ret, mn_err *err) {
        mn_reference reference;
        config_auth auth;
        mn_status status = mn_reference_parse(image, &reference, err);
        if (!status)
                status = config_find_auth(c, reference.domain, &auth, err);
        if (status)
                return status;
        const wire_auth_config wire = {
                .username = (char *) auth.username,
                .password = (char *) auth.password,
                .serveraddress = (char *) (auth.username || auth.identity_token ? auth.server : NULL),
                .identitytoken = (char *) auth.identity_token
        };
        cleanup_str mn_str json = MN_STR_INIT(0), header = MN_STR_INIT(0);
        mn_json_encode(&wire_auth_config_type, &wire, 0, &json);
        mn_str_add(&header, "X-Registry-Auth: ");
        mn_base64_encode(mn_str_text(&json), json.len, true, &header);
        *ret = mn_arena_strdup(c->arena, mn_str_text(&header));
        return MN_OK;
}
