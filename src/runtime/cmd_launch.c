/* SPDX-License-Identifier: Apache-2.0 */
/* create, run, start. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/commands.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/remove.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { MAX_START_ERROR = 64 << 10 };

#define LAUNCH_OPTIONS                                                                                       \
        { "bundle", 'b', OPTION_STRING, offsetof(launch_options, bundle), "DIR  the bundle (.)" },           \
                { "console-socket", 0, OPTION_STRING, offsetof(launch_options, console_socket),              \
                  "PATH  receives the terminal" },                                                           \
                { "pid-file", 0, OPTION_STRING, offsetof(launch_options, pid_file),                          \
                  "FILE  gets the process id" },                                                             \
                { "preserve-fds", 0, OPTION_INT, offsetof(launch_options, preserve_fds),                     \
                  "N  pass descriptors 3 to N+2" },                                                          \
                { "no-pivot", 0, OPTION_FLAG, offsetof(launch_options, keeps_root),                          \
                  "refused: a container could leave its root" },                                             \
        {                                                                                                    \
                "no-new-keyring", 0, OPTION_FLAG, offsetof(launch_options, has_no_keyring),                  \
                        "keep the session keyring"                                                           \
        }

static const option_row create_options[] = { LAUNCH_OPTIONS, { 0 } };
static const option_row run_options[] = {
        LAUNCH_OPTIONS,
        { "detach", 'd', OPTION_FLAG, offsetof(launch_options, is_detached), "return when the program runs" },
        { "keep", 0, OPTION_FLAG, offsetof(launch_options, is_kept),
          "do not delete the container at its end" },
        { "no-subreaper", 0, OPTION_FLAG, offsetof(launch_options, is_subreaper_off),
          "accepted, without effect" },
        { 0 },
};

static mn_status check_options(const launch_options *o, mn_err *err) {
        if (o->keeps_root)
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "--no-pivot: refused, the host's files would stay within reach");
        if (o->preserve_fds < 0 || o->preserve_fds > 1024)
                return mn_fail(err, MN_INVALID, "--preserve-fds: not 0 to 1024");
        for (int i = 0; i < o->preserve_fds; i++)
                if (fcntl(3 + i, F_SETFD, 0) < 0)
                        return mn_fail(err, MN_INVALID, "--preserve-fds: descriptor %d is not open", 3 + i);
        return MN_OK;
}

static mn_status create(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                        mn_err *err) {
        (void) argc;
        (void) ret_code;
        launch l = { .rt = rt, .options = options, .id = argv[0], .waits_for_start = true };
        mn_status st = check_options(options, err);
        if (st)
                return st;
        st = launch_container(&l, err);
        launch_release(&l);
        return st;
}

/* A hook's failure ends the container: it is destroyed, with the hooks for that, before the error is
 * reported.
 */
static void destroy(runtime_context *rt, const char *id) {
        mn_err err = { 0 };
        if (remove_container(rt, id, true, &err))
                runtime_warn(rt, "%s", mn_err_text(&err));
        mn_err_release(&err);
}

static mn_status run_poststart(runtime_context *rt, const oci_spec *spec, const container_record *record,
                               mn_err *err) {
        if (!spec->hooks || spec->hooks->poststart.len == 0)
                return MN_OK;
        oci_state state = container_oci_state(record, CONTAINER_RUNNING, &spec->annotations);
        mn_status st = hooks_run(&spec->hooks->poststart, "poststart", &state, err);
        if (st)
                destroy(rt, record->id);
        return st;
}

static mn_status run(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                     mn_err *err) {
        (void) argc;
        const launch_options *o = options;
        launch l = { .rt = rt, .options = o, .id = argv[0] };
        mn_status st = check_options(o, err);
        if (st)
                return st;
        if (!o->is_detached) {
                prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
                launch_block_signals();
        }
        st = launch_container(&l, err);
        if (st == MN_OK)
                st = run_poststart(rt, l.spec, &l.record, err);
        if (st == MN_OK && !o->is_detached) {
                *ret_code = l.terminal.socket_fd >= 0 ? terminal_wait(&l.terminal, l.pid)
                                                      : launch_wait(l.pid);
                if (!o->is_kept)
                        st = remove_container(rt, argv[0], true, err);
        }
        launch_release(&l);
        runtime_trace(rt, "end");
        return st;
}

static const option_row no_options[] = { { 0 } };

/* The reading end closes when the program is executed (or its process ends). */
static void wait_for_execution(int fifo) {
        struct pollfd end = { .fd = fifo };
        while (poll(&end, 1, -1) < 0 && errno == EINTR)
                ;
}

/* What the container's process has written before it ended in place of executing the program. */
static mn_status start_result(const container *c, mn_err *err) {
        cleanup_free char *text = NULL;
        int r = mn_file_read(c->dir_fd, CONTAINER_START_ERROR, MAX_START_ERROR, &text, NULL);
        unlinkat(c->dir_fd, CONTAINER_START_ERROR, 0);
        return r == 0 && *text ? mn_fail(err, MN_INTERNAL, "%s", text) : MN_OK;
}

static mn_status start(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                       mn_err *err) {
        (void) options;
        (void) argc;
        (void) ret_code;
        cleanup_container container c;
        mn_status st = container_open(rt, argv[0], &c, err);
        if (st)
                return st;
        container_status status = container_get_status(&c);
        if (status != CONTAINER_CREATED)
                return mn_fail(err, MN_CONFLICT,
                               status == CONTAINER_STOPPED ? "cannot start a container that has stopped"
                                                           : "cannot start an already running container");
        cleanup_close int fifo = openat(c.dir_fd, CONTAINER_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fifo < 0)
                return mn_fail_errno(err, -errno, "container \"%s\" does not wait for start", argv[0]);
        /* Unlinked first: of two concurrent starts one finds it gone. */
        if (unlinkat(c.dir_fd, CONTAINER_FIFO, 0) < 0)
                return mn_fail(err, MN_CONFLICT, "cannot start an already running container");
        if (write(fifo, "0", 1) != 1)
                return mn_fail_errno(err, -errno, "starting container \"%s\"", argv[0]);
        if (c.record.is_plain)
                return MN_OK;
        oci_spec *spec;
        st = container_load_spec(&c, &spec, err);
        if (st == MN_OK && hooks_are_awaited(spec->hooks)) {
                wait_for_execution(fifo);
                st = start_result(&c, err);
                if (st)
                        destroy(rt, argv[0]);
        }
        return st == MN_OK ? run_poststart(rt, spec, &c.record, err) : st;
}

const command command_create = { "create",
                                 "CONTAINER",
                                 "make a container that waits for start",
                                 create_options,
                                 sizeof(launch_options),
                                 1,
                                 1,
                                 true,
                                 create };
const command command_run = {
        "run", "CONTAINER", "make and start a container", run_options, sizeof(launch_options), 1, 1, true, run
};
const command command_start = { "start", "CONTAINER", "start a created container", no_options, 1, 1, 1,
                                false,   start };
