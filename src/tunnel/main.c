/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a static command line cannot carry: name services and TLS. Started by it for a host that needs either,
 * with a socket as standard input and a pipe for reports as descriptor 3:
 *
 *     minato-tunnel HOST:PORT [tls|verify CA CERT KEY]      ("" for a file that there is none of)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "sys/fd.h"
#include "sys/relay.h"
#include "tunnel/dial.h"
#include "tunnel/report.h"
#include "tunnel/tls.h"

static int usage(void) {
        fputs("usage: minato-tunnel HOST:PORT [tls|verify CA CERT KEY]\n"
              "A helper of the command line: descriptor 0 is its connection, 3 a pipe for reports.\n",
              stderr);
        return 2;
}

static bool is_socket(int fd) {
        int type;
        socklen_t len = sizeof(type);
        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

int main(int argc, char **argv) {
        dial_address address;
        bool has_tls = argc == 6 && (strcmp(argv[2], "tls") == 0 || strcmp(argv[2], "verify") == 0);
        if ((argc != 2 && !has_tls) || dial_parse(argv[1], &address) < 0 || !is_socket(STDIN_FILENO))
                return usage();
        signal(SIGPIPE, SIG_IGN);
        mn_relay_spec spec = { .near = { .fd = STDIN_FILENO },
                               .far = { .fd = dial(&address) },
                               .waits_for_near = true };
        if (spec.far.fd < 0)
                return 1;
        if (has_tls) {
                const tls_spec t = { .verifies = strcmp(argv[2], "verify") == 0,
                                     .host = address.host,
                                     .ca_file = argv[3],
                                     .cert_file = argv[4],
                                     .key_file = argv[5] };
                spec.far.arg = tls_connect(&t, spec.far.fd, DIAL_TIMEOUT_MS);
                if (!spec.far.arg)
                        return 1;
                spec.far.read = tls_read;
                spec.far.write = tls_write;
                spec.far.shut = tls_shut;
        }
        report_ready();
        mn_close(STDOUT_FILENO); /* the same socket: its end must be seen when the other descriptor is closed
                                  */
        int r = mn_relay(&spec);
        if (r < 0)
                report_failure("%s", r == -EPROTO ? tls_cause() : mn_strerror(r));
        return r < 0;
}
