/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/launch.h"

#include <string.h>

#include "cli/session.h"

static mn_status send_attach(cli *c, client *peer, const launch_spec *spec, client_stream **ret,
                             mn_err *err) {
        cleanup_str mn_str target = MN_STR_INIT(0);
        mn_str_add(&target, cli_target(c, "/containers", spec->id, "/attach?stream=1"));
        client_add_query(&target, "stdin", spec->has_stdin ? "1" : NULL);
        client_add_query(&target, "stdout", spec->shows_stdout ? "1" : NULL);
        client_add_query(&target, "stderr", spec->shows_stderr ? "1" : NULL);
        client_add_query(&target, "detachKeys", spec->detach_keys);
        const client_request request = { .method = "POST",
                                         .target = mn_str_text(&target),
                                         .is_hijack = true };
        return client_send(peer, &request, ret, err);
}

static mn_status send_wait(cli *c, client *peer, const launch_spec *spec, client_stream **ret, mn_err *err) {
        const char *how = spec->is_auto_removed ? "/wait?condition=removed" : "/wait?condition=next-exit";
        const client_request request = { .method = "POST",
                                         .target = cli_target(c, "/containers", spec->id, how) };
        return client_send(peer, &request, ret, err);
}

/* The answer to wait: the container's exit code. */
static mn_status read_code(client_stream *wait, int *ret_code, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_str mn_str text = MN_STR_INIT(1 << 16);
        const mn_json *answer;
        char buf[4096];
        ssize_t n;
        while ((n = client_stream_read(wait, buf, sizeof(buf))) > 0)
                mn_str_add_len(&text, buf, (size_t) n);
        if (n < 0)
                return mn_fail_errno(err, (int) n, "error waiting for container");
        mn_status status = mn_json_parse(arena, mn_str_text(&text), text.len, NULL, &answer, err);
        if (status)
                return mn_err_prefix(err, status, "error waiting for container");
        const char *error = mn_json_get_str(mn_json_get(answer, "Error"), "Message");
        if (error && *error)
                return mn_fail(err, MN_INTERNAL, "Error waiting for container: %s", error);
        *ret_code = (int) cli_number(answer, "StatusCode");
        return MN_OK;
}

mn_status launch_attached(cli *c, const launch_spec *spec, int *ret_code, mn_err *err) {
        cleanup_stream client_stream *attach = NULL, *wait = NULL;
        bool is_attached = spec->has_stdin || spec->shows_stdout || spec->shows_stderr;
        client *peer;
        session_end end = SESSION_ENDED;
        mn_status status = cli_client(c, &peer, err);
        if (!status && is_attached)
                status = send_attach(c, peer, spec, &attach, err);
        if (!status)
                status = send_wait(c, peer, spec, &wait, err);
        if (!status && attach)
                status = client_receive(attach, err);
        if (!status)
                status = client_receive(wait, err);
        if (status)
                return status;
        session_hold_signals();
        status = cli_request(c, "POST", cli_target(c, "/containers", spec->id, "/start"), NULL, err);
        if (status && status != MN_NOT_MODIFIED)
                return status;
        if (spec->is_tty)
                session_resize(c, "/containers", spec->id);
        if (attach) {
                const session_spec session = { .stream = attach,
                                               .is_tty = spec->is_tty,
                                               .has_stdin = spec->has_stdin,
                                               .shows_stdout = spec->shows_stdout,
                                               .shows_stderr = spec->shows_stderr,
                                               .detach_keys = spec->detach_keys,
                                               .signal_container = spec->passes_signals ? spec->id : NULL,
                                               .resize_prefix = "/containers",
                                               .resize_id = spec->is_tty ? spec->id : NULL };
                status = session_run(c, &session, &end, err);
                if (status)
                        return status;
        }
        *ret_code = CLI_EXIT_OK;
        return end == SESSION_DETACHED ? MN_OK : read_code(wait, ret_code, err);
}
