/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { MAX_ANSWER = 1 << 20 };

extern char **environ;

/* The program in an absolute directory of PATH; the current directory is never searched. */
static char *find_program(const char *name) {
        cleanup_strv char **dirs = mn_strv_split(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin", ':');
        for (char **dir = dirs; *dir; dir++) {
                cleanup_free char *path = mn_asprintf("%s/%s", *dir, name);
                if (**dir == '/' && access(path, X_OK) == 0)
                        return MN_TAKE(path);
        }
        return NULL;
}

/* Runs the helper's `action` with `input`; its standard output goes to `*ret`. */
static mn_status run_helper(const char *helper, const char *action, const char *input, char **ret,
                            mn_err *err) {
        cleanup_free char *name = mn_asprintf("docker-credential-%s", helper);
        cleanup_free char *path = strchr(helper, '/') ? NULL : find_program(name);
        int pair[2], pidfd = -1;
        if (!path)
                return mn_fail(err, MN_INTERNAL,
                               "error getting credentials: exec: \"%s\": executable file not found in $PATH",
                               name);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return mn_fail_errno(err, -errno, "cannot make a socket");
        cleanup_close int ours = pair[0];
        int theirs = pair[1];
        char *argv[] = { name, (char *) action, NULL };
        const mn_spawn_fd fds[] = { { theirs, 0 }, { theirs, 1 }, { 2, 2 } };
        const mn_spawn_spec spec = { .path = path, .argv = argv, .env = environ, .fds = fds, .nfds = 3 };
        pid_t pid = mn_spawn(&spec, &pidfd);
        cleanup_close int owned_pidfd = pidfd;
        mn_close(theirs);
        if (pid < 0)
                return mn_fail_errno(err, pid, "cannot start %s", path);
        size_t len;
        int r = mn_write_all(ours, input, strlen(input));
        shutdown(ours, SHUT_WR);
        if (r == 0 || r == -EPIPE)
                r = mn_file_read_fd(ours, MAX_ANSWER, ret, &len);
        int status = mn_wait_pidfd(pidfd);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot talk to %s", name);
        if (status != 0)
                return mn_fail(err, MN_INTERNAL, "error %s credentials - err: exit status %d, out: `%.200s`",
                               strcmp(action, "store") == 0   ? "storing"
                               : strcmp(action, "erase") == 0 ? "erasing"
                                                              : "getting",
                               mn_exit_code(status), *ret ? *ret : "");
        return MN_OK;
}

typedef struct secret {
        char *server, *username, *secret;
} secret;
static const mn_field secret_fields[] = {
        { "ServerURL", &mn_type_str, offsetof(secret, server), 0 },
        { "Username", &mn_type_str, offsetof(secret, username), 0 },
        { "Secret", &mn_type_str, offsetof(secret, secret), 0 },
        { 0 },
};
static const mn_type secret_type = MN_STRUCT(secret, secret_fields);

mn_status credential_get(mn_arena *arena, const char *helper, const char *server, config_auth *ret,
                         mn_err *err) {
        char *text = NULL;
        mn_status status = run_helper(helper, "get", server, &text, err);
        cleanup_free char *owned = text;
        secret answer;
        if (status && text && strstr(text, "credentials not found in native keychain")) {
                mn_err_release(err);
                return MN_OK;
        }
        if (!status)
                status = mn_json_decode_text(&secret_type, text, strlen(text), NULL, arena, MN_UNKNOWN_IGNORE,
                                             &answer, err);
        if (status)
                return status;
        if (answer.username && strcmp(answer.username, "<token>") == 0)
                ret->identity_token = answer.secret;
        else
                ret->username = answer.username, ret->password = answer.secret;
        return MN_OK;
}

mn_status credential_store(const char *helper, const config_auth *auth, mn_err *err) {
        cleanup_str mn_str json = MN_STR_INIT(0);
        const secret document = {
                .server = (char *) auth->server,
                .username = (char *) (auth->identity_token ? "<token>" : auth->username),
                .secret = (char *) (auth->identity_token ? auth->identity_token : auth->password),
        };
        char *text = NULL;
        mn_json_encode(&secret_type, &document, 0, &json);
        mn_status status = run_helper(helper, "store", mn_str_text(&json), &text, err);
        free(text);
        return status;
}

mn_status credential_erase(const char *helper, const char *server, mn_err *err) {
        char *text = NULL;
        mn_status status = run_helper(helper, "erase", server, &text, err);
        free(text);
        return status;
}
