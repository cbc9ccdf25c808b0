/* SPDX-License-Identifier: Apache-2.0 */
/* Carries standard input and output to the daemon: what the other end of an ssh:// host runs. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "sys/fd.h"

/* Until the source ends or the sink takes no more. */
static void copy(int from, int to) {
        char buf[64 << 10];
        ssize_t n;
        while ((n = read(from, buf, sizeof(buf))) > 0)
                if (mn_write_all(to, buf, (size_t) n) < 0)
                        return;
}

static int run(cli *c, const void *parsed, char **args) {
        (void) parsed;
        (void) args;
        cleanup_err mn_err err = { 0 };
        client *peer;
        int fd = -1;
        mn_status status = cli_client(c, &peer, &err);
        if (!status)
                status = client_dial(peer, &fd, &err);
        if (status)
                return cli_fail(&err);
        pid_t parent = getpid(), child = fork();
        if (child < 0)
                return cli_failf("cannot start a process");
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() == parent)
                        copy(STDIN_FILENO, fd);
                shutdown(fd, SHUT_WR);
                _exit(0);
        }
        copy(fd, STDOUT_FILENO); /* the daemon's end is ours: what was not sent by then is for nobody */
        mn_close(fd);
        kill(child, SIGKILL);
        return CLI_EXIT_OK;
}

const cli_command system_dial_stdio_command = {
        .usage = "",
        .summary = "Proxy the stdio stream to the daemon connection. Should not be invoked manually.",
        .min_args = 0,
        .max_args = 0,
        .run = run,
};
