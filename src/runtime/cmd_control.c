/* SPDX-License-Identifier: Apache-2.0 */
/* kill, delete, pause, resume. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/str.h"
#include "runtime/commands.h"
#include "runtime/container.h"
#include "runtime/remove.h"
#include "runtime/signals.h"
#include "sys/fd.h"
#include "sys/spawn.h"

enum { FREEZE_WAIT_MS = 10000 };

typedef struct control_options {
        bool is_all;
        bool is_forced;
} control_options;

static const option_row kill_options[] = {
        { "all", 'a', OPTION_FLAG, offsetof(control_options, is_all),
          "signal every process of the container" },
        { 0 },
};
static const option_row delete_options[] = {
        { "force", 'f', OPTION_FLAG, offsetof(control_options, is_forced), "kill it first if it runs" },
        { 0 },
};
static const option_row no_options[] = { { 0 } };

static int signal_cgroup(const container *c, int sig) {
        mn_cgroup_host host;
        mn_cgroup cg;
        int r = container_open_cgroup(c, &host, &cg);
        if (r == 0) {
                r = mn_cgroup_kill(&cg, sig);
                mn_cgroup_release(&cg);
        }
        mn_cgroup_host_release(&host);
        return r;
}

static mn_status kill_container(runtime_context *rt, const void *options, int argc, char **argv,
                                int *ret_code, mn_err *err) {
        (void) ret_code;
        const control_options *o = options;
        int sig = signal_number(argc > 1 ? argv[1] : "SIGTERM");
        if (sig < 0)
                return mn_fail(err, MN_INVALID, "unknown signal \"%s\"", argv[1]);
        cleanup_container container c;
        mn_status st = container_open(rt, argv[0], &c, err);
        if (st)
                return st;
        if (o->is_all) {
                int r = signal_cgroup(&c, sig);
                return r < 0 && r != -ENOENT ? mn_fail_errno(err, r, "signalling container \"%s\"", argv[0])
                                             : MN_OK;
        }
        cleanup_close int pidfd = container_open_pid(&c);
        int r = pidfd < 0                                       ? pidfd
                : container_get_status(&c) == CONTAINER_STOPPED ? -ESRCH
                                                                : mn_pidfd_kill(pidfd, sig);
        if (r == -ESRCH)
                return mn_fail(err, MN_CONFLICT, "container not running");
        /* A container that shares its pid namespace dies only with all of its processes. */
        if (r == 0 && sig == SIGKILL && !(c.record.join_flags & 0x20000000 /* CLONE_NEWPID */))
                signal_cgroup(&c, sig);
        return r < 0 ? mn_fail_errno(err, r, "signalling container \"%s\"", argv[0]) : MN_OK;
}

static mn_status delete_container(runtime_context *rt, const void *options, int argc, char **argv,
                                  int *ret_code, mn_err *err) {
        (void) argc;
        (void) ret_code;
        const control_options *o = options;
        mn_status st = container_check_id(argv[0], err);
        return st ? st : remove_container(rt, argv[0], o->is_forced, err);
}

static mn_status freeze(runtime_context *rt, const char *id, bool is_frozen, mn_err *err) {
        cleanup_container container c;
        mn_status st = container_open(rt, id, &c, err);
        if (st)
                return st;
        container_status status = container_get_status(&c);
        if (is_frozen ? status != CONTAINER_RUNNING && status != CONTAINER_CREATED
                      : status != CONTAINER_PAUSED)
                return mn_fail(err, MN_CONFLICT,
                               is_frozen ? "container not running or created: %s"
                                         : "container not paused: %s",
                               container_status_name(status));
        mn_cgroup_host host;
        mn_cgroup cg;
        int r = container_open_cgroup(&c, &host, &cg);
        if (r == 0) {
                r = mn_cgroup_freeze(&cg, is_frozen, FREEZE_WAIT_MS);
                if (r < 0 && is_frozen)
                        mn_cgroup_freeze(&cg, false, FREEZE_WAIT_MS);
                mn_cgroup_release(&cg);
        }
        mn_cgroup_host_release(&host);
        return r < 0 ? mn_fail_errno(err, r, "%s container \"%s\"", is_frozen ? "pausing" : "resuming", id)
                     : MN_OK;
}

static mn_status pause_container(runtime_context *rt, const void *options, int argc, char **argv,
                                 int *ret_code, mn_err *err) {
        (void) options;
        (void) argc;
        (void) ret_code;
        return freeze(rt, argv[0], true, err);
}

static mn_status resume_container(runtime_context *rt, const void *options, int argc, char **argv,
                                  int *ret_code, mn_err *err) {
        (void) options;
        (void) argc;
        (void) ret_code;
        return freeze(rt, argv[0], false, err);
}

const command command_kill = { "kill",
                               "CONTAINER [SIGNAL]",
                               "send a signal to the container's first process",
                               kill_options,
                               sizeof(control_options),
                               1,
                               2,
                               false,
                               kill_container };
const command command_delete = {
        "delete", "CONTAINER", "remove a container", delete_options, sizeof(control_options), 1,
        1,        false,       delete_container
};
const command command_pause = { "pause",    "CONTAINER", "stop all processes of a container",
                                no_options, 1,           1,
                                1,          false,       pause_container };
const command command_resume = { "resume",   "CONTAINER", "let a paused container go on",
                                 no_options, 1,           1,
                                 1,          false,       resume_container };
