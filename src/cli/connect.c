/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "sys/fd.h"
#include "sys/spawn.h"

extern char **environ;

enum { PORT_PLAIN = 2375, REPORT_FD = 3, REPORT_MAX = 4096 };

static bool has_scheme(const char *host, const char *scheme) {
        return strncmp(host, scheme, strlen(scheme)) == 0;
}

/* A host name of ssh:// or tcp:// must not be able to be read as an option. */
static bool is_plain_host(const char *s) {
        return *s && *s != '-' &&
               s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@:[]%")] == '\0';
}

mn_status connect_check(const client_spec *spec, mn_err *err) {
        const char *host = spec->host;
        if (has_scheme(host, "unix://"))
                return host[7] ? MN_OK : mn_fail(err, MN_INVALID, "invalid bind address (%s): no path", host);
        if (has_scheme(host, "tcp://") || has_scheme(host, "ssh://"))
                return is_plain_host(host + 6)
                               ? MN_OK
                               : mn_fail(err, MN_INVALID, "unable to parse docker host `%s`", host);
        return mn_fail(
                err, MN_INVALID,
                "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: %s",
                host);
}

static mn_status cannot_connect(const client_spec *spec, mn_err *err) {
        return mn_fail(err, MN_UNAVAILABLE,
                       "Cannot connect to the Docker daemon at %s. Is the docker daemon running?",
                       spec->host);
}

static mn_status open_unix(const client_spec *spec, connection *ret, mn_err *err) {
        const char *path = spec->host + 7;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(address.sun_path))
                return mn_fail(err, MN_INVALID, "the socket's path is too long: %s", path);
        memcpy(address.sun_path, path, strlen(path));
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot make a socket");
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                if (errno == EACCES || errno == EPERM)
                        return mn_fail(err, MN_FORBIDDEN,
                                       "permission denied while trying to connect to the Docker daemon "
                                       "socket at %s: "
                                       "dial unix %s: connect: permission denied",
                                       spec->host, path);
                return cannot_connect(spec, err);
        }
        ret->fd = MN_TAKE_FD(fd);
        return MN_OK;
}

/* Splits "1.2.3.4:2375" or "[::1]:2375"; false when it is a name. */
static bool parse_numeric(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len) {
        struct sockaddr_in *v4 = (struct sockaddr_in *) ret;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) ret;
        char address[64];
        bool is_v6 = *text == '[';
        size_t len = is_v6 ? strcspn(text, "]") : strcspn(text, ":");
        const char *port_text = text + len + (is_v6 && text[len] ? 1 : 0);
        int port = PORT_PLAIN;
        if (len >= sizeof(address) || (*port_text == ':' && mn_parse_int(port_text + 1, 1, 65535, &port)))
                return false;
        memcpy(address, text + is_v6, len - is_v6);
        address[len - is_v6] = '\0';
        memset(ret, 0, sizeof(*ret));
        if (is_v6) {
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons((uint16_t) port);
                *ret_len = sizeof(*v6);
                return inet_pton(AF_INET6, address, &v6->sin6_addr) == 1;
        }
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t) port);
        *ret_len = sizeof(*v4);
        return inet_pton(AF_INET, strcmp(address, "localhost") == 0 ? "127.0.0.1" : address, &v4->sin_addr) ==
               1;
}

static mn_status open_tcp(const client_spec *spec, const struct sockaddr_storage *address, socklen_t len,
                          connection *ret, mn_err *err) {
        cleanup_close int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot make a socket");
        if (connect(fd, (const struct sockaddr *) address, len) < 0)
                return cannot_connect(spec, err);
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        ret->fd = MN_TAKE_FD(fd);
        return MN_OK;
}

/* Starts `argv` with one end of a socket pair as its standard input and output, and descriptor 3 for its
 * reports when it makes any. A session of its own: what is typed at the terminal is the container's. */
static mn_status open_program(const char *path, char *const *argv, bool reports, connection *ret,
                              mn_err *err) {
        int pair[2], pipe_fds[2] = { -1, -1 };
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return mn_fail_errno(err, -errno, "cannot make a socket");
        cleanup_close int ours = pair[0];
        cleanup_close int theirs = pair[1];
        if (reports && pipe2(pipe_fds, O_CLOEXEC) < 0)
                return mn_fail_errno(err, -errno, "cannot make a pipe");
        cleanup_close int report = pipe_fds[0];
        cleanup_close int their_report = pipe_fds[1];
        const mn_spawn_fd fds[] = { { theirs, 0 }, { theirs, 1 }, { 2, 2 }, { their_report, REPORT_FD } };
        const mn_spawn_spec child = { .path = path,
                                      .argv = argv,
                                      .env = environ,
                                      .fds = fds,
                                      .nfds = reports ? 4 : 3,
                                      .has_new_session = true };
        pid_t pid = mn_spawn(&child, NULL);
        if (pid < 0)
                return mn_fail_errno(err, pid, "cannot start %s", path);
        ret->fd = MN_TAKE_FD(ours);
        ret->report_fd = MN_TAKE_FD(report);
        return MN_OK;
}

static mn_status open_ssh(const client_spec *spec, connection *ret, mn_err *err) {
        cleanup_strv char **argv = NULL;
        cleanup_free char *target = mn_strdup(spec->host + 6);
        char *port = strrchr(target, ':');
        mn_strv_add(&argv, "ssh");
        if (port && port[1] && port[1 + strspn(port + 1, "0123456789")] == '\0') {
                *port = '\0';
                mn_strv_add(&argv, "-p");
                mn_strv_add(&argv, port + 1);
        }
        mn_strv_add(&argv, "-o");
        mn_strv_add(&argv, "ConnectTimeout=30");
        mn_strv_add(&argv, "-T");
        mn_strv_add(&argv, "--");
        mn_strv_add(&argv, target);
        mn_strv_add(&argv, "docker");
        mn_strv_add(&argv, "system");
        mn_strv_add(&argv, "dial-stdio");
        return open_program("/usr/bin/ssh", argv, false, ret, err);
}

/* The tunnel program stands beside this one (in the build) or in <prefix>/libexec/minato. */
static char *find_tunnel(void) {
        static const char *const places[] = { "minato-tunnel", "../tunnel/minato-tunnel",
                                              "../libexec/minato/minato-tunnel" };
        char self[4096];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        self[n < 0 ? 0 : n] = '\0';
        char *slash = strrchr(self, '/');
        if (!slash)
                return NULL;
        slash[1] = '\0';
        for (size_t i = 0; i < MN_ARRAY_LEN(places); i++) {
                cleanup_free char *path = mn_asprintf("%s%s", self, places[i]);
                if (access(path, X_OK) == 0)
                        return MN_TAKE(path);
        }
        return NULL;
}

/* Reads one line of a report without its mark; the mark, or 0 when there is none. */
static char read_report(int fd, mn_str *text) {
        char mark, c;
        if (mn_read_full(fd, &mark, 1) != 1)
                return 0;
        while (mn_read_full(fd, &c, 1) == 1 && c != '\n')
                mn_str_add_char(text, c);
        return mark;
}

bool connect_cause(const connection *c, mn_err *err) {
        cleanup_str mn_str text = MN_STR_INIT(REPORT_MAX);
        if (c->report_fd < 0 || read_report(c->report_fd, &text) != '-')
                return false;
        (void) mn_fail(err, MN_INTERNAL, "%s", mn_str_text(&text));
        return true;
}

static mn_status open_tunnel(const client_spec *spec, connection *ret, mn_err *err) {
        cleanup_free char *program = find_tunnel();
        cleanup_strv char **argv = NULL;
        cleanup_str mn_str cause = MN_STR_INIT(REPORT_MAX);
        if (!program)
                return mn_fail(
                        err, MN_NOT_IMPLEMENTED,
                        "cannot reach %s: minato-tunnel, which carries TLS and host names, is not installed",
                        spec->host);
        mn_strv_add(&argv, "minato-tunnel");
        mn_strv_add(&argv, spec->host + 6);
        if (spec->has_tls) {
                mn_strv_add(&argv, spec->verifies_tls ? "verify" : "tls");
                mn_strv_add(&argv, spec->ca_file ? spec->ca_file : "");
                mn_strv_add(&argv, spec->cert_file ? spec->cert_file : "");
                mn_strv_add(&argv, spec->key_file ? spec->key_file : "");
        }
        mn_status status = open_program(program, argv, true, ret, err);
        char mark = status ? 0 : read_report(ret->report_fd, &cause);
        if (status || mark == '+')
                return status;
        ret->fd = mn_close(ret->fd);
        ret->report_fd = mn_close(ret->report_fd);
        if (mark == '!')
                return cannot_connect(spec, err);
        return mn_fail(err, MN_INTERNAL, "%s", cause.len ? mn_str_text(&cause) : "minato-tunnel ended");
}

mn_status connect_open(const client_spec *spec, connection *ret, mn_err *err) {
        struct sockaddr_storage address;
        socklen_t len;
        *ret = (connection){ -1, -1 };
        if (has_scheme(spec->host, "unix://"))
                return open_unix(spec, ret, err);
        if (has_scheme(spec->host, "ssh://"))
                return open_ssh(spec, ret, err);
        if (!spec->has_tls && parse_numeric(spec->host + 6, &address, &len))
                return open_tcp(spec, &address, len, ret, err);
        return open_tunnel(spec, ret, err);
}
