/* SPDX-License-Identifier: Apache-2.0 */
#include "api/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { BACKLOG = 4096, FIRST_PASSED_FD = 3, MAX_GROUP_FILE = 1 << 20 };

/* ---- unix ---- */

/* The number of a group, from /etc/group: the C library's way would load name service modules. */
static int find_group(const char *name, gid_t *ret) {
        cleanup_free char *text = NULL;
        size_t len, name_len = strlen(name);
        int gid;
        if (mn_parse_int(name, 0, INT32_MAX, &gid) == 0) {
                *ret = (gid_t) gid;
                return 0;
        }
        if (mn_file_read(AT_FDCWD, "/etc/group", MAX_GROUP_FILE, &text, &len) < 0)
                return -ENOENT;
        char *rest = NULL;
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *number = strncmp(line, name, name_len) == 0 && line[name_len] == ':'
                                       ? strchr(line + name_len + 1, ':')
                                       : NULL;
                if (!number)
                        continue;
                number++;
                number[strcspn(number, ":")] = '\0';
                if (mn_parse_int(number, 0, INT32_MAX, &gid) < 0)
                        return -ENOENT;
                *ret = (gid_t) gid;
                return 0;
        }
        return -ENOENT;
}

static bool fill_address(struct sockaddr_un *addr, const char *path) {
        *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(addr->sun_path))
                return false;
        memcpy(addr->sun_path, path, strlen(path));
        return true;
}

/* True when somebody accepts connections at the path. */
static bool is_served(const char *path) {
        struct sockaddr_un addr;
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || !fill_address(&addr, path))
                return false;
        return connect(fd, (struct sockaddr *) &addr, sizeof(addr)) == 0 || errno == EAGAIN;
}

static mn_status set_owner(const api_listen_spec *spec, const char *path, mn_err *err) {
        gid_t gid;
        const char *group = spec->group ? spec->group : "";
        int r = *group ? find_group(group, &gid) : -ENOENT;
        if (r == 0 && chown(path, (uid_t) -1, gid) < 0)
                return mn_fail_errno(err, -errno, "cannot give the socket to the group \"%s\"", group);
        if (r < 0 && spec->has_group && *group)
                return mn_fail(err, MN_INVALID, "could not find the group \"%s\" for the API socket", group);
        if (chmod(path, 0660) < 0)
                return mn_fail_errno(err, -errno, "cannot set the mode of the socket");
        return MN_OK;
}

/* Binds in a directory only root can enter, then moves the socket to its place. */
static mn_status bind_unix(const api_listen_spec *spec, const char *path, int fd, mn_err *err) {
        struct sockaddr_un addr;
        cleanup_free char *dir = mn_asprintf("%s.XXXXXX", path);
        if (!mkdtemp(dir))
                return mn_fail_errno(err, -errno, "cannot make the socket \"%s\"", path);
        cleanup_free char *temporary = mn_asprintf("%s/s", dir);
        mn_status s = MN_OK;
        if (!fill_address(&addr, temporary))
                s = mn_fail(err, MN_INVALID, "the path of the socket is too long: \"%s\"", path);
        else if (bind(fd, (struct sockaddr *) &addr, sizeof(addr)) < 0 || listen(fd, BACKLOG) < 0)
                s = mn_fail_errno(err, -errno, "cannot listen on \"%s\"", path);
        if (s == MN_OK)
                s = set_owner(spec, temporary, err);
        if (s == MN_OK && rename(temporary, path) < 0)
                s = mn_fail_errno(err, -errno, "cannot make the socket \"%s\"", path);
        if (s != MN_OK)
                unlink(temporary);
        rmdir(dir);
        return s;
}

static mn_status open_unix(const api_listen_spec *spec, const char *path, api_sockets *ret, mn_err *err) {
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot make a socket");
        if (path[0] != '/')
                return mn_fail(err, MN_INVALID, "the path of a unix socket must be absolute: \"%s\"", path);
        if (is_served(path))
                return mn_fail(err, MN_CONFLICT, "another program already listens on \"%s\"", path);
        cleanup_free char *parent = mn_strndup(path, (size_t) (strrchr(path, '/') - path));
        int r = *parent ? mn_mkdir_p(parent, 0755) : 0;
        if (r < 0)
                return mn_fail_errno(err, r, "cannot make the directory \"%s\"", parent);
        mn_status s = bind_unix(spec, path, fd, err);
        if (s != MN_OK)
                return s;
        ret->fds[ret->len++] = MN_TAKE_FD(fd);
        ret->is_local = true;
        return MN_OK;
}

/* ---- tcp ---- */

static bool is_loopback(const struct sockaddr *addr) {
        if (addr->sa_family == AF_INET)
                return (ntohl(((const struct sockaddr_in *) (const void *) addr)->sin_addr.s_addr) >> 24) ==
                       127;
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *) (const void *) addr)->sin6_addr);
}

static mn_status listen_at(const api_listen_spec *spec, const struct addrinfo *at, api_sockets *ret,
                           mn_err *err) {
        int on = 1;
        if (!is_loopback(at->ai_addr) && !spec->verifies_clients && !spec->is_insecure_allowed)
                return mn_fail(err, MN_INVALID,
                               "refusing to listen on %s without --tlsverify: everybody who reaches this "
                               "address would "
                               "be root here; use --insecure-tcp if that is what you want",
                               spec->address);
        cleanup_close int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot make a socket");
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (at->ai_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                return mn_fail_errno(err, -errno, "cannot listen on %s", spec->address);
        ret->fds[ret->len++] = MN_TAKE_FD(fd);
        return MN_OK;
}

/* "host:port", "[v6]:port" or ":port"; the port alone decides nothing: 2375 without, 2376 with TLS is the
 * default. */
static mn_status open_tcp(const api_listen_spec *spec, const char *where, api_sockets *ret, mn_err *err) {
        size_t len = strcspn(where, "/");
        cleanup_free char *host = mn_strndup(where, len);
        char *colon = strrchr(host, ':');
        if (colon && strchr(colon, ']'))
                colon = NULL;
        const char *port = colon && colon[1] ? colon + 1 : spec->has_tls ? "2376" : "2375";
        if (colon)
                *colon = '\0';
        const char *name = host;
        if (host[0] == '[' && mn_str_has_suffix(host, "]")) {
                host[strlen(host) - 1] = '\0';
                name = host + 1;
        }
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;
        int r = getaddrinfo(*name ? name : "localhost", port, &hints, &list);
        if (r != 0)
                return mn_fail(err, MN_INVALID, "cannot listen on %s: %s", spec->address, gai_strerror(r));
        mn_status s = MN_OK;
        for (const struct addrinfo *at = list; at && s == MN_OK && ret->len < API_MAX_SOCKETS;
             at = at->ai_next)
                s = listen_at(spec, at, ret, err);
        freeaddrinfo(list);
        return s;
}

/* ---- socket activation ---- */

/* The sockets systemd passed (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES); all, or those called `name`. */
static mn_status open_passed(const char *name, api_sockets *ret, mn_err *err) {
        const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"),
                   *names = getenv("LISTEN_FDNAMES");
        int wanted_pid, n;
        if (!pid || !count || mn_parse_int(pid, 1, INT32_MAX, &wanted_pid) < 0 || wanted_pid != getpid() ||
            mn_parse_int(count, 1, API_MAX_SOCKETS, &n) < 0)
                return mn_fail(err, MN_INVALID,
                               "no sockets found via socket activation: make sure the service was "
                               "started by systemd");
        for (int fd = FIRST_PASSED_FD; fd < FIRST_PASSED_FD + n; fd++) {
                size_t len = names ? strcspn(names, ":") : 0;
                bool is_wanted = !*name || (strlen(name) == len && strncmp(names, name, len) == 0);
                struct sockaddr_storage addr;
                socklen_t addr_len = sizeof(addr);
                if (names)
                        names += len + (names[len] == ':');
                if (!is_wanted || getsockname(fd, (struct sockaddr *) &addr, &addr_len) < 0)
                        continue;
                mn_fd_set_cloexec(fd, 1);
                ret->fds[ret->len++] = fd;
                ret->is_local = addr.ss_family == AF_UNIX;
        }
        return ret->len ? MN_OK : mn_fail(err, MN_INVALID, "no socket named \"%s\" was passed", name);
}

mn_status api_open_sockets(const api_listen_spec *spec, api_sockets *ret, mn_err *err) {
        *ret = (api_sockets){ 0 };
        mn_status s;
        if (mn_str_has_prefix(spec->address, "unix://"))
                s = open_unix(spec, spec->address + strlen("unix://"), ret, err);
        else if (mn_str_has_prefix(spec->address, "tcp://"))
                s = open_tcp(spec, spec->address + strlen("tcp://"), ret, err);
        else if (mn_str_has_prefix(spec->address, "fd://"))
                s = open_passed(spec->address + strlen("fd://"), ret, err);
        else
                s = mn_fail(err, MN_INVALID, "invalid bind address (%s): use unix://, tcp:// or fd://",
                            spec->address);
        for (size_t i = 0; s != MN_OK && i < ret->len; i++)
                mn_close(ret->fds[i]);
        return s;
}
