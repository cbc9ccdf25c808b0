/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec sessions for the next daemon. The request of each lies in the bundle, and the file's name says how far
 * it is: exec-ID.session, exec-ID.started, exec-ID.ended.CODE. What a started one came to while no daemon was
 * there, the shim says. The files go with the bundle.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "container/exec.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { NAME_SIZE = 128, REQUEST_MAX = 1 << 20, NEVER_RAN = 126 };

static const char *file_name(const char *id, exec_state state, int32_t code, char buf[NAME_SIZE]) {
        if (state == EXEC_ENDED)
                snprintf(buf, NAME_SIZE, "exec-%s.ended.%d", id, code);
        else
                snprintf(buf, NAME_SIZE, "exec-%s.%s", id, state == EXEC_CREATED ? "session" : "started");
        return buf;
}

mn_status exec_keep(exec_session *s, mn_err *err) {
        char name[NAME_SIZE];
        cleanup_close int bundle = container_bundle_open(s->c->engine, s->c->id);
        cleanup_str mn_str text = MN_STR_INIT(REQUEST_MAX);
        mn_json_encode(&wire_exec_create_type, &s->request, 0, &text);
        int r = bundle < 0 ? bundle : mn_str_error(&text);
        if (r >= 0)
                r = mn_file_replace(bundle, file_name(s->id, EXEC_CREATED, 0, name), text.data, text.len,
                                    0600);
        s->is_kept = r >= 0;
        return r < 0 ? mn_fail_errno(err, r, "cannot write down exec %s", s->id) : MN_OK;
}

void exec_keep_state(exec_session *s, exec_state before) {
        char from[NAME_SIZE], to[NAME_SIZE];
        cleanup_close int bundle = s->is_kept ? container_bundle_open(s->c->engine, s->c->id) : -1;
        if (bundle >= 0) /* it goes with its container: then there is nothing to write down */
                (void) renameat(bundle, file_name(s->id, before, 0, from), bundle,
                                file_name(s->id, s->state, s->exit_code, to));
}

void exec_keep_forget(exec_session *s) {
        char name[NAME_SIZE];
        cleanup_close int bundle = s->is_kept ? container_bundle_open(s->c->engine, s->c->id) : -1;
        if (bundle >= 0)
                unlinkat(bundle, file_name(s->id, s->state, s->exit_code, name), 0);
}

/* ---- the next daemon ---- */

/* "exec-ID.STATE": false for other files. */
static bool parse_name(const char *name, char ret_id[MN_ID_SIZE], exec_state *ret_state, int32_t *ret_code) {
        const char *id = mn_str_has_prefix(name, "exec-") ? name + strlen("exec-") : "";
        if (strlen(id) <= MN_ID_LEN || id[MN_ID_LEN] != '.')
                return false;
        memcpy(ret_id, id, MN_ID_LEN);
        ret_id[MN_ID_LEN] = 0;
        const char *state = id + MN_ID_LEN + 1;
        int code = 0;
        bool has_ended = mn_str_has_prefix(state, "ended.") &&
                         mn_parse_int(state + strlen("ended."), INT32_MIN, INT32_MAX, &code) == 0;
        *ret_state = has_ended ? EXEC_ENDED : strcmp(state, "started") == 0 ? EXEC_RUNNING : EXEC_CREATED;
        *ret_code = code;
        return has_ended || strcmp(state, "started") == 0 || strcmp(state, "session") == 0;
}

/* What a started one came to; one the shim does not know was never handed to it. */
static void ask_shim(exec_session *s, const wire_shim_message *status) {
        s->state = EXEC_ENDED;
        s->exit_code = NEVER_RAN;
        for (size_t i = 0; i < status->execs.len; i++) {
                const wire_shim_exec_state *e = &status->execs.items[i];
                if (!mn_str_equal(e->exec_id, s->id))
                        continue;
                s->state = e->is_running ? EXEC_RUNNING : EXEC_ENDED;
                s->pid = e->pid;
                s->exit_code = e->is_running ? 0 : e->code;
        }
}

static void restore_one(container *c, int bundle, const char *name, const wire_shim_message *status) {
        char id[MN_ID_SIZE];
        exec_state state;
        int32_t code;
        if (!parse_name(name, id, &state, &code))
                return;
        cleanup_free char *text = NULL;
        size_t len;
        exec_session *s = exec_session_alloc(c, id);
        s->is_kept = true;
        if (mn_file_read(bundle, name, REQUEST_MAX, &text, &len) < 0 ||
            mn_json_decode_text(&wire_exec_create_type, text, len, NULL, s->arena, MN_UNKNOWN_IGNORE,
                                &s->request, NULL) ||
            !s->request.cmd || !s->request.cmd[0]) {
                mn_log(MN_LOG_WARN, "an exec session cannot be read", " container=%s exec=%s", c->id, id);
                exec_session_discard(s);
                return;
        }
        s->state = state;
        s->exit_code = code;
        if (state == EXEC_RUNNING)
                ask_shim(s, status);
        if (s->state != state)
                exec_keep_state(s, state);
        exec_session_enter(s);
}

void exec_restore(container *c, const wire_shim_message *status) {
        cleanup_close int bundle = container_bundle_open(c->engine, c->id);
        int copy = bundle < 0 ? -1 : fcntl(bundle, F_DUPFD_CLOEXEC, 3);
        DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        if (!dir) {
                mn_close(copy);
                return;
        }
        for (struct dirent *entry; (entry = readdir(dir));)
                restore_one(c, bundle, entry->d_name, status);
        closedir(dir);
}
