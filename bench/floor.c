/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The raw floor below an engine: the kernel work that one container needs, done by hand in one process with
 * nothing around it. No image lookup, no API, no log, no state, no seccomp table to speak of. Prints
 * microseconds per round as a JSON array: from the first mkdir until the container's exit is known.
 *
 *     floor LOWER_DIR WORK_DIR ROUNDS [net]
 *
 * LOWER_DIR holds /bin/true (static). What it does: upper and work directories, cgroup (v2 with
 * CLONE_INTO_CGROUP, or one directory per v1 controller joined through `tasks`), clone with pid, mount, uts,
 * ipc and net namespaces, overlay, proc, dev, sys, masks, pivot_root, exec, wait. With "net" a veth pair to a
 * bridge, addresses and a published port are part of it, all in a network namespace of the bench's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/floor_net.h"

static const char *const controllers[] = { "memory", "cpu",     "cpuacct", "cpuset",
                                           "pids",   "devices", "freezer", "blkio" };
enum { CONTROLLERS = sizeof(controllers) / sizeof(controllers[0]), STACK = 256 * 1024 };

struct plan {
        const char *lower;
        char upper[256], work[256], merged[256];
        int tasks[CONTROLLERS];
};

static long now_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void must(int ok, const char *what) {
        if (ok)
                return;
        fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
        _exit(3);
}

static void make_devices(void) {
        static const struct {
                const char *name;
                unsigned major, minor;
        } nodes[] = { { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
                      { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
        for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
                char path[64];
                snprintf(path, sizeof(path), "dev/%s", nodes[i].name);
                must(mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) == 0, path);
        }
        must(symlink("pts/ptmx", "dev/ptmx") == 0 && symlink("/proc/self/fd", "dev/fd") == 0 &&
                     symlink("/proc/self/fd/0", "dev/stdin") == 0 &&
                     symlink("/proc/self/fd/1", "dev/stdout") == 0 &&
                     symlink("/proc/self/fd/2", "dev/stderr") == 0,
             "links");
}

static int container(void *arg) {
        struct plan *p = arg;
        char options[1024];
        for (int i = 0; i < CONTROLLERS; i++)
                if (p->tasks[i] >= 0)
                        must(write(p->tasks[i], "0", 1) == 1, "tasks");
        must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
        snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", p->lower, p->upper, p->work);
        must(mount("overlay", p->merged, "overlay", 0, options) == 0, "overlay");
        must(chdir(p->merged) == 0, "chdir");
        unsigned long strict = MS_NOSUID | MS_NODEV | MS_NOEXEC;
        must(mount("proc", "proc", "proc", strict, NULL) == 0, "proc");
        must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k") == 0, "dev");
        must(mkdir("dev/pts", 0755) == 0 && mkdir("dev/shm", 01777) == 0 && mkdir("dev/mqueue", 0755) == 0,
             "dev dirs");
        make_devices();
        must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                   "newinstance,ptmxmode=0666,mode=0620") == 0,
             "devpts");
        must(mount("shm", "dev/shm", "tmpfs", strict, "mode=1777,size=65536k") == 0, "shm");
        must(mount("mqueue", "dev/mqueue", "mqueue", strict, NULL) == 0, "mqueue");
        must(mount("sysfs", "sys", "sysfs", strict | MS_RDONLY, NULL) == 0, "sysfs");
        static const char *const readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                                "proc/sysrq-trigger" };
        for (size_t i = 0; i < 5; i++) {
                if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0)
                        mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | strict, NULL);
        }
        mount("/dev/null", "proc/kcore", NULL, MS_BIND, NULL);
        mount("/dev/null", "proc/keys", NULL, MS_BIND, NULL);
        must(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0, "pivot_root");
        must(sethostname("floor", 5) == 0, "hostname");
        char *argv[] = { (char *) "/bin/true", NULL }, *env[] = { NULL };
        execve(argv[0], argv, env);
        _exit(127);
}

static void cgroup_path(char *path, size_t size, const char *controller, const char *file) {
        snprintf(path, size, "/sys/fs/cgroup/%s/minato-floor-%d%s", controller, (int) getpid(), file);
}

static long one_round(const char *lower, const char *top, int round, int flags, char *stack) {
        struct plan p = { .lower = lower };
        char path[512];
        long start = now_us();
        snprintf(p.upper, sizeof(p.upper), "%s/u%d", top, round);
        snprintf(p.work, sizeof(p.work), "%s/w%d", top, round);
        snprintf(p.merged, sizeof(p.merged), "%s/m", top);
        must(mkdir(p.upper, 0755) == 0 && mkdir(p.work, 0755) == 0, "upper");
        for (int i = 0; i < CONTROLLERS; i++) {
                cgroup_path(path, sizeof(path), controllers[i], "");
                p.tasks[i] = -1;
                if (mkdir(path, 0755) < 0)
                        continue;
                cgroup_path(path, sizeof(path), controllers[i], "/tasks");
                if (strcmp(controllers[i], "cpuset") != 0) /* an empty cpuset takes nobody in */
                        p.tasks[i] = open(path, O_WRONLY | O_CLOEXEC);
        }
        bool has_net = !(flags & CLONE_NEWNET);
        int netns = has_net ? floor_net_make(round) : -1;
        must(!has_net || (netns >= 0 && floor_net_move(netns) == 0), "net");
        pid_t pid = clone(container, stack + STACK, flags | CLONE_VM | CLONE_VFORK | SIGCHLD, &p);
        must(pid > 0, "clone");
        must(!has_net || floor_net_move(-1) == 0, "net");
        int status;
        must(waitpid(pid, &status, 0) == pid, "wait");
        long us = now_us() - start;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fprintf(stderr, "floor: the container ended with status %d\n", status);
                exit(3);
        }
        if (has_net) {
                close(netns);
                floor_net_drop(round);
        }
        for (int i = 0; i < CONTROLLERS; i++) {
                if (p.tasks[i] >= 0)
                        close(p.tasks[i]);
                cgroup_path(path, sizeof(path), controllers[i], "");
                rmdir(path);
        }
        return us;
}

int main(int argc, char **argv) {
        bool has_net = argc == 5 && strcmp(argv[4], "net") == 0;
        if (argc != 4 && !has_net) {
                fprintf(stderr, "usage: floor LOWER_DIR WORK_DIR ROUNDS [net]\n");
                return 2;
        }
        int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | (has_net ? 0 : CLONE_NEWNET);
        must(!has_net || floor_net_open() >= 0, "net");
        char *stack = malloc(STACK), path[512];
        snprintf(path, sizeof(path), "%s/m", argv[2]);
        mkdir(path, 0755);
        int rounds = atoi(argv[3]);
        putchar('[');
        for (int i = 0; i < rounds; i++)
                printf("%s%ld", i ? "," : "", one_round(argv[1], argv[2], i, flags, stack));
        puts("]");
        free(stack);
        return 0;
}
