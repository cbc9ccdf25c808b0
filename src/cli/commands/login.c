/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/terminal.h"
#include "sys/file.h"
#include "wire/system.h"

typedef struct login_options {
        const char *password;
        bool password_stdin;
        const char *username;
} login_options;

static const cli_option options[] = {
        { "password", 'p', CLI_STR, offsetof(login_options, password), "string",
          "Password or Personal Access Token (PAT)" },
        { "password-stdin", 0, CLI_BOOL, offsetof(login_options, password_stdin), NULL,
          "Take the Password or Personal Access Token (PAT) from stdin" },
        { "username", 'u', CLI_STR, offsetof(login_options, username), "string", "Username" },
        { 0 },
};

enum { MAX_SECRET = 64 << 10 };

static mn_status read_password_from_stdin(cli *c, const char **ret, mn_err *err) {
        cleanup_free char *text = NULL;
        size_t len;
        int r = mn_file_read_fd(STDIN_FILENO, MAX_SECRET, &text, &len);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot read the password");
        text[strcspn(text, "\r\n")] = '\0';
        *ret = mn_arena_strdup(c->arena, text);
        return MN_OK;
}

/* Asks for what the options did not give. */
static mn_status ask(cli *c, config_auth *auth, mn_err *err) {
        char line[1024];
        if (!isatty(STDIN_FILENO))
                return mn_fail(err, MN_INVALID,
                               "Error: Cannot perform an interactive login from a non TTY device");
        if (!auth->username || !*auth->username) {
                printf("Username: ");
                fflush(stdout);
                if (!fgets(line, sizeof(line), stdin))
                        return mn_fail(err, MN_INVALID, "Error: Non-null Username Required");
                line[strcspn(line, "\r\n")] = '\0';
                auth->username = mn_arena_strdup(c->arena, line);
        }
        if (!*auth->username)
                return mn_fail(err, MN_INVALID, "Error: Non-null Username Required");
        if (!auth->password && terminal_read_secret("Password: ", line, sizeof(line)))
                auth->password = mn_arena_strdup(c->arena, line);
        explicit_bzero(line, sizeof(line));
        return auth->password && *auth->password ? MN_OK
                                                 : mn_fail(err, MN_INVALID, "Error: Password Required");
}

static mn_status collect(cli *c, const login_options *o, config_auth *auth, mn_err *err) {
        auth->username = o->username;
        auth->password = o->password;
        if (o->password)
                fprintf(stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
        if (o->password && o->password_stdin)
                return mn_fail(err, MN_INVALID, "--password and --password-stdin are mutually exclusive");
        if (o->password_stdin && (!o->username || !*o->username))
                return mn_fail(err, MN_INVALID, "the --password-stdin option requires --username to be set");
        mn_status status = o->password_stdin ? read_password_from_stdin(c, &auth->password, err) : MN_OK;
        if (status || (auth->username && *auth->username && auth->password && *auth->password))
                return status;
        return ask(c, auth, err);
}

static int run(cli *c, const void *parsed, char **args) {
        const login_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        const mn_json *answer;
        bool is_in_file = false;
        config_auth auth = { 0 };
        const char *server = args[0] ? args[0] : CONFIG_HUB;
        if (strncmp(server, "https://", 8) == 0 && strcmp(server, CONFIG_HUB) != 0)
                server += 8;
        else if (strncmp(server, "http://", 7) == 0)
                server += 7;
        server = strcmp(server, CONFIG_HUB) == 0 ? server
                                                 : mn_arena_strndup(c->arena, server, strcspn(server, "/"));
        mn_status status = collect(c, o, &auth, &err);
        if (status)
                return cli_fail(&err);
        auth.server = config_server_key(server);
        const wire_auth_config request = { .username = (char *) auth.username,
                                           .password = (char *) auth.password,
                                           .serveraddress = (char *) auth.server };
        status = cli_request_object(c, "POST", "/auth", &wire_auth_config_type, &request, &answer, &err);
        if (status)
                return cli_fail(&err);
        const char *token = cli_text(answer, "IdentityToken");
        if (*token) {
                auth.identity_token = token;
                auth.password = NULL;
        }
        status = config_store_auth(c, &auth, &is_in_file, &err);
        if (status) {
                mn_err_prefix(&err, status, "error saving credentials");
                return cli_fail(&err);
        }
        if (is_in_file)
                fprintf(stderr,
                        "\nWARNING! Your credentials are stored unencrypted in '%s/config.json'.\n"
                        "Configure a credential helper to remove this warning. See\n"
                        "https://docs.docker.com/go/credential-store/\n\n",
                        c->globals.config_dir);
        printf("%s\n", *cli_text(answer, "Status") ? cli_text(answer, "Status") : "Login Succeeded");
        return CLI_EXIT_OK;
}

const cli_command login_command = {
        .usage = "[OPTIONS] [SERVER]",
        .summary = "Authenticate to a registry.",
        .details = "Defaults to Docker Hub if no server is specified.\n",
        .min_args = 0,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(login_options),
        .run = run,
};
