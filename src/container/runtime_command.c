/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the OCI runtime that the daemon gives itself: pause, resume, update, delete. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/vec.h"
#include "container/engine.h"
#include "sys/fd.h"
#include "sys/spawn.h"

enum { COMMAND_TIMEOUT_MS = 60 * 1000, ERROR_MAX = 4096, HOLD_FD = 3 };

/* Standard input as a file in memory: no pipe to fill while the program runs. */
static int input_file(const mn_str *input) {
        int fd = memfd_create("minato-input", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = mn_write_all(fd, input->data, input->len);
        if (r < 0 || lseek(fd, 0, SEEK_SET) < 0) {
                mn_close(fd);
                return r < 0 ? r : -errno;
        }
        return fd;
}

static char **build_argv(container *c, const container_runtime *runtime, char *const *args, mn_arena *arena) {
        size_t n = 0, max = mn_strv_len(runtime->args) + mn_strv_len(args) + 6;
        char **argv = mn_arena_array(arena, max, sizeof *argv);
        argv[n++] = (char *) runtime->path;
        argv[n++] = (char *) "--root";
        argv[n++] = container_bundle_path(c, arena, "runtime");
        for (char *const *a = runtime->args; a && *a; a++)
                argv[n++] = *a;
        for (; *args; args++)
                argv[n++] = *args;
        argv[n++] = c->id;
        return argv;
}

/* The last line of what it printed, with runc's JSON or text prefix left as it is. */
static mn_status failure(const char *command, char *text, mn_err *err) {
        size_t len = strlen(text);
        while (len && text[len - 1] == '\n')
                text[--len] = 0;
        const char *last = strrchr(text, '\n');
        last = last ? last + 1 : text;
        return mn_fail(err, MN_INTERNAL, "runtime %s failed: %s", command, *last ? last : "no reason given");
}

mn_status container_runtime_command(container *c, char *const *args, const mn_str *input, mn_err *err) {
        const container_runtime *runtime = container_runtime_of(c->engine, c->record->host_config.runtime);
        if (!runtime)
                return mn_fail(err, MN_INVALID, "unknown or invalid runtime name: %s",
                               c->record->host_config.runtime);
        cleanup_arena mn_arena *arena = mn_arena_new();
        int pair[2];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return mn_fail_errno(err, -errno, "cannot make a pipe");
        cleanup_close int from = pair[0], to = pair[1];
        cleanup_close int in = input ? input_file(input) : -1;
        cleanup_close int hold = container_bundle_begin_command(c);
        if (hold < 0)
                return mn_fail_errno(err, hold, "cannot note a command for the runtime");
        const mn_spawn_fd fds[] = { { to, 2 }, { hold, HOLD_FD }, { in, 0 } };
        const mn_spawn_spec spec = { .path = runtime->path,
                                     .argv = build_argv(c, runtime, args, arena),
                                     .fds = fds,
                                     .nfds = in >= 0 ? 3 : 2,
                                     .cwd_fd = -1 };
        cleanup_close int pidfd = -1;
        pid_t pid = mn_spawn(&spec, &pidfd);
        if (pid < 0)
                return mn_fail_errno(err, pid, "cannot start \"%s\"", runtime->path);
        to = mn_close(to);
        char text[ERROR_MAX + 1];
        struct pollfd p = { .fd = from, .events = POLLIN };
        ssize_t n = poll(&p, 1, COMMAND_TIMEOUT_MS) > 0 ? mn_read_full(from, text, ERROR_MAX) : 0;
        text[MN_MAX(n, 0)] = 0;
        int wait_status = mn_wait_pidfd(pidfd);
        if (wait_status < 0)
                return mn_fail_errno(err, wait_status, "cannot wait for the runtime");
        return mn_exit_code(wait_status) ? failure(args[0], text, err) : MN_OK;
}
