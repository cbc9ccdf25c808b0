/* SPDX-License-Identifier: Apache-2.0 */
/* Exec sessions as the API knows them. */

#include "container/exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/time.h"
#include "codec/keys.h"
#include "sys/fd.h"
#include "wire/stdio.h"

/* ---- create ---- */

/* "exec_create: sh -c true": the program, a space (also as the last character), its arguments. */
static void publish(exec_session *s, const char *action) {
        cleanup_free char *arguments = mn_strv_join(s->request.cmd + 1, " ");
        cleanup_free char *text = mn_asprintf("%s: %s %s", action, s->request.cmd[0], arguments);
        container_event(s->c, text, "execID", s->id, NULL);
}

mn_status container_exec_create(container_engine *e, const char *name, const wire_exec_create *request,
                                char ret_id[MN_ID_SIZE], mn_err *err) {
        if (mn_strv_len(request->cmd) == 0)
                return mn_fail(err, MN_INVALID, "No exec command specified");
        mn_keys keys;
        if (mn_keys_parse(request->detach_keys, &keys, NULL, NULL) < 0)
                return mn_fail(err, MN_INVALID, "Invalid escape keys (%s) provided", request->detach_keys);
        cleanup_container container *c = NULL;
        mn_status st = container_find(e, name, &c, err);
        if (st)
                return st;
        cleanup_exec exec_session *s = NULL;
        st = exec_session_new(c, request, &s, err);
        if (st)
                return st;
        st = exec_keep(s, err);
        if (st) {
                exec_session_forget(s);
                return container_check_running(c, err) ? MN_CONFLICT : st;
        }
        publish(s, "exec_create");
        memcpy(ret_id, s->id, MN_ID_SIZE);
        return MN_OK;
}

/* ---- start ---- */

/* State lock held. */
static mn_status check_startable(const exec_session *s, mn_err *err) {
        if (s->state == EXEC_ENDED)
                return mn_fail(err, MN_CONFLICT, "exec command %s has already run", s->id);
        if (s->state == EXEC_RUNNING)
                return mn_fail(err, MN_CONFLICT, "exec command %s is already running", s->id);
        return exec_check_container(s->c, err);
}

/* Takes the session from created to running; the link is the caller's. */
static mn_status begin(exec_session *s, shim_link **ret, mn_err *err) {
        ENGINE_LOCKED(s->c->engine);
        mn_status st = check_startable(s, err);
        if (st)
                return st;
        st = container_shim(s->c, ret, err);
        if (!st)
                s->state = EXEC_RUNNING;
        return st;
}

static void end(exec_session *s, int32_t code) {
        engine_lock(s->c->engine);
        exec_state before = s->state;
        if (before != EXEC_ENDED) {
                s->state = EXEC_ENDED;
                s->exit_code = code;
                container_notify(s->c);
        }
        engine_unlock(s->c->engine);
        if (before != EXEC_ENDED)
                exec_keep_state(s, before);
}

static void note_pid(exec_session *s, int32_t pid) {
        ENGINE_LOCKED(s->c->engine);
        s->pid = pid;
        container_notify(s->c);
}

mn_status exec_session_run(exec_session *s, const wire_shim_streams *streams, int client_fd, int height,
                           int width, mn_err *err) {
        cleanup_shim_link shim_link *link = NULL;
        mn_status st = begin(s, &link, err);
        if (st)
                return st;
        exec_keep_state(s, EXEC_CREATED);
        cleanup_arena mn_arena *arena = mn_arena_new();
        char *process = NULL;
        st = exec_write_process(s, height, width, arena, &process, err);
        if (st) {
                end(s, 126);
                return st;
        }
        publish(s, "exec_start");
        static char *const client_names[] = { (char *) "client", NULL };
        wire_shim_exec exec = {
                .exec_id = s->id,
                .process = process,
                .is_tty = s->request.is_tty,
                .has_stdin = s->request.is_stdin_attached && client_fd >= 0,
                .streams = *streams,
                .console_height = height,
                .console_width = width,
        };
        wire_shim_request request = { .op = (char *) WIRE_SHIM_EXEC,
                                      .fds = client_fd >= 0 ? (char **) client_names : NULL,
                                      .exec = &exec };
        wire_shim_message reply = { 0 };
        st = shim_link_call(link, &request, &client_fd, client_fd >= 0, EXEC_START_TIMEOUT_MS, arena, &reply,
                            NULL, err);
        if (!st) {
                note_pid(s, reply.pid);
                return MN_OK;
        }
        bool is_users_fault = reply.code == 126 || reply.code == 127;
        end(s, is_users_fault ? reply.code : 126);
        return mn_err_prefix(err, is_users_fault ? MN_INVALID : st, "OCI runtime exec failed");
}

/* Docker's way of telling an attached client why its command did not start: on its output. */
static void tell_client(int fd, bool is_framed, const char *text) {
        cleanup_str mn_str out = MN_STR_INIT(64 * 1024);
        if (is_framed) {
                uint8_t header[WIRE_STDIO_HEADER_SIZE];
                wire_stdio_put_header(header, WIRE_STDOUT, (uint32_t) strlen(text) + 2);
                mn_str_add_len(&out, header, sizeof header);
        }
        mn_str_add(&out, text);
        mn_str_add(&out, "\r\n");
        if (send(fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return; /* the client is gone: then nobody wants to know */
}

mn_status container_exec_check(container_engine *e, const char *exec_id, const wire_exec_start *request,
                               bool *ret_is_tty, mn_err *err) {
        (void) request;
        cleanup_exec exec_session *s = NULL;
        mn_status st = exec_find(e, exec_id, &s, err);
        if (st)
                return st;
        *ret_is_tty = s->request.is_tty;
        ENGINE_LOCKED(e);
        return check_startable(s, err);
}

/* The size the terminal starts with: the start's wish, else the create's. */
static int console_size(const exec_session *s, const wire_exec_start *start, size_t i) {
        uint64_t size = start->console_size.len == 2       ? start->console_size.items[i]
                        : s->request.console_size.len == 2 ? s->request.console_size.items[i]
                                                           : 0;
        return size > UINT16_MAX ? 0 : (int) size;
}

mn_status container_exec_start(container_engine *e, const char *exec_id, const wire_exec_start *request,
                               int client_fd, mn_err *err) {
        cleanup_close int client = client_fd;
        cleanup_exec exec_session *s = NULL;
        mn_status st = exec_find(e, exec_id, &s, err);
        if (st)
                return st;
        bool is_framed = !s->request.is_tty;
        wire_shim_streams streams = {
                .has_stdin = s->request.is_stdin_attached,
                .has_stdout = s->request.is_stdout_attached,
                .has_stderr = s->request.is_stderr_attached,
                .is_framed = is_framed,
                .detach_keys = s->request.detach_keys,
        };
        cleanup_err mn_err failure = { 0 };
        st = exec_session_run(s, &streams, client, console_size(s, request, 0), console_size(s, request, 1),
                              &failure);
        if (st && client >= 0 && st != MN_CONFLICT) {
                tell_client(client, is_framed, mn_err_text(&failure));
                return MN_OK;
        }
        return st ? mn_fail(err, st, "%s", mn_err_text(&failure)) : MN_OK;
}

/* ---- resize, inspect ---- */

/* Waits until the process runs. State lock held. */
static mn_status wait_ready(exec_session *s, mn_err *err) {
        int64_t deadline = mn_monotonic_ns() + EXEC_READY_MS * MN_NS_PER_MS;
        struct timespec until = { deadline / MN_NS_PER_SEC, deadline % MN_NS_PER_SEC };
        while (s->state != EXEC_ENDED && s->pid == 0)
                if (pthread_cond_timedwait(&s->c->changed, &s->c->engine->lock, &until) == ETIMEDOUT)
                        return mn_fail(err, MN_INTERNAL, "timeout waiting for exec session ready");
        if (s->state == EXEC_ENDED)
                return mn_fail(err, MN_CONFLICT, "exec command %s has already run", s->id);
        return MN_OK;
}

mn_status container_exec_resize(container_engine *e, const char *exec_id, int height, int width,
                                mn_err *err) {
        cleanup_exec exec_session *s = NULL;
        mn_status st = exec_find(e, exec_id, &s, err);
        if (st)
                return st;
        cleanup_shim_link shim_link *link = NULL;
        engine_lock(e);
        st = wait_ready(s, err);
        if (!st)
                st = container_shim(s->c, &link, err);
        engine_unlock(e);
        if (st)
                return st;
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_shim_resize resize = { .exec_id = s->id, .height = height, .width = width };
        wire_shim_request request = { .op = (char *) WIRE_SHIM_RESIZE, .resize = &resize };
        wire_shim_message reply;
        return shim_link_call(link, &request, NULL, 0, EXEC_START_TIMEOUT_MS, arena, &reply, NULL, err);
}

/* The client of a session sees its output end a moment before the shim's word of the exit is read here, and
   asks for the exit code: a process that is gone (the shim has reaped it) has one any moment now. State lock
   held. */
static void wait_for_code(exec_session *s) {
        int64_t deadline = mn_monotonic_ns() + EXEC_CODE_MS * MN_NS_PER_MS;
        struct timespec until = { deadline / MN_NS_PER_SEC, deadline % MN_NS_PER_SEC };
        while (s->state == EXEC_RUNNING && (s->pid == 0 || (kill(s->pid, 0) < 0 && errno == ESRCH)))
                if (pthread_cond_timedwait(&s->c->changed, &s->c->engine->lock, &until) == ETIMEDOUT)
                        return;
}

mn_status container_exec_inspect(container_engine *e, const char *exec_id, mn_arena *arena,
                                 wire_exec_inspect *ret, mn_err *err) {
        cleanup_exec exec_session *s = NULL;
        mn_status st = exec_find(e, exec_id, &s, err);
        if (st)
                return st;
        wire_exec_create request;
        mn_json_copy(&wire_exec_create_type, &s->request, arena, &request);
        ENGINE_LOCKED(e);
        wait_for_code(s);
        *ret = (wire_exec_inspect){
                .id = mn_arena_strdup(arena, s->id),
                .is_running = s->state == EXEC_RUNNING,
                .process_config = {
                        .is_tty = request.is_tty,
                        .entrypoint = request.cmd[0],
                        .arguments = request.cmd + 1,
                        .is_privileged = request.is_privileged,
                        .user = request.user,
                },
                .has_open_stdin = request.is_stdin_attached,
                .has_open_stdout = request.is_stdout_attached,
                .has_open_stderr = request.is_stderr_attached,
                .container_id = mn_arena_strdup(arena, s->c->id),
                .detach_keys = request.detach_keys,
                .pid = s->pid,
        };
        if (s->state == EXEC_ENDED) {
                ret->exit_code = mn_arena_alloc(arena, sizeof *ret->exit_code);
                *ret->exit_code = s->exit_code;
        }
        return MN_OK;
}

/* ---- the end ---- */

void container_exec_exited(container *c, const char *exec_id, int32_t code) {
        cleanup_exec exec_session *s = NULL;
        if (exec_find(c->engine, exec_id, &s, NULL) || s->c != c)
                return; /* of an earlier daemon */
        end(s, code);
        char text[16];
        snprintf(text, sizeof text, "%d", code);
        container_event(c, "exec_die", "execID", s->id, "exitCode", text, NULL);
}
