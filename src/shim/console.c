/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtime makes a terminal inside the container and sends its master side over a socket. It does so
   before it ends, so nothing has to be waited for: once the runtime is gone, the terminal is in the socket.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "shim/shim.h"
#include "sys/fd.h"
#include "sys/unix.h"

enum { ADDRESS_MAX = 107 };

int shim_console_listen(struct shim *shim, const char *name, struct shim_console *ret) {
        snprintf(ret->name, sizeof(ret->name), "%s", name);
        ret->fd = mn_unix_listen(shim->bundle_fd, ret->name, SOCK_STREAM);
        if (ret->fd < 0)
                return ret->fd;
        ret->path = mn_asprintf("%s/%s", shim->config.bundle, ret->name);
        if (strlen(ret->path) > ADDRESS_MAX) { /* too long for an address: by way of our descriptor */
                free(ret->path);
                ret->path = mn_asprintf("/proc/%d/fd/%d/%s", getpid(), shim->bundle_fd, ret->name);
        }
        return 0;
}

int shim_console_receive(struct shim_console *c) {
        cleanup_close int connection = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection < 0)
                return -errno;
        char pty_name[256];
        int fds[1];
        size_t nfds = 0;
        ssize_t n = mn_recv_fds(connection, pty_name, sizeof(pty_name), fds, MN_ARRAY_LEN(fds), &nfds);
        if (n < 0)
                return (int) n;
        if (nfds != 1)
                return -EBADMSG;
        if (!isatty(fds[0])) {
                mn_close(fds[0]);
                return -ENOTTY;
        }
        return fds[0];
}

void shim_console_release(struct shim *shim, struct shim_console *c) {
        if (c->path)
                unlinkat(shim->bundle_fd, c->name, 0);
        c->fd = mn_close(c->fd);
        mn_freep(&c->path);
        c->path = NULL;
}
