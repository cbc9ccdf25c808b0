/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "sys/fd.h"
#include "sys/file.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { MAX_SPAWN_FDS = 64, CHILD_STACK_SIZE = 64 * 1024 };

/* Shared with the child, which runs in our memory until it executes. */
struct child_args {
        const mn_spawn_spec *spec;
        sigset_t old_mask;
        int error; /* errno of what failed in the child */
};

/* Puts every descriptor at its number. First all are moved above the highest target, so that none is
   overwritten before it was copied; then each is duplicated down, which also clears close-on-exec. */
static int place_fds(const mn_spawn_spec *spec) {
        int from[MAX_SPAWN_FDS], highest = STDERR_FILENO;
        bool has_std[3] = { false, false, false };
        for (size_t i = 0; i < spec->nfds; i++)
                if (spec->fds[i].to > highest)
                        highest = spec->fds[i].to;
        for (size_t i = 0; i < spec->nfds; i++) {
                from[i] = fcntl(spec->fds[i].from, F_DUPFD_CLOEXEC, highest + 1);
                if (from[i] < 0)
                        return -1;
                if (spec->fds[i].to <= STDERR_FILENO)
                        has_std[spec->fds[i].to] = true;
        }
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0 && null <= highest)
                null = fcntl(null, F_DUPFD_CLOEXEC, highest + 1);
        if (null < 0)
                return -1;
        if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return -1;
        for (int i = 0; i < 3; i++)
                if (!has_std[i] && dup2(null, i) < 0)
                        return -1;
        for (size_t i = 0; i < spec->nfds; i++)
                if (dup2(from[i], spec->fds[i].to) < 0)
                        return -1;
        return 0;
}

static int child_main(void *arg) {
        struct child_args *args = arg;
        const mn_spawn_spec *spec = args->spec;
        static char *const no_env[] = { NULL };
        struct sigaction default_action = { .sa_handler = SIG_DFL };
        /* Handlers are reset by exec; ignored signals are not. */
        for (int sig = 1; sig < NSIG; sig++) {
                struct sigaction current;
                if (sigaction(sig, NULL, &current) == 0 && current.sa_handler == SIG_IGN)
                        sigaction(sig, &default_action, NULL);
        }
        sigset_t none;
        sigemptyset(&none);
        if (place_fds(spec) == 0 && (!spec->has_new_session || setsid() >= 0) &&
            (spec->cwd_fd <= 0 || fchdir(spec->cwd_fd) == 0)) {
                sigprocmask(SIG_SETMASK, &none, NULL);
                execve(spec->path, spec->argv, spec->env ? spec->env : no_env);
        }
        args->error = errno;
        _exit(127);
}

pid_t mn_spawn(const mn_spawn_spec *spec, int *ret_pidfd) {
        if (spec->nfds > MAX_SPAWN_FDS)
                return -EINVAL;
        struct child_args args = { .spec = spec };
        char *stack = mmap(NULL, CHILD_STACK_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (stack == MAP_FAILED)
                return -errno;
        /* No signal may run a handler of ours in the child while it shares our memory. */
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &args.old_mask);
        int pidfd = -1;
        pid_t pid = clone(child_main, stack + CHILD_STACK_SIZE,
                          CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &args, &pidfd);
        int error = pid < 0 ? errno : args.error;
        pthread_sigmask(SIG_SETMASK, &args.old_mask, NULL);
        munmap(stack, CHILD_STACK_SIZE);
        if (pid > 0 && error)
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        if (error) {
                mn_close(pidfd);
                return -error;
        }
        if (ret_pidfd)
                *ret_pidfd = pidfd;
        else
                mn_close(pidfd);
        return pid;
}

int mn_wait_pidfd(int pidfd) {
        siginfo_t info = { 0 };
        int r;
        do
                r = waitid((idtype_t) P_PIDFD, (id_t) pidfd, &info, WEXITED);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        /* As wait(2) encodes it: the code in the second byte, or the signal with 0x80 for a core dump. */
        if (info.si_code == CLD_EXITED)
                return info.si_status << 8;
        return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

int mn_pidfd_open(pid_t pid) {
        long fd = syscall(SYS_pidfd_open, pid, 0);
        return fd < 0 ? -errno : (int) fd;
}

int mn_pidfd_kill(int pidfd, int signal) {
        return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int mn_exit_code(int wait_status) {
        return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

int mn_process_stat(pid_t pid, int number, uint64_t *ret) {
        char path[40];
        snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        cleanup_free char *text = NULL;
        int r = mn_file_read(AT_FDCWD, path, 4096, &text, NULL);
        if (r < 0)
                return r;
        char *at = strrchr(text, ')'); /* the name in field 2 may hold anything, also parentheses */
        for (int field = 2; at && field < number; field++)
                at = strchr(at + 1, ' ');
        if (!at)
                return -EINVAL;
        at[1 + strspn(at + 1, "0123456789")] = '\0';
        return mn_parse_u64(at + 1, UINT64_MAX >> 1, ret);
}

pid_t mn_parent_of(pid_t pid) {
        enum { PARENT = 4 };
        uint64_t parent;
        int r = mn_process_stat(pid, PARENT, &parent);
        return r < 0 ? r : parent > INT32_MAX ? -EINVAL : (pid_t) parent;
}
