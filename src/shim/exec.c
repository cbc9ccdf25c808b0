/* SPDX-License-Identifier: Apache-2.0 */
/* Exec sessions: further processes in the container, each with streams of its own. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "shim/shim.h"
#include "sys/fd.h"

struct shim_exec {
        struct shim *shim;
        char *id;
        char *process; /* file in the bundle */
        char *pid_name;
        struct shim_asker asker;
        struct shim_session session;
        struct shim_console console;
        int height, width;
        pid_t pid; /* 0: the runtime is at work */
        int code;
        struct shim_exec *next;
};

static void free_exec(struct shim_exec *e) {
        struct shim *shim = e->shim;
        for (struct shim_exec **at = &shim->execs; *at; at = &(*at)->next)
                if (*at == e) {
                        *at = e->next;
                        shim->num_execs--;
                        break;
                }
        shim_session_release(&e->session);
        shim_console_release(shim, &e->console);
        unlinkat(shim->bundle_fd, e->process, 0);
        unlinkat(shim->bundle_fd, e->pid_name, 0);
        free(e->id);
        free(e->process);
        free(e->pid_name);
        free(e);
}

/* ---- start ---- */

static void start_failed(struct shim_exec *e, const char *error, int code) {
        struct shim *shim = e->shim;
        struct shim_asker asker = e->asker;
        wire_shim_message message = { .error = (char *) error, .code = code };
        free_exec(e); /* first: whoever hears of it finds nothing left */
        shim_reply(shim, asker, &message, -1);
        shim_leave_when_done(shim); /* the container may have ended meanwhile */
}

static void was_started(void *arg, int wait_status, const char *error) {
        struct shim_exec *e = arg;
        int code = mn_exit_code(wait_status);
        if (code) {
                cleanup_free char *text = *error ? mn_strdup(error)
                                                 : mn_asprintf("runtime exec failed with exit code %d", code);
                start_failed(e, text, shim_error_code(text, 126));
                return;
        }
        pid_t pid = shim_read_pid_file(e->shim, e->pid_name);
        int master = pid > 0 && e->session.is_tty ? shim_console_receive(&e->console) : 0;
        if (pid < 0 || master < 0) {
                start_failed(e, pid < 0 ? "the runtime wrote no pid file" : "the runtime sent no terminal",
                             126);
                return;
        }
        e->pid = pid;
        if (e->session.is_tty) {
                shim_session_set_terminal(&e->session, master);
                if (e->height > 0 && e->width > 0)
                        shim_session_resize(&e->session, e->height, e->width);
        }
        shim_console_release(e->shim, &e->console);
        wire_shim_message message = { .pid = pid, .exec_id = e->id };
        shim_reply(e->shim, e->asker, &message, -1);
        shim_session_begin(&e->session);
}

static int start_runtime(struct shim_exec *e) {
        struct shim *shim = e->shim;
        const char *bundle = shim->config.bundle;
        cleanup_free char *process = mn_asprintf("%s/%s", bundle, e->process);
        cleanup_free char *pid_file = mn_asprintf("%s/%s", bundle, e->pid_name);
        char *args[12];
        size_t n = 0;
        args[n++] = (char *) "exec";
        args[n++] = (char *) "--detach";
        args[n++] = (char *) "--process";
        args[n++] = process;
        args[n++] = (char *) "--pid-file";
        args[n++] = pid_file;
        if (e->session.is_tty) {
                args[n++] = (char *) "--console-socket";
                args[n++] = e->console.path;
        }
        args[n++] = shim->config.container_id;
        args[n] = NULL;
        mn_spawn_fd fds[3];
        size_t nfds = 0;
        for (int i = 0; i < 3; i++)
                if (e->session.child_fd[i] >= 0)
                        fds[nfds++] = (mn_spawn_fd){ e->session.child_fd[i], i };
        return shim_job_start(shim, args, fds, nfds, was_started, e);
}

/* ---- end ---- */

static void remember(struct shim_exec *e) {
        struct shim_finished *f = &e->shim->finished[e->shim->num_finished++ % SHIM_FINISHED_EXECS];
        free(f->exec_id);
        *f = (struct shim_finished){ mn_strdup(e->id), e->pid, e->code };
}

static void exec_drained(struct shim_session *s) {
        struct shim_exec *e = MN_CONTAINER_OF(s, struct shim_exec, session);
        struct shim *shim = s->shim;
        wire_shim_message event = { .event = (char *) WIRE_SHIM_EXEC_EXITED,
                                    .exec_id = e->id,
                                    .code = e->code };
        remember(e);
        shim_broadcast(shim, &event, -1, 0);
        free_exec(e);
        shim_leave_when_done(shim);
}

bool shim_exec_reap(struct shim *shim) {
        for (struct shim_exec *e = shim->execs; e; e = e->next) {
                int wait_status;
                if (e->pid <= 0 || e->session.is_ended || waitpid(e->pid, &wait_status, WNOHANG) != e->pid)
                        continue;
                e->code = mn_exit_code(wait_status);
                shim_session_finish(&e->session);
                return true;
        }
        return false;
}

bool shim_exec_has_pid(const struct shim *shim, pid_t pid) {
        for (const struct shim_exec *e = shim->execs; e; e = e->next)
                if (e->pid == pid && !e->session.is_ended)
                        return true;
        return false;
}

/* ---- requests ---- */

struct shim_session *shim_exec_session(struct shim *shim, const char *exec_id) {
        for (struct shim_exec *e = shim->execs; e; e = e->next)
                if (strcmp(e->id, exec_id) == 0)
                        return &e->session;
        return NULL;
}

bool shim_execs_are_running(const struct shim *shim) {
        return shim->execs != NULL;
}

void shim_execs_list(const struct shim *shim, mn_arena *arena, wire_shim_message *message) {
        size_t finished = MN_MIN(shim->num_finished, (unsigned) SHIM_FINISHED_EXECS);
        message->execs.items = mn_arena_array(arena, shim->num_execs + finished,
                                              sizeof(wire_shim_exec_state));
        for (const struct shim_exec *e = shim->execs; e; e = e->next)
                message->execs.items[message->execs.len++] = (wire_shim_exec_state){ .exec_id = e->id,
                                                                                     .pid = e->pid,
                                                                                     .is_running = true };
        for (size_t i = 0; i < finished; i++)
                message->execs.items[message->execs.len++] = (wire_shim_exec_state){
                        .exec_id = shim->finished[i].exec_id,
                        .pid = shim->finished[i].pid,
                        .code = shim->finished[i].code,
                };
}

/* A name in the bundle, not a path out of it. */
static bool is_file_name(const char *name) {
        return *name && *name != '.' && !strchr(name, '/');
}

static mn_status check(const struct shim *shim, const wire_shim_exec *request, mn_err *err) {
        if (shim->state != SHIM_RUNNING)
                return mn_fail(err, MN_CONFLICT, "container is not running");
        if (shim->num_execs >= SHIM_MAX_EXECS)
                return mn_fail(err, MN_CONFLICT, "too many exec sessions (%d)", SHIM_MAX_EXECS);
        if (!is_file_name(request->exec_id) || !is_file_name(request->process))
                return mn_fail(err, MN_INVALID, "exec: not a name");
        return MN_OK;
}

mn_status shim_exec_start(struct shim *shim, struct shim_asker asker, const wire_shim_exec *request,
                          int client_fd, mn_err *err) {
        cleanup_close int client = client_fd;
        mn_status st = check(shim, request, err);
        if (st)
                return st;
        struct shim_exec *e = mn_alloc(sizeof(*e));
        e->shim = shim;
        e->asker = asker;
        e->id = mn_strdup(request->exec_id);
        e->process = mn_strdup(request->process);
        e->pid_name = mn_asprintf("exec-%s.pid", request->exec_id);
        e->height = request->console_height;
        e->width = request->console_width;
        e->console.fd = -1;
        shim_session_init(&e->session, shim, e->id);
        e->session.is_tty = request->is_tty;
        e->session.has_stdin = request->has_stdin;
        e->session.closes_stdin = true;
        e->session.on_drained = exec_drained;
        e->next = shim->execs;
        shim->execs = e;
        shim->num_execs++;
        int r = 0;
        if (client >= 0)
                r = shim_client_add(&e->session, MN_TAKE_FD(client), &request->streams);
        cleanup_free char *console_name = mn_asprintf("exec-%u.sock", shim->last_job + 1);
        if (r == 0)
                r = request->is_tty ? shim_console_listen(shim, console_name, &e->console)
                                    : shim_session_make_pipes(&e->session);
        if (r == 0)
                r = start_runtime(e);
        if (r < 0) {
                free_exec(e);
                return mn_fail_errno(err, r, "exec");
        }
        return MN_OK;
}
