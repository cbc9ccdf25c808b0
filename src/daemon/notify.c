/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/time.h"
#include "sys/fd.h"

static void notify(const char *text) {
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        size_t len = path ? strlen(path) : 0;
        if (len < 2 || len >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
                return;
        memcpy(addr.sun_path, path, len);
        if (path[0] == '@')
                addr.sun_path[0] = '\0';
        cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                (void) sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *) &addr,
                              (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len));
}

void notify_ready(void) {
        notify("READY=1\nSTATUS=Serving the API");
}

void notify_reloading(void) {
        cleanup_free char *text = mn_asprintf("RELOADING=1\nMONOTONIC_USEC=%lld",
                                              (long long) mn_monotonic_ns() / 1000);
        notify(text);
}

void notify_stopping(void) {
        notify("STOPPING=1");
}
