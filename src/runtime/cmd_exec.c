/* SPDX-License-Identifier: Apache-2.0 */
/* exec: another process in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "oci/seccomp_profile.h"
#include "runtime/commands.h"
#include "runtime/console.h"
#include "runtime/exec_process.h"
#include "runtime/launch.h"
#include "runtime/scheduling.h"
#include "runtime/seccomp_listener.h"
#include "sys/clone.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { EXEC_FAILED = 255 };

static const option_row exec_options_table[] = {
        { "process", 'p', OPTION_STRING, offsetof(exec_options, process_file), "FILE  the process as JSON" },
        { "console-socket", 0, OPTION_STRING, offsetof(exec_options, launch.console_socket),
          "PATH  receives the terminal" },
        { "pid-file", 0, OPTION_STRING, offsetof(exec_options, launch.pid_file),
          "FILE  gets the process id" },
        { "preserve-fds", 0, OPTION_INT, offsetof(exec_options, launch.preserve_fds),
          "N  pass descriptors 3 to N+2" },
        { "detach", 'd', OPTION_FLAG, offsetof(exec_options, launch.is_detached),
          "return when the program runs" },
        { "tty", 't', OPTION_FLAG, offsetof(exec_options, has_tty), "with a terminal" },
        { "cwd", 0, OPTION_STRING, offsetof(exec_options, cwd), "DIR  working directory" },
        { "user", 'u', OPTION_STRING, offsetof(exec_options, user), "UID[:GID]  run as" },
        { "additional-gids", 'g', OPTION_LIST, offsetof(exec_options, additional_gids), "GID  more groups" },
        { "env", 'e', OPTION_LIST, offsetof(exec_options, env), "NAME=VALUE  set in the environment" },
        { "cap", 'c', OPTION_LIST, offsetof(exec_options, caps), "CAP_NAME  add a capability" },
        { "no-new-privs", 0, OPTION_FLAG, offsetof(exec_options, has_no_new_privs),
          "no privileges by execution" },
        { "apparmor", 0, OPTION_STRING, offsetof(exec_options, apparmor), "PROFILE  AppArmor profile" },
        { "process-label", 0, OPTION_STRING, offsetof(exec_options, process_label), "LABEL  SELinux label" },
        { "cgroup", 0, OPTION_STRING, offsetof(exec_options, cgroup),
          "PATH  only the container's own is offered" },
        { "ignore-paused", 0, OPTION_FLAG, offsetof(exec_options, ignores_paused),
          "wait while the container is paused" },
        { 0 },
};

/* What parent and child share; the child writes its failure into it. */
typedef struct exec_session {
        runtime_context *rt;
        const exec_options *options;
        container *container;
        oci_spec *spec;
        oci_process *process;
        process_plan plan;
        mn_cgroup_host cgroup_host;
        mn_cgroup cgroup;
        int pidfd; /* of the container's first process */
        int console_fd;
        int listener_fd; /* connected linux.seccomp.listenerPath */
        int root_fd;     /* the container's root, where it is not that of its mount namespace; else -1 */
        terminal terminal;
        pid_t pid;
        mn_status child_status;
        mn_err child_err;
} exec_session;

static mn_status plan_seccomp(exec_session *s, mn_err *err) {
        const oci_seccomp *section = s->spec->linux_ ? s->spec->linux_->seccomp : NULL;
        oci_seccomp built_in;
        if (!section &&
            mn_str_equal(mn_str_map_get(&s->spec->annotations, OCI_ANNOTATION_SECCOMP), "default")) {
                oci_seccomp_default(&(oci_seccomp_context){ .capabilities = s->plan.caps.bounding },
                                    s->container->arena, &built_in);
                section = &built_in;
        }
        if (!section)
                return MN_OK;
        mn_status st = seccomp_compile(section, s->container->arena, &s->plan.seccomp, err);
        if (st == MN_OK && s->plan.seccomp.has_listener) {
                st = console_connect(section->listener_path, &s->listener_fd, err);
                if (st)
                        return mn_err_prefix(err, st, "linux.seccomp.listenerPath");
        }
        return st;
}

/* ---- the child ---- */

static mn_status join_container(exec_session *s, mn_err *err) {
        int flags = s->container->record.join_flags & ~(CLONE_NEWPID | CLONE_NEWTIME);
        int r = mn_cgroup_join(&s->cgroup, false);
        if (r < 0)
                return mn_fail_errno(err, r, "joining the cgroup");
        mn_status st = process_set_oom_score(s->process, 0, s->rt, err);
        if (st == MN_OK)
                st = process_set_labels(s->process, err);
        if (flags & CLONE_NEWUSER)
                process_raise_limits(&s->plan, 0);
        if (st == MN_OK && flags && setns(s->pidfd, flags) < 0)
                return mn_fail_errno(err, -errno, "entering the namespaces of the container");
        if (s->root_fd >= 0 && (fchdir(s->root_fd) < 0 || chroot(".") < 0))
                return mn_fail_errno(err, -errno, "entering the root of the container");
        const int keep[] = { s->console_fd, s->listener_fd };
        launch_close_fds(s->options->launch.preserve_fds, keep, MN_ARRAY_LEN(keep));
        if (st == MN_OK && (flags & CLONE_NEWUSER)) {
                s->plan.may_not_setgroups = syscall(SYS_setgroups, 0, NULL) < 0;
                if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
                        return mn_fail_errno(err, -errno, "becoming root of the user namespace");
                prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        }
        return st;
}

static mn_status take_terminal(exec_session *s, mn_err *err) {
        int slave = -1;
        cleanup_close int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        mn_status st = console_open(slash, s->console_fd, s->process->console_size, s->process->user.uid,
                                    &slave, err);
        if (st == MN_OK)
                st = console_take(slave, err);
        mn_close(slave);
        s->console_fd = mn_close(s->console_fd);
        return st;
}

static mn_status child_steps(exec_session *s, mn_err *err) {
        mn_status st = join_container(s, err);
        int listener = 0;
        umask(0);
        if (st == MN_OK && setsid() < 0)
                return mn_fail_errno(err, -errno, "setsid");
        if (st == MN_OK && s->process->terminal)
                st = take_terminal(s, err);
        const oci_cpu_affinity *affinity = s->process->exec_cpu_affinity;
        if (st == MN_OK && affinity)
                st = scheduling_set_affinity(affinity->final, "process.execCPUAffinity.final", err);
        if (st == MN_OK)
                st = process_apply(&s->plan, s->rt, err);
        if (st == MN_OK)
                st = process_find(&s->plan, err);
        if (st == MN_OK)
                st = process_seal(&s->plan, &listener, err);
        if (st == MN_OK && listener > 0)
                st = seccomp_send_listener(s->listener_fd, listener, &s->container->record, CONTAINER_RUNNING,
                                           s->spec, s->pid, err);
        return st == MN_OK ? process_execute(&s->plan, err) : st;
}

static int child_main(void *arg) {
        exec_session *s = arg;
        s->child_status = child_steps(s, &s->child_err);
        _exit(s->child_status == MN_NOT_FOUND ? 127 : 126);
}

/* ---- the parent ---- */

/* Where the container's own cgroup has been divided (a systemd inside), a process can only be put beside the
 * first one. */
static int use_cgroup_of_init(exec_session *s) {
        mn_cgroup_release(&s->cgroup);
        return mn_cgroup_open_pid(&s->cgroup_host, s->container->record.pid, NULL, &s->cgroup);
}

static pid_t start_child(exec_session *s, int *ret_pidfd) {
        sigset_t all, old;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &old);
        mn_clone_spec spec = { .shares_memory = true,
                               .main = child_main,
                               .arg = s,
                               .ret_pid = &s->pid,
                               .ret_pidfd = ret_pidfd };
        spec.cgroup_fd = mn_cgroup_fd(&s->cgroup, MN_CG_UNIFIED);
        pid_t pid = mn_clone(&spec);
        if (pid == -EBUSY && use_cgroup_of_init(s) == 0) {
                spec.cgroup_fd = mn_cgroup_fd(&s->cgroup, MN_CG_UNIFIED);
                pid = mn_clone(&spec);
        }
        sigprocmask(SIG_SETMASK, &old, NULL);
        return pid;
}

static mn_status enter_for_child(exec_session *s, mn_err *err) {
        int flags = s->container->record.join_flags & (CLONE_NEWPID | CLONE_NEWTIME);
        if (flags && setns(s->pidfd, flags) < 0)
                return mn_fail_errno(err, -errno, "entering the pid namespace of the container");
        return MN_OK;
}

static mn_status check_terminal(const exec_session *s, mn_err *err) {
        if (s->process->terminal && !s->options->launch.console_socket && s->options->launch.is_detached)
                return mn_fail(err, MN_INVALID,
                               "cannot allocate tty if runc will detach without setting console socket");
        if (!s->process->terminal && s->options->launch.console_socket)
                return mn_fail(err, MN_INVALID,
                               "cannot use console socket if runc will not detach or allocate tty");
        return MN_OK;
}

/* The root of a container that has no mount namespace of its own can only be had from its first process. */
static mn_status open_root(exec_session *s, mn_err *err) {
        char path[40];
        if (namespace_is_new(s->spec, "mount"))
                return MN_OK;
        snprintf(path, sizeof(path), "/proc/%d/root", (int) s->container->record.pid);
        s->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        /* Still the process that was asked for, so it was its root. */
        if (s->root_fd < 0 || mn_pidfd_kill(s->pidfd, 0) < 0)
                return mn_fail(err, MN_CONFLICT, "cannot exec in a stopped container");
        return MN_OK;
}

static mn_status prepare(exec_session *s, char **argv, mn_err *err) {
        mn_status st = container_load_spec(s->container, &s->spec, err);
        if (st == MN_OK)
                st = exec_process(s->options, argv, s->spec, s->container->arena, &s->process, err);
        if (st == MN_OK)
                st = check_terminal(s, err);
        if (st == MN_OK)
                st = open_root(s, err);
        s->plan.listen_fds = s->options->launch.preserve_fds;
        if (st == MN_OK)
                st = process_plan_init(&s->plan, s->process, s->spec->linux_,
                                       s->container->record.join_flags & CLONE_NEWUSER, s->rt,
                                       s->container->arena, err);
        if (st == MN_OK)
                st = plan_seccomp(s, err);
        if (st == MN_OK && s->options->launch.console_socket) {
                st = console_connect(s->options->launch.console_socket, &s->console_fd, err);
                if (st)
                        return mn_err_prefix(err, st, "--console-socket");
        } else if (st == MN_OK && s->process->terminal) {
                st = terminal_open(&s->terminal, &s->console_fd, &s->process->console_size,
                                   s->container->arena, err);
        }
        if (st == MN_OK && s->process->exec_cpu_affinity)
                st = scheduling_set_affinity(s->process->exec_cpu_affinity->initial,
                                             "process.execCPUAffinity.initial", err);
        return st;
}

static mn_status execute(exec_session *s, int *ret_code, mn_err *err) {
        cleanup_close int child_pidfd = -1;
        int r = container_open_cgroup(s->container, &s->cgroup_host, &s->cgroup);
        if (r < 0 && s->container->record.cgroup_paths.len)
                return mn_fail_errno(err, r, "opening the cgroup of the container");
        mn_status st = enter_for_child(s, err);
        if (st)
                return st;
        runtime_trace(s->rt, "prepared");
        if (!s->options->launch.is_detached)
                launch_block_signals();
        pid_t pid = start_child(s, &child_pidfd);
        runtime_trace(s->rt, "child");
        if (pid < 0)
                return mn_fail_errno(err, (int) pid, "making the process");
        if (s->child_status) {
                waitpid(pid, NULL, 0);
                return mn_fail(err, s->child_status, "%s", mn_err_text(&s->child_err));
        }
        char text[16];
        int len = snprintf(text, sizeof(text), "%d", (int) pid);
        if (s->options->launch.pid_file)
                r = mn_file_replace(AT_FDCWD, s->options->launch.pid_file, text, (size_t) len, 0644);
        if (s->options->launch.pid_file && r < 0) {
                mn_pidfd_kill(child_pidfd, SIGKILL);
                return mn_fail_errno(err, r, "--pid-file: \"%s\"", s->options->launch.pid_file);
        }
        *ret_code = s->options->launch.is_detached ? 0
                    : s->terminal.socket_fd >= 0   ? terminal_wait(&s->terminal, pid)
                                                   : launch_wait(pid);
        return MN_OK;
}

static mn_status check_status(const container *c, const exec_options *o, mn_err *err) {
        container_status status = container_get_status(c);
        if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
                return mn_fail(err, MN_CONFLICT, "cannot exec in a stopped container");
        if (status == CONTAINER_PAUSED && !o->ignores_paused)
                return mn_fail(err, MN_CONFLICT,
                               "cannot exec in a paused container (use --ignore-paused to override)");
        return MN_OK;
}

static mn_status exec_in(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                         mn_err *err) {
        (void) argc;
        cleanup_container container c;
        exec_session s = { .rt = rt,
                           .options = options,
                           .container = &c,
                           .pidfd = -1,
                           .console_fd = -1,
                           .listener_fd = -1,
                           .root_fd = -1,
                           .terminal.socket_fd = -1 };
        *ret_code = EXEC_FAILED;
        mn_status st = container_open(rt, argv[0], &c, err);
        if (st)
                return st;
        st = check_status(&c, options, err);
        if (st == MN_OK) {
                s.pidfd = container_open_pid(&c);
                if (s.pidfd < 0)
                        st = mn_fail(err, MN_CONFLICT, "cannot exec in a stopped container");
        }
        if (st == MN_OK)
                st = prepare(&s, argv + 1, err);
        if (st == MN_OK)
                st = execute(&s, ret_code, err);
        mn_cgroup_release(&s.cgroup);
        mn_cgroup_host_release(&s.cgroup_host);
        mn_close(s.pidfd);
        mn_close(s.console_fd);
        mn_close(s.listener_fd);
        mn_close(s.root_fd);
        terminal_close(&s.terminal);
        mn_err_release(&s.child_err);
        return st;
}

const command command_exec = { "exec",
                               "CONTAINER COMMAND [ARG...]",
                               "run another process in a container",
                               exec_options_table,
                               sizeof(exec_options),
                               1,
                               -1,
                               true,
                               exec_in };
