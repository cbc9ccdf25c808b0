/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The user's configuration, config.json, in Docker's format: credentials by registry, credential helpers,
 * default formats. It lies in --config, MINATO_CONFIG or DOCKER_CONFIG, else ~/.docker when that holds one,
 * else
 * ~/.minato. Members we do not know are kept when the file is written.
 */

#include "cli/cli.h"

#define CONFIG_HUB "https://index.docker.io/v1/"

typedef struct config_auth {
        const char *username;
        const char *password;
        const char *server;         /* key in the file: CONFIG_HUB or the registry's host */
        const char *identity_token; /* instead of a password */
} config_auth;

/* The directory: of the option, the environment, or the default. */
const char *config_dir(mn_arena *arena, const char *option);

/* The document, NULL when there is none. A file that cannot be read is a warning, as Docker has it. */
const mn_json *config_load(cli *c);

/* Text member at the top ("psFormat"), or NULL. */
const char *config_text(cli *c, const char *key);

/* Sets such a member, or takes it out (NULL), and writes the file. */
mn_status config_set_text(cli *c, const char *key, const char *value, mn_err *err) MN_MUST_USE;

/* Credentials for a registry ("docker.io", "localhost:5000"); all NULL when there are none. A configured
 * helper that is missing or fails is an error, never a fall-back to another store. */
mn_status config_find_auth(cli *c, const char *registry, config_auth *ret, mn_err *err) MN_MUST_USE;

/* Stores credentials: with the configured helper, else in the file. `*ret_in_file` tells which. */
mn_status config_store_auth(cli *c, const config_auth *auth, bool *ret_in_file, mn_err *err) MN_MUST_USE;

/* Removes them; `*ret_found` is false when there were none. */
mn_status config_erase_auth(cli *c, const char *server, bool *ret_found, mn_err *err) MN_MUST_USE;

/* "X-Registry-Auth: ..." for the registry of an image reference, in the arena. */
mn_status config_auth_header(cli *c, const char *image, const char **ret, mn_err *err) MN_MUST_USE;

/* Key of a registry in the file. */
const char *config_server_key(const char *registry);
