/* SPDX-License-Identifier: Apache-2.0 */
/* A hijacked TLS connection: this worker carries the bytes between the client and whoever got the other end.
 */
#include "api/http_private.h"
#include "sys/fd.h"
#include "sys/relay.h"

static ssize_t read_client(void *arg, void *buf, size_t len) {
        return http_tls_read(arg, buf, len);
}

static ssize_t write_client(void *arg, const void *buf, size_t len) {
        return http_tls_write(arg, buf, len);
}

static void shut_client(void *arg) {
        http_tls_shutdown(arg);
}

void http_pump(http_conn *c, int fd) {
        const mn_relay_spec spec = {
                .near = { .fd = c->fd,
                          .arg = c->tls,
                          .read = read_client,
                          .write = write_client,
                          .shut = shut_client },
                .far = { .fd = fd },
        };
        mn_relay(&spec);
        mn_close(fd);
}
