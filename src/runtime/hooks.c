/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hooks.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/time.h"
#include "sys/fd.h"
#include "sys/spawn.h"

enum { MAX_STATE = 1 << 20, MAX_TIMEOUT_S = 1 << 20 };

/* A file with the state document, at its beginning. */
static int state_file(const oci_state *state) {
        cleanup_str mn_str text = MN_STR_INIT(MAX_STATE);
        mn_json_encode(&oci_state_type, state, 0, &text);
        cleanup_close int fd = (int) syscall(SYS_memfd_create, "state", 1U /* MFD_CLOEXEC */);
        if (fd < 0)
                return -errno;
        int r = mn_write_all(fd, text.data, text.len);
        if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return r < 0 ? r : -errno;
        return MN_TAKE_FD(fd);
}

/* Wait status, or -ETIMEDOUT after killing it. */
static int wait_for(int pidfd, const int64_t *timeout) {
        int64_t end = timeout ? mn_monotonic_ns() + MN_MIN(*timeout, (int64_t) MAX_TIMEOUT_S) * MN_NS_PER_SEC
                              : 0;
        for (;;) {
                int64_t left_ms = timeout ? (end - mn_monotonic_ns()) / MN_NS_PER_MS : -1;
                int wait_ms = left_ms > INT32_MAX ? INT32_MAX : (int) left_ms;
                int r = timeout && left_ms <= 0
                                ? 0
                                : poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, wait_ms);
                if (r > 0)
                        return mn_wait_pidfd(pidfd);
                if (r == 0) {
                        mn_pidfd_kill(pidfd, SIGKILL);
                        mn_wait_pidfd(pidfd);
                        return -ETIMEDOUT;
                }
                if (errno != EINTR)
                        return -errno;
        }
}

static mn_status check_list(const oci_hook_list *hooks, const char *kind, mn_err *err) {
        for (size_t i = 0; i < hooks->len; i++) {
                const oci_hook *hook = &hooks->items[i];
                if (*hook->path != '/')
                        return mn_fail(err, MN_INVALID, "hooks.%s[%zu].path: \"%s\" is not an absolute path",
                                       kind, i, hook->path);
                if (hook->timeout && *hook->timeout <= 0)
                        return mn_fail(err, MN_INVALID, "hooks.%s[%zu].timeout: not above 0", kind, i);
        }
        return MN_OK;
}

mn_status hooks_check(const oci_hooks *hooks, mn_err *err) {
        if (!hooks)
                return MN_OK;
        const struct {
                const oci_hook_list *list;
                const char *kind;
        } kinds[] = {
                { &hooks->prestart, "prestart" },
                { &hooks->create_runtime, "createRuntime" },
                { &hooks->create_container, "createContainer" },
                { &hooks->start_container, "startContainer" },
                { &hooks->poststart, "poststart" },
                { &hooks->poststop, "poststop" },
        };
        mn_status st = MN_OK;
        for (size_t i = 0; st == MN_OK && i < MN_ARRAY_LEN(kinds); i++)
                st = check_list(kinds[i].list, kinds[i].kind, err);
        return st;
}

bool hooks_are_awaited(const oci_hooks *hooks) {
        return hooks && (hooks->start_container.len || hooks->poststart.len);
}

static mn_status run_one(const oci_hook *hook, const char *kind, size_t index, int state_fd, mn_err *err) {
        char *no_args[] = { hook->path, NULL };
        const mn_spawn_fd fds[] = { { state_fd, STDIN_FILENO },
                                    { STDOUT_FILENO, STDOUT_FILENO },
                                    { STDERR_FILENO, STDERR_FILENO } };
        mn_spawn_spec spec = { .path = hook->path,
                               .argv = hook->args && *hook->args ? hook->args : no_args,
                               .env = hook->env,
                               .fds = fds,
                               .nfds = MN_ARRAY_LEN(fds) };
        cleanup_close int pidfd = -1;
        pid_t pid = mn_spawn(&spec, &pidfd);
        if (pid < 0)
                return mn_fail_errno(err, (int) pid, "hooks.%s[%zu]: \"%s\"", kind, index, hook->path);
        int status = wait_for(pidfd, hook->timeout);
        if (status == -ETIMEDOUT)
                return mn_fail(err, MN_INTERNAL, "hooks.%s[%zu]: \"%s\" timed out after %lld s", kind, index,
                               hook->path, (long long) *hook->timeout);
        if (status != 0)
                return mn_fail(err, MN_INTERNAL, "hooks.%s[%zu]: \"%s\" exited with status %d", kind, index,
                               hook->path, status < 0 ? status : mn_exit_code(status));
        return MN_OK;
}

void hooks_run_all(const oci_hook_list *hooks, const char *kind, const oci_state *state,
                   runtime_context *rt) {
        for (size_t i = 0; i < hooks->len; i++) {
                mn_err err = { 0 };
                cleanup_close int fd = state_file(state);
                if (fd < 0 || run_one(&hooks->items[i], kind, i, fd, &err))
                        runtime_warn(rt, "%s", fd < 0 ? "hooks: state" : mn_err_text(&err));
                mn_err_release(&err);
        }
}

mn_status hooks_run(const oci_hook_list *hooks, const char *kind, const oci_state *state, mn_err *err) {
        for (size_t i = 0; i < hooks->len; i++) {
                cleanup_close int fd = state_file(state);
                if (fd < 0)
                        return mn_fail_errno(err, fd, "hooks.%s[%zu]: state", kind, i);
                mn_status st = run_one(&hooks->items[i], kind, i, fd, err);
                if (st)
                        return st;
        }
        return MN_OK;
}
