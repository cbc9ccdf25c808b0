/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Starting programs. The only way a threaded process of ours makes another one: vfork semantics, no code of
   ours runs between but async-signal-safe calls. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One descriptor the child gets: `from` in this process becomes `to` in the child. */
typedef struct mn_spawn_fd {
        int from;
        int to;
} mn_spawn_fd;

typedef struct mn_spawn_spec {
        const char *path;       /* program; no PATH search */
        char *const *argv;      /* argv[0] included, NULL-terminated */
        char *const *env;       /* NULL-terminated; NULL means an empty environment */
        const mn_spawn_fd *fds; /* everything else is closed; 0, 1 and 2 not named here become /dev/null */
        size_t nfds;            /* at most 64 */
        int cwd_fd;             /* directory to start in; 0 or negative: inherit */
        bool has_new_session;   /* setsid() */
} mn_spawn_spec;

/* Starts the program with all signals unblocked and default. `*ret_pidfd` is set when not NULL. pid or -errno
   (also when the program could not be executed). The caller reaps it (mn_wait_pidfd or waitpid). */
pid_t mn_spawn(const mn_spawn_spec *spec, int *ret_pidfd);

/* Waits for the child behind a pidfd and reaps it: wait status as waitpid() gives, or -errno. */
int mn_wait_pidfd(int pidfd);

int mn_pidfd_open(pid_t pid);
int mn_pidfd_kill(int pidfd, int signal);

/* A number of /proc/PID/stat, by its place as proc(5) counts (from 3 on): 0 or -errno. */
int mn_process_stat(pid_t pid, int number, uint64_t *ret);

/* The parent of a process, also of one that is dead and not reaped: its number, or -errno. */
pid_t mn_parent_of(pid_t pid);

/* Exit code as a shell shows it: the code, or 128 + signal. */
int mn_exit_code(int wait_status);
