/* SPDX-License-Identifier: Apache-2.0 */
/* What an exec session runs: the OCI process document for the runtime. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "container/exec.h"
#include "container/spec.h"
#include "container/user.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

/* The root directory as the container's first process sees it; O_PATH. Its pid cannot be another process's by
   then: the pidfd is asked afterwards whether it still lives. */
static int open_root(container *c) {
        engine_lock(c->engine);
        int32_t pid = c->state.pid;
        cleanup_close int pidfd = c->pidfd >= 0 ? fcntl(c->pidfd, F_DUPFD_CLOEXEC, 3) : -1;
        engine_unlock(c->engine);
        char name[64];
        snprintf(name, sizeof name, "/proc/%d/root", pid);
        cleanup_close int root = pid > 0 ? open(name, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        if (root < 0 || (pidfd >= 0 && mn_pidfd_kill(pidfd, 0) < 0))
                return -ESRCH;
        return MN_TAKE_FD(root);
}

static mn_status find_user(container *c, const container_record *record, const char *name, mn_arena *arena,
                           container_user *ret, mn_err *err) {
        cleanup_close int root = open_root(c);
        if (root < 0)
                return mn_fail(err, MN_CONFLICT, "container %s is not running", c->id);
        return container_user_lookup(root, name, record->host_config.group_add, arena, ret, err);
}

static mn_status build(exec_session *s, int height, int width, mn_arena *arena, oci_process *ret,
                       mn_err *err) {
        container *c = s->c;
        const container_engine_options *options = &c->engine->options;
        container_record record;
        engine_lock(c->engine);
        mn_json_copy(&container_record_type, c->record, arena, &record);
        engine_unlock(c->engine);
        container_user user = { 0 };
        const char *name = mn_str_is_empty(s->request.user) ? record.config.user : s->request.user;
        mn_status st = find_user(c, &record, name ? name : "", arena, &user, err);
        if (st)
                return st;
        container_spec_input spec = {
                .record = &record,
                .user = &user,
                .has_apparmor = c->engine->has_apparmor,
                .has_no_new_privileges = options->has_no_new_privileges,
                .ulimits = options->ulimits,
                .nulimits = options->nulimits,
                .environment = options->environment,
        };
        container_exec_input input = { .spec = &spec, .request = &s->request };
        container_spec_exec(&input, arena, ret);
        if (s->request.is_tty && height > 0 && width > 0) {
                ret->console_size = mn_arena_alloc(arena, sizeof *ret->console_size);
                *ret->console_size = (oci_console_size){ (uint64_t) height, (uint64_t) width };
        }
        return MN_OK;
}

mn_status exec_write_process(exec_session *s, int height, int width, mn_arena *arena, char **ret_name,
                             mn_err *err) {
        oci_process process = { 0 };
        mn_status st = build(s, height, width, arena, &process, err);
        if (st)
                return st;
        cleanup_str mn_str text = MN_STR_INIT(0);
        mn_json_encode(&oci_process_type, &process, 0, &text);
        char *name = mn_arena_printf(arena, "exec-%s.json", s->id);
        int r = mn_str_error(&text);
        if (r >= 0)
                r = mn_file_create(AT_FDCWD, container_bundle_path(s->c, arena, name), text.data, text.len,
                                   0600);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot write the process of exec %s", s->id);
        *ret_name = name;
        return MN_OK;
}
