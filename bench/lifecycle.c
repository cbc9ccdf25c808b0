/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times the life of an OCI bundle (create, start, wait for its end, delete) under several runtimes, in turn.
 *
 *     lifecycle ROUNDS BUNDLE SCRATCH_DIR RUNTIME [RUNTIME ...]
 *
 * The bundle's program must end by itself. Each runtime is a program path; it gets `--root
 * SCRATCH_DIR/state-N`. Prints one JSON array per runtime, each a list of [microseconds, peak KiB of any of
 * its programs]. The first round is a warm-up. What is not the runtime's work (waiting for the container's
 * end) is the same for all.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNTIMES = 8 };

struct sample {
        long us, peak_kib;
};

static posix_spawn_file_actions_t quiet;

static long now_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* Runs a runtime command to its end; the peak goes to `*peak_kib` when larger. */
static void run(char *const argv[], long *peak_kib) {
        extern char **environ;
        struct rusage usage;
        pid_t pid;
        int status;
        if (posix_spawn(&pid, argv[0], &quiet, NULL, argv, environ) != 0 ||
            wait4(pid, &status, 0, &usage) != pid) {
                fprintf(stderr, "lifecycle: cannot run %s\n", argv[0]);
                exit(2);
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fprintf(stderr, "lifecycle: %s %s: wait status %#x\n", argv[0], argv[3], status);
                exit(3);
        }
        if (usage.ru_maxrss > *peak_kib)
                *peak_kib = usage.ru_maxrss;
}

static pid_t read_pid(const char *path) {
        char text[32] = { 0 };
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
                fprintf(stderr, "lifecycle: no pid in %s\n", path);
                exit(3);
        }
        close(fd);
        return (pid_t) strtol(text, NULL, 10);
}

static struct sample one_life(char *runtime, char *state, char *bundle, char *pid_file) {
        struct sample s = { 0 };
        char *create[] = { runtime, "--root",     state,    "create", "--bundle",
                           bundle,  "--pid-file", pid_file, "life",   NULL };
        char *start[] = { runtime, "--root", state, "start", "life", NULL };
        char *delete[] = { runtime, "--root", state, "delete", "life", NULL };
        long began = now_us();
        run(create, &s.peak_kib);
        pid_t pid = read_pid(pid_file);
        run(start, &s.peak_kib);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        run(delete, &s.peak_kib);
        s.us = now_us() - began;
        unlink(pid_file);
        return s;
}

int main(int argc, char **argv) {
        int rounds = argc > 4 ? (int) strtol(argv[1], NULL, 10) : 0, n = argc - 4;
        if (rounds <= 0 || n > MAX_RUNTIMES) {
                fprintf(stderr, "usage: lifecycle ROUNDS BUNDLE SCRATCH_DIR RUNTIME [RUNTIME ...]\n");
                return 2;
        }
        prctl(PR_SET_CHILD_SUBREAPER, 1); /* the container's process becomes ours when the runtime has gone */
        posix_spawn_file_actions_init(&quiet);
        posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
        struct sample *samples = calloc((size_t) n * (size_t) rounds, sizeof(*samples));
        char state[4096], pid_file[4096];
        for (int round = -1; round < rounds; round++)
                for (int i = 0; i < n; i++) {
                        snprintf(state, sizeof(state), "%s/state-%d", argv[3], i);
                        snprintf(pid_file, sizeof(pid_file), "%s/pid-%d", argv[3], i);
                        struct sample s = one_life(argv[4 + i], state, argv[2], pid_file);
                        if (round >= 0)
                                samples[i * rounds + round] = s;
                }
        for (int i = 0; i < n; i++) {
                putchar('[');
                for (int r = 0; r < rounds; r++)
                        printf("%s[%ld,%ld]", r ? "," : "", samples[i * rounds + r].us,
                               samples[i * rounds + r].peak_kib);
                puts("]");
        }
        free(samples);
        return 0;
}
