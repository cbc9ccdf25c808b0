/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, and ends the user asks for. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/str.h"
#include "container/engine.h"
#include "container/system.h"
#include "sys/fd.h"
#include "sys/spawn.h"

enum { KILL_WAIT_MS = 10 * 1000, DEFAULT_STOP_TIMEOUT_S = 10, END_NEWS_MS = 500 };

/* ---- signals ---- */

mn_status container_signal_parse(const char *text, int *ret, mn_err *err) {
        static const struct {
                const char *name;
                int number;
        } table[] = {
                { "HUP", SIGHUP },       { "INT", SIGINT },     { "QUIT", SIGQUIT }, { "ILL", SIGILL },
                { "TRAP", SIGTRAP },     { "ABRT", SIGABRT },   { "IOT", SIGIOT },   { "BUS", SIGBUS },
                { "FPE", SIGFPE },       { "KILL", SIGKILL },   { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV },
                { "USR2", SIGUSR2 },     { "PIPE", SIGPIPE },   { "ALRM", SIGALRM }, { "TERM", SIGTERM },
                { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },   { "CLD", SIGCHLD },  { "CONT", SIGCONT },
                { "STOP", SIGSTOP },     { "TSTP", SIGTSTP },   { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
                { "URG", SIGURG },       { "XCPU", SIGXCPU },   { "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM },
                { "PROF", SIGPROF },     { "WINCH", SIGWINCH }, { "IO", SIGIO },     { "POLL", SIGPOLL },
                { "PWR", SIGPWR },       { "SYS", SIGSYS },
        };
        if (mn_parse_int(text, 1, 64, ret) == 0)
                return MN_OK;
        const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++)
                if (strcasecmp(name, table[i].name) == 0) {
                        *ret = table[i].number;
                        return MN_OK;
                }
        int offset;
        if (strncasecmp(name, "RTMIN+", 6) == 0 && mn_parse_int(name + 6, 0, 30, &offset) == 0)
                *ret = 34 + offset;
        else if (strncasecmp(name, "RTMAX-", 6) == 0 && mn_parse_int(name + 6, 0, 30, &offset) == 0)
                *ret = 64 - offset;
        else if (strcasecmp(name, "RTMIN") == 0 || strcasecmp(name, "RTMAX") == 0)
                *ret = strcasecmp(name, "RTMIN") == 0 ? 34 : 64;
        else
                return mn_fail(err, MN_INVALID, "invalid signal: %s", text);
        return MN_OK;
}

mn_status container_signal(container *c, int signal, mn_err *err) {
        engine_lock(c->engine);
        cleanup_close int pidfd = c->pidfd < 0 ? -1 : fcntl(c->pidfd, F_DUPFD_CLOEXEC, 3);
        engine_unlock(c->engine);
        if (pidfd < 0)
                return mn_fail(err, MN_CONFLICT, "container %s is not running", c->id);
        int r = mn_pidfd_kill(pidfd, signal);
        if (r == -ESRCH)
                return mn_fail(err, MN_CONFLICT, "container %s is not running", c->id);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot send signal %d to container %s", signal, c->id);
        char number[16];
        snprintf(number, sizeof number, "%d", signal);
        container_event(c, "kill", "signal", number, NULL);
        return MN_OK;
}

/* ---- stop ---- */

static unsigned begin_end(container *c) {
        ENGINE_LOCKED(c->engine);
        c->is_stop_wanted = true;
        return c->run;
}

static bool is_paused(container *c) {
        ENGINE_LOCKED(c->engine);
        return c->state.status == CONTAINER_PAUSED;
}

mn_status container_kill_locked(container *c, mn_err *err) {
        unsigned run = begin_end(c);
        bool was_paused = is_paused(c);
        mn_status status = container_signal(c, SIGKILL, err);
        if (status == MN_CONFLICT)
                status = MN_OK; /* it has just ended; the news is on its way */
        if (!status && was_paused)
                (void) !container_resume_locked(c, NULL); /* a frozen process dies only when thawed */
        if (status || container_wait_end(c, run, KILL_WAIT_MS))
                return status;
        return mn_fail(err, MN_INTERNAL, "tried to kill container, but did not receive an exit event");
}

static int64_t stop_timeout_s(const container *c, const container_stop_spec *spec) {
        if (spec->timeout_s)
                return *spec->timeout_s;
        if (c->record->config.stop_timeout)
                return *c->record->config.stop_timeout;
        int64_t own = c->engine->options.stop_timeout_s;
        return own ? own : DEFAULT_STOP_TIMEOUT_S;
}

static pid_t pid_of_first(container *c) {
        ENGINE_LOCKED(c->engine);
        return c->state.pid;
}

mn_status container_stop_locked(container *c, const container_stop_spec *spec, mn_err *err) {
        const char *name = !mn_str_is_empty(spec->signal) ? spec->signal
                                                          : container_stop_signal(c->record, pid_of_first(c));
        int signal;
        mn_status status = container_signal_parse(name, &signal, err);
        if (status)
                return status;
        unsigned run = begin_end(c);
        bool was_paused = is_paused(c);
        status = container_signal(c, signal, err);
        if (status == MN_CONFLICT)
                status = MN_OK;
        if (!status && was_paused)
                (void) !container_resume_locked(c, NULL);
        int64_t timeout = MN_MIN(stop_timeout_s(c, spec), INT64_C(1000000000));
        if (!status && !container_wait_end(c, run, timeout < 0 ? -1 : timeout * 1000))
                status = container_kill_locked(c, err);
        if (!status)
                container_event(c, "stop", NULL);
        return status;
}

/* Waiting for its next restart: it stays down. True when it was. */
static bool cancel_restart(container *c) {
        engine_lock(c->engine);
        bool was_restarting = c->state.status == CONTAINER_RESTARTING;
        if (was_restarting) {
                c->state.status = CONTAINER_EXITED;
                c->state.is_manually_stopped = true;
                container_waits_exited(c);
                container_notify(c);
        }
        engine_unlock(c->engine);
        if (was_restarting)
                container_save_state(c);
        return was_restarting;
}

mn_status container_stop(container_engine *e, const char *name, const container_stop_spec *spec,
                         mn_err *err) {
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (status)
                return status;
        if (cancel_restart(op.c))
                return MN_OK;
        if (container_check_running(op.c, NULL))
                return mn_fail(err, MN_NOT_MODIFIED, "container %s is not running", op.c->id);
        return container_stop_locked(op.c, spec, err);
}

mn_status container_restart(container_engine *e, const char *name, const container_stop_spec *spec,
                            mn_err *err) {
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (status)
                return status;
        container *c = op.c;
        (void) cancel_restart(c);
        if (container_check_running(c, NULL) == MN_OK) {
                /* An end on the way to a start is no reason to remove it: the start below comes first. */
                status = container_stop_locked(c, spec, err);
                /* A daemon that is killed on that way leaves one that has ended, not one that never ran. */
                if (!status && c->record->host_config.is_auto_remove)
                        container_save_state(c);
        }
        if (!status)
                status = container_launch(c, err);
        if (!status)
                container_event(c, "restart", NULL);
        return status;
}

mn_status container_kill(container_engine *e, const char *name, const char *signal_name, mn_err *err) {
        int signal = SIGKILL;
        mn_status status = mn_str_is_empty(signal_name) ? MN_OK
                                                        : container_signal_parse(signal_name, &signal, err);
        if (status)
                return status;
        cleanup_container container *c = NULL;
        status = container_find(e, name, &c, err);
        if (status)
                return status;
        if (container_check_running(c, NULL))
                return mn_fail(err, MN_CONFLICT, "cannot kill container: %s: container %s is not running",
                               name, c->id);
        if (signal != SIGKILL) { /* not an operation: a stop that waits must not delay it */
                int stop_signal = SIGTERM;
                (void) !container_signal_parse(container_stop_signal(c->record, pid_of_first(c)),
                                               &stop_signal, NULL);
                if (signal == stop_signal)
                        (void) begin_end(c);
                return container_signal(c, signal, err);
        }
        unsigned run = begin_end(c);
        bool was_paused = is_paused(c);
        status = container_signal(c, SIGKILL, err);
        if (!status && was_paused)
                (void) !container_resume_locked(c, NULL);
        if (status || container_wait_end(c, run, KILL_WAIT_MS))
                return status;
        return mn_fail(err, MN_INTERNAL, "tried to kill container, but did not receive an exit event");
}

/* ---- pause ---- */

/* The runtime knows before the shim has said so: the news may be a moment away. */
static bool has_just_ended(container *c) {
        engine_lock(c->engine);
        unsigned run = c->run;
        engine_unlock(c->engine);
        return container_wait_end(c, run, END_NEWS_MS);
}

static mn_status set_paused(container *c, bool is_paused_now, bool is_kept, mn_err *err) {
        char *args[] = { (char *) (is_paused_now ? "pause" : "resume"), NULL };
        mn_status status = container_runtime_command(c, args, NULL, err);
        if (status) {
                container_bundle_end_command(c);
                return has_just_ended(c) ? mn_fail(err, MN_CONFLICT, "container %s is not running", c->id)
                                         : status;
        }
        engine_lock(c->engine);
        c->is_paused_for_a_while = is_paused_now && !is_kept;
        if (container_is_running(c))
                c->state.status = is_paused_now ? CONTAINER_PAUSED : CONTAINER_RUNNING;
        container_notify(c);
        engine_unlock(c->engine);
        container_event(c, is_paused_now ? "pause" : "unpause", NULL);
        if (is_kept) {
                container_save_state(c);
                container_bundle_end_command(c);
        }
        return MN_OK;
}

mn_status container_resume_locked(container *c, mn_err *err) {
        return set_paused(c, false, true, err);
}

static mn_status begin_pause(container_engine *e, const char *name, bool is_kept, mn_err *err) {
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (!status)
                status = container_check_running(op.c, err);
        if (status)
                return status;
        if (is_paused(op.c))
                return mn_fail(err, MN_CONFLICT, "container %s is already paused", op.c->id);
        return set_paused(op.c, true, is_kept, err);
}

mn_status container_pause(container_engine *e, const char *name, mn_err *err) {
        return begin_pause(e, name, true, err);
}

mn_status container_pause_for_a_while(container_engine *e, const char *name, mn_err *err) {
        return begin_pause(e, name, false, err);
}

mn_status container_unpause(container_engine *e, const char *name, mn_err *err) {
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (status)
                return status;
        if (!is_paused(op.c))
                return mn_fail(err, MN_CONFLICT, "container %s is not paused", op.c->id);
        return set_paused(op.c, false, true, err);
}
