/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times whole programs against each other: every round starts each command once, in turn, so that a machine
 * whose speed drifts slows all of them alike.
 *
 *     pair ROUNDS COMMAND ARG ... :: COMMAND ARG ... [:: ...]
 *
 * Prints one JSON array per command, each a list of [microseconds, exit status, peak KiB of the process].
 * The first round is a warm-up and is not printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 16 };

struct sample {
        long us;
        int status;
        long peak_kib;
};

static long now_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static struct sample run(char **argv, posix_spawn_file_actions_t *quiet) {
        extern char **environ;
        pid_t pid;
        int status = -1;
        struct rusage usage = { 0 };
        long start = now_us();
        int error = posix_spawnp(&pid, argv[0], quiet, NULL, argv, environ);
        if (error) {
                fprintf(stderr, "pair: %s: %s\n", argv[0], strerror(error));
                exit(2);
        }
        while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
                ;
        long us = now_us() - start;
        return (struct sample){ us, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                                usage.ru_maxrss };
}

static int split_commands(char **argv, char **commands[MAX_COMMANDS]) {
        int n = 0;
        for (char **start = argv; *start && n < MAX_COMMANDS;) {
                char **end = start;
                while (*end && strcmp(*end, "::") != 0)
                        end++;
                char **next = *end ? end + 1 : end;
                *end = NULL;
                commands[n++] = start;
                start = next;
        }
        return n;
}

int main(int argc, char **argv) {
        char **commands[MAX_COMMANDS];
        int rounds = argc > 2 ? atoi(argv[1]) : 0;
        int n = rounds > 0 ? split_commands(argv + 2, commands) : 0;
        if (n == 0) {
                fprintf(stderr, "usage: pair ROUNDS COMMAND ARG ... :: COMMAND ARG ...\n");
                return 2;
        }
        posix_spawn_file_actions_t quiet;
        posix_spawn_file_actions_init(&quiet);
        posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
        if (!getenv("PAIR_STDERR"))
                posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
        struct sample *samples = calloc((size_t) n * (size_t) rounds, sizeof(*samples));
        for (int round = -1; round < rounds; round++)
                for (int c = 0; c < n; c++) {
                        struct sample s = run(commands[c], &quiet);
                        if (round >= 0)
                                samples[c * rounds + round] = s;
                }
        for (int c = 0; c < n; c++) {
                putchar('[');
                for (int r = 0; r < rounds; r++) {
                        struct sample *s = &samples[c * rounds + r];
                        printf("%s[%ld,%d,%ld]", r ? "," : "", s->us, s->status, s->peak_kib);
                }
                puts("]");
        }
        free(samples);
        return 0;
}
