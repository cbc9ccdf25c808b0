/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minato-init: the first process of a container that was started with --init. It runs the program as a child,
 * forwards every signal it can to it, reaps whatever is orphaned, and ends as the program ended.
 *
 *     minato-init [-g] -- PROGRAM [ARGUMENT ...]
 *
 * -g forwards signals to the program's whole process group. Exit status: the program's, 128 + signal when it
 * was killed, 126 or 127 when it could not be executed (as a shell has it).
 *
 * It uses nothing but system calls and the few C functions below, so that it costs next to no memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, const char *name, int error) {
        const char *parts[] = { "minato-init: ", what, name, ": ", strerror(error), "\n" };
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                ssize_t ignored = write(STDERR_FILENO, parts[i], strlen(parts[i]));
                (void) ignored;
        }
}

/* In the child: its own process group, in the foreground of the terminal if there is one, signals as they
 * were. */
static void run_program(char **argv, const sigset_t *old_mask) {
        setpgid(0, 0);
        /* SIGTTOU would stop us: the group is not in the foreground yet. */
        signal(SIGTTOU, SIG_IGN);
        pid_t group = getpgrp();
        ioctl(STDIN_FILENO, TIOCSPGRP, &group);
        signal(SIGTTOU, SIG_DFL);
        sigprocmask(SIG_SETMASK, old_mask, NULL);
        execvp(argv[0], argv);
        int error = errno;
        say("cannot execute ", argv[0], error);
        _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

/* Reaps all that have ended. True when the program is among them; then `*status` is its wait status. */
static bool reap(pid_t program, int *status) {
        bool has_ended = false;
        for (;;) {
                int one;
                pid_t pid = waitpid(-1, &one, WNOHANG);
                if (pid <= 0)
                        return has_ended;
                if (pid == program) {
                        *status = one;
                        has_ended = true;
                }
        }
}

/* Waits for signals until the program has ended; its wait status. */
static int serve(pid_t program, bool is_group_wide, const sigset_t *signals) {
        int status = 0;
        for (;;) {
                siginfo_t info;
                int sig = sigwaitinfo(signals, &info);
                if (sig < 0)
                        continue; /* interrupted by being stopped and continued */
                if (sig == SIGCHLD) {
                        if (reap(program, &status))
                                return status;
                        continue;
                }
                kill(is_group_wide ? -program : program, sig);
        }
}

int main(int argc, char **argv) {
        bool is_group_wide = argc > 1 && strcmp(argv[1], "-g") == 0;
        char **program = argv + 1 + is_group_wide;
        if (*program && strcmp(*program, "--") == 0)
                program++;
        if (!*program) {
                static const char usage[] = "usage: minato-init [-g] -- PROGRAM [ARGUMENT ...]\n";
                ssize_t ignored = write(STDERR_FILENO, usage, sizeof(usage) - 1);
                (void) ignored;
                return 2;
        }
        if (getpid() != 1)
                prctl(PR_SET_CHILD_SUBREAPER, 1); /* with the host's or another container's pid namespace */

        /* Faults of our own are not the program's business, and terminal stops concern the one in front. */
        sigset_t signals, old_mask;
        static const int own[] = {
                SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU
        };
        sigfillset(&signals);
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
                sigdelset(&signals, own[i]);
        sigprocmask(SIG_SETMASK, &signals, &old_mask);

        pid_t child = fork();
        if (child == 0)
                run_program(program, &old_mask);
        if (child < 0) {
                say("cannot fork for ", program[0], errno);
                return 126;
        }
        int status = serve(child, is_group_wide, &signals);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
