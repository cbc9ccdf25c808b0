/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of the container:
 *
 *   shim_prepare -> shim_run -> runtime `run --detach` -> started               minato-runtime
 *   shim_prepare -> shim_run -> runtime `create` -> created -> `start` -> started     any other
 *
 * The daemon sends `prepare` at once and `run` when the root is mounted and the network is there, so that our
 * part is done meanwhile. What of it the runtime does not need comes after the runtime was started.
 *
 * The runtime's standard streams are the container's. They are read only once the container runs: what a
 * runtime that fails prints there is in its log as well, and is no output of the container.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "shim/shim.h"
#include "sys/fd.h"

static void tell_started(struct shim *shim) {
        wire_shim_message message = { .pid = shim->pid, .started_at = shim->started_at };
        shim_reply(shim, shim->starter, &message, shim->pidfd);
        message.id = 0;
        message.event = (char *) WIRE_SHIM_STARTED;
        shim_broadcast(shim, &message, shim->pidfd, shim->starter.peer);
}

/* Learns the container's first process. False when the start has failed. */
static bool adopt(struct shim *shim) {
        pid_t pid = shim_read_pid_file(shim, WIRE_SHIM_PID_FILE);
        if (pid < 0) {
                cleanup_free char *text = mn_asprintf("the runtime wrote no pid file: %s", mn_strerror(pid));
                shim_start_failed(shim, text, 125);
                return false;
        }
        shim->pid = pid;
        shim->pidfd = mn_pidfd_open(pid);
        char name[64];
        snprintf(name, sizeof(name), "/proc/%d/ns/mnt", pid);
        shim->mnt_ns_fd = open(name, O_RDONLY | O_CLOEXEC);
        if (!shim->config.is_tty)
                return true;
        int master = shim_console_receive(&shim->console);
        if (master < 0) {
                cleanup_free char *text = mn_asprintf("the runtime sent no terminal: %s",
                                                      mn_strerror(master));
                shim_start_failed(shim, text, 125);
                return false;
        }
        shim_session_set_terminal(&shim->session, master);
        if (shim->config.console_height > 0 && shim->config.console_width > 0)
                shim_session_resize(&shim->session, shim->config.console_height, shim->config.console_width);
        return true;
}

static void forget_start_fds(struct shim *shim) {
        shim->rootfs_fd = mn_close(shim->rootfs_fd);
        shim->netns_fd = mn_close(shim->netns_fd);
        shim_console_release(shim, &shim->console);
}

static void run_on(struct shim *shim) {
        shim->state = SHIM_RUNNING;
        shim->started_at = mn_now_ns();
        tell_started(shim);
        forget_start_fds(shim);
        shim_session_begin(&shim->session);
        shim_oom_watch(shim);
        if (shim->has_ended)
                shim_container_ended(shim, shim->wait_status);
}

static bool check(struct shim *shim, int wait_status, const char *error, const char *command) {
        int code = mn_exit_code(wait_status);
        if (code == 0 && shim->setup_failure) {
                shim_start_failed(shim, shim->setup_failure, 125);
                return false;
        }
        if (code == 0)
                return true;
        if (*error) {
                shim_start_failed(shim, error, shim_error_code(error, 125));
                return false;
        }
        cleanup_free char *text = mn_asprintf("%s %s failed with exit code %d", shim->config.runtime, command,
                                              code);
        shim_start_failed(shim, text, 125);
        return false;
}

static void was_run(void *arg, int wait_status, const char *error) {
        struct shim *shim = arg;
        if (check(shim, wait_status, error, "run") && adopt(shim))
                run_on(shim);
}

static void was_started(void *arg, int wait_status, const char *error) {
        struct shim *shim = arg;
        if (check(shim, wait_status, error, "start"))
                run_on(shim);
}

static void was_created(void *arg, int wait_status, const char *error) {
        struct shim *shim = arg;
        if (!check(shim, wait_status, error, "create") || !adopt(shim))
                return;
        char *args[] = { (char *) "start", shim->config.container_id, NULL };
        int r = shim_job_start(shim, args, NULL, 0, was_started, shim);
        if (r < 0)
                shim_start_failed(shim, mn_strerror(r), 125);
}

/* `run --detach` or `create` with everything it gets. */
static int start_runtime(struct shim *shim) {
        const wire_shim_start *config = &shim->config;
        cleanup_free char *pid_file = mn_asprintf("%s/%s", config->bundle, WIRE_SHIM_PID_FILE);
        char *args[12];
        size_t n = 0;
        args[n++] = (char *) (config->is_foreign ? "create" : "run");
        if (!config->is_foreign)
                args[n++] = (char *) "--detach";
        args[n++] = (char *) "--bundle";
        args[n++] = config->bundle;
        args[n++] = (char *) "--pid-file";
        args[n++] = pid_file;
        if (config->is_tty) {
                args[n++] = (char *) "--console-socket";
                args[n++] = shim->console.path;
        }
        args[n++] = config->container_id;
        args[n] = NULL;
        mn_spawn_fd fds[5];
        size_t nfds = 0;
        for (int i = 0; i < 3; i++)
                if (shim->session.child_fd[i] >= 0)
                        fds[nfds++] = (mn_spawn_fd){ shim->session.child_fd[i], i };
        if (shim->rootfs_fd >= 0)
                fds[nfds++] = (mn_spawn_fd){ shim->rootfs_fd, WIRE_SHIM_ROOTFS_FD };
        if (shim->netns_fd >= 0)
                fds[nfds++] = (mn_spawn_fd){ shim->netns_fd, WIRE_SHIM_NETNS_FD };
        return shim_job_start(shim, args, fds, nfds, config->is_foreign ? was_created : was_run, shim);
}

static mn_status prepare(struct shim *shim, mn_err *err) {
        const wire_shim_start *config = &shim->config;
        shim->bundle_fd = open(config->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (shim->bundle_fd < 0)
                return mn_fail_errno(err, -errno, "open bundle '%s'", config->bundle);
        unlinkat(shim->bundle_fd, WIRE_SHIM_EXIT_FILE, 0);
        unlinkat(shim->bundle_fd, WIRE_SHIM_PID_FILE, 0);
        logs_config log = {
                .driver = config->log.driver,
                .path = config->log.path,
                .max_size_bytes = config->log.max_size_bytes,
                .max_file = config->log.max_file,
                .attrs = config->log.attrs,
        };
        mn_status st = logs_writer_open(&log, &shim->session.log, err);
        if (st)
                return st;
        int r = config->is_tty ? shim_console_listen(shim, "console.sock", &shim->console)
                               : shim_session_make_pipes(&shim->session);
        return r < 0 ? mn_fail_errno(err, r, "make the container's streams") : MN_OK;
}

static void note_failure(struct shim *shim, const mn_err *err) {
        if (!shim->setup_failure)
                shim->setup_failure = mn_arena_strdup(shim->arena, mn_err_text(err));
}

static int take(const wire_shim_request *request, const int *fds, const char *name) {
        int i = wire_shim_fd_index(request, name);
        return i < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
}

mn_status shim_prepare(struct shim *shim, const wire_shim_request *request, const int *fds, mn_err *err) {
        if (shim->state != SHIM_CREATED)
                return mn_fail(err, MN_CONFLICT, "start: already done");
        shim->state = SHIM_PREPARED;
        shim->hold_fd = take(request, fds, "bundle");
        mn_json_copy(&wire_shim_start_type, request->start, shim->arena, &shim->config);
        struct shim_session *s = &shim->session;
        s->is_tty = shim->config.is_tty;
        s->has_stdin = shim->config.has_stdin;
        s->closes_stdin = shim->config.is_stdin_once;
        cleanup_err mn_err failure = { 0 };
        if (prepare(shim, &failure))
                note_failure(shim, &failure);
        return MN_OK;
}

mn_status shim_run(struct shim *shim, struct shim_asker asker, const wire_shim_request *request,
                   const int *fds, mn_err *err) {
        if (shim->state != SHIM_PREPARED)
                return mn_fail(err, MN_CONFLICT, "run: %s",
                               shim->state == SHIM_CREATED ? "nothing is prepared" : "already done");
        shim->state = SHIM_STARTING;
        shim->starter = asker;
        shim->rootfs_fd = take(request, fds, "rootfs");
        shim->netns_fd = take(request, fds, "netns");
        cleanup_err mn_err failure = { 0 };
        int r = shim->setup_failure ? 0 : start_runtime(shim);
        if (r < 0) {
                mn_fail_errno(&failure, r, "start runtime '%s'", shim->config.runtime);
                note_failure(shim, &failure);
        }
        if (shim->setup_failure) {
                shim_start_failed(shim, shim->setup_failure, 125);
                return MN_OK;
        }
        /* The runtime is at work; it is the next daemon that looks for this. */
        r = shim_peers_listen(shim);
        if (r < 0) {
                mn_fail_errno(&failure, r, "listen on '%s/%s'", shim->config.bundle, WIRE_SHIM_SOCKET);
                note_failure(shim, &failure);
        }
        return MN_OK;
}

mn_status shim_start(struct shim *shim, struct shim_asker asker, const wire_shim_request *request,
                     const int *fds, mn_err *err) {
        mn_status st = shim_prepare(shim, request, fds, err);
        return st ? st : shim_run(shim, asker, request, fds, err);
}
