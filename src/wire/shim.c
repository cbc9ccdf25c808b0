/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/shim.h"

#include <stddef.h>
#include <string.h>

#include "base/strv.h"

static const mn_field log_fields[] = {
        { "driver", &mn_type_str, offsetof(wire_shim_log, driver), MN_OMIT_EMPTY },
        { "path", &mn_type_str, offsetof(wire_shim_log, path), MN_OMIT_EMPTY },
        { "maxSizeBytes", &mn_type_i64, offsetof(wire_shim_log, max_size_bytes), MN_OMIT_EMPTY },
        { "maxFile", &mn_type_i32, offsetof(wire_shim_log, max_file), MN_OMIT_EMPTY },
        { "attrs", &mn_type_str_map, offsetof(wire_shim_log, attrs), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type log_type = MN_STRUCT(wire_shim_log, log_fields);

static const mn_field start_fields[] = {
        { "containerId", &mn_type_str, offsetof(wire_shim_start, container_id), MN_REQUIRED },
        { "bundle", &mn_type_str, offsetof(wire_shim_start, bundle), MN_REQUIRED },
        { "runtime", &mn_type_str, offsetof(wire_shim_start, runtime), MN_REQUIRED },
        { "runtimeRoot", &mn_type_str, offsetof(wire_shim_start, runtime_root), MN_REQUIRED },
        { "runtimeArgs", &mn_type_strv, offsetof(wire_shim_start, runtime_args), MN_OMIT_EMPTY },
        { "isForeign", &mn_type_bool, offsetof(wire_shim_start, is_foreign), MN_OMIT_EMPTY },
        { "tty", &mn_type_bool, offsetof(wire_shim_start, is_tty), MN_OMIT_EMPTY },
        { "openStdin", &mn_type_bool, offsetof(wire_shim_start, has_stdin), MN_OMIT_EMPTY },
        { "stdinOnce", &mn_type_bool, offsetof(wire_shim_start, is_stdin_once), MN_OMIT_EMPTY },
        { "consoleHeight", &mn_type_i32, offsetof(wire_shim_start, console_height), MN_OMIT_EMPTY },
        { "consoleWidth", &mn_type_i32, offsetof(wire_shim_start, console_width), MN_OMIT_EMPTY },
        { "log", &log_type, offsetof(wire_shim_start, log) },
        { 0 },
};
const mn_type wire_shim_start_type = MN_STRUCT(wire_shim_start, start_fields);
static const mn_type start_ptr = MN_PTR_TO(&wire_shim_start_type);

static const mn_field streams_fields[] = {
        { "stdin", &mn_type_bool, offsetof(wire_shim_streams, has_stdin), MN_OMIT_EMPTY },
        { "stdout", &mn_type_bool, offsetof(wire_shim_streams, has_stdout), MN_OMIT_EMPTY },
        { "stderr", &mn_type_bool, offsetof(wire_shim_streams, has_stderr), MN_OMIT_EMPTY },
        { "framed", &mn_type_bool, offsetof(wire_shim_streams, is_framed), MN_OMIT_EMPTY },
        { "detachKeys", &mn_type_str, offsetof(wire_shim_streams, detach_keys), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type streams_type = MN_STRUCT(wire_shim_streams, streams_fields);
static const mn_type streams_ptr = MN_PTR_TO(&streams_type);

static const mn_field exec_fields[] = {
        { "exec", &mn_type_str, offsetof(wire_shim_exec, exec_id), MN_REQUIRED },
        { "process", &mn_type_str, offsetof(wire_shim_exec, process), MN_REQUIRED },
        { "tty", &mn_type_bool, offsetof(wire_shim_exec, is_tty), MN_OMIT_EMPTY },
        { "openStdin", &mn_type_bool, offsetof(wire_shim_exec, has_stdin), MN_OMIT_EMPTY },
        { "", &streams_type, offsetof(wire_shim_exec, streams), MN_INLINE },
        { "consoleHeight", &mn_type_i32, offsetof(wire_shim_exec, console_height), MN_OMIT_EMPTY },
        { "consoleWidth", &mn_type_i32, offsetof(wire_shim_exec, console_width), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type exec_type = MN_STRUCT(wire_shim_exec, exec_fields);
static const mn_type exec_ptr = MN_PTR_TO(&exec_type);

static const mn_field resize_fields[] = {
        { "exec", &mn_type_str, offsetof(wire_shim_resize, exec_id), MN_OMIT_EMPTY },
        { "height", &mn_type_i32, offsetof(wire_shim_resize, height) },
        { "width", &mn_type_i32, offsetof(wire_shim_resize, width) },
        { 0 },
};
static const mn_type resize_type = MN_STRUCT(wire_shim_resize, resize_fields);
static const mn_type resize_ptr = MN_PTR_TO(&resize_type);

static const mn_field request_fields[] = {
        { "op", &mn_type_str, offsetof(wire_shim_request, op), MN_REQUIRED },
        { "id", &mn_type_u64, offsetof(wire_shim_request, id), MN_REQUIRED },
        { "fds", &mn_type_strv, offsetof(wire_shim_request, fds), MN_OMIT_EMPTY },
        { "start", &start_ptr, offsetof(wire_shim_request, start), MN_OMIT_EMPTY },
        { "attach", &streams_ptr, offsetof(wire_shim_request, attach), MN_OMIT_EMPTY },
        { "exec", &exec_ptr, offsetof(wire_shim_request, exec), MN_OMIT_EMPTY },
        { "resize", &resize_ptr, offsetof(wire_shim_request, resize), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_shim_request_type = MN_STRUCT(wire_shim_request, request_fields);

static const mn_field exec_state_fields[] = {
        { "exec", &mn_type_str, offsetof(wire_shim_exec_state, exec_id) },
        { "pid", &mn_type_i32, offsetof(wire_shim_exec_state, pid) },
        { "running", &mn_type_bool, offsetof(wire_shim_exec_state, is_running) },
        { "code", &mn_type_i32, offsetof(wire_shim_exec_state, code), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type exec_state_type = MN_STRUCT(wire_shim_exec_state, exec_state_fields);
static const mn_type exec_state_list = MN_LIST_OF(&exec_state_type);

static const mn_field message_fields[] = {
        { "id", &mn_type_u64, offsetof(wire_shim_message, id), MN_OMIT_EMPTY },
        { "event", &mn_type_str, offsetof(wire_shim_message, event), MN_OMIT_EMPTY },
        { "error", &mn_type_str, offsetof(wire_shim_message, error), MN_OMIT_EMPTY },
        { "code", &mn_type_i32, offsetof(wire_shim_message, code), MN_OMIT_EMPTY },
        { "pid", &mn_type_i32, offsetof(wire_shim_message, pid), MN_OMIT_EMPTY },
        { "exec", &mn_type_str, offsetof(wire_shim_message, exec_id), MN_OMIT_EMPTY },
        { "state", &mn_type_str, offsetof(wire_shim_message, state), MN_OMIT_EMPTY },
        { "startedAt", &mn_type_time, offsetof(wire_shim_message, started_at), MN_OMIT_EMPTY },
        { "exitedAt", &mn_type_time, offsetof(wire_shim_message, exited_at), MN_OMIT_EMPTY },
        { "oomKilled", &mn_type_bool, offsetof(wire_shim_message, is_oom_killed), MN_OMIT_EMPTY },
        { "execs", &exec_state_list, offsetof(wire_shim_message, execs), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_shim_message_type = MN_STRUCT(wire_shim_message, message_fields);

static const mn_field exit_fields[] = {
        { "ExitCode", &mn_type_i32, offsetof(wire_shim_exit, exit_code), MN_REQUIRED },
        { "ExitedAt", &mn_type_time, offsetof(wire_shim_exit, exited_at), MN_REQUIRED },
        { "OOMKilled", &mn_type_bool, offsetof(wire_shim_exit, is_oom_killed) },
        { "Error", &mn_type_str, offsetof(wire_shim_exit, error), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_shim_exit_type = MN_STRUCT(wire_shim_exit, exit_fields);

void wire_shim_request_encode(const wire_shim_request *request, mn_str *out) {
        mn_json_encode(&wire_shim_request_type, request, 0, out);
}

void wire_shim_message_encode(const wire_shim_message *message, mn_str *out) {
        mn_json_encode(&wire_shim_message_type, message, 0, out);
}

/* Every op with the member it needs. */
static const struct op_rule {
        const char *op;
        size_t part;    /* offset of the pointer that must be set; 0: none */
        const char *fd; /* descriptor it cannot do without */
} op_rules[] = {
        { WIRE_SHIM_START, offsetof(wire_shim_request, start), NULL },
        { WIRE_SHIM_PREPARE, offsetof(wire_shim_request, start), NULL },
        { WIRE_SHIM_RUN, 0, NULL },
        { WIRE_SHIM_ATTACH, offsetof(wire_shim_request, attach), "client" },
        { WIRE_SHIM_EXEC, offsetof(wire_shim_request, exec), NULL },
        { WIRE_SHIM_RESIZE, offsetof(wire_shim_request, resize), NULL },
        { WIRE_SHIM_LOG_REOPEN, 0, NULL },
        { WIRE_SHIM_STATUS, 0, NULL },
};

static mn_status check_request(const wire_shim_request *request, mn_err *err) {
        for (size_t i = 0; i < MN_ARRAY_LEN(op_rules); i++) {
                const struct op_rule *rule = &op_rules[i];
                if (!mn_str_equal(rule->op, request->op))
                        continue;
                const void *part = request;
                if (rule->part)
                        memcpy(&part, (const char *) request + rule->part, sizeof(part));
                if (!part)
                        return mn_fail(err, MN_INVALID, "%s: missing", rule->op);
                if (rule->fd && wire_shim_fd_index(request, rule->fd) < 0)
                        return mn_fail(err, MN_INVALID, "%s: no descriptor \"%s\"", rule->op, rule->fd);
                return MN_OK;
        }
        return mn_fail(err, MN_INVALID, "op: unknown \"%s\"", request->op);
}

mn_status wire_shim_request_decode(const char *text, size_t len, size_t nfds, mn_arena *arena,
                                   wire_shim_request *ret, mn_err *err) {
        mn_status st = mn_json_decode_text(&wire_shim_request_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE,
                                           ret, err);
        if (st)
                return st;
        size_t named = mn_strv_len(ret->fds);
        if (named != nfds)
                return mn_fail(err, MN_INVALID, "fds: %zu named, %zu sent", named, nfds);
        return check_request(ret, err);
}

mn_status wire_shim_message_decode(const char *text, size_t len, mn_arena *arena, wire_shim_message *ret,
                                   mn_err *err) {
        return mn_json_decode_text(&wire_shim_message_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, ret,
                                   err);
}

int wire_shim_fd_index(const wire_shim_request *request, const char *name) {
        for (int i = 0; request->fds && request->fds[i]; i++)
                if (strcmp(request->fds[i], name) == 0)
                        return i;
        return -1;
}
