/* SPDX-License-Identifier: Apache-2.0 */
/* What a process in a container can see and do, one fact per line: "<key><tab><value>". Run in two engines,
   the lines are compared. Nothing here may harm the machine: system calls get arguments that no kernel
   accepts, devices are opened and closed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST_SYSCALL = 470, FIRST_HIGH_SYSCALL = 335, FIRST_COMMON_SYSCALL = 424, SECONDS_PER_CALL = 2 };

static void say(const char *value, const char *key, ...) {
        va_list ap;
        va_start(ap, key);
        vprintf(key, ap);
        va_end(ap);
        printf("\t%s\n", value);
}

static const char *result_of(long r) {
        return r >= 0 ? "ok" : strerrorname_np(errno);
}

/* ---- what the kernel says of this process ---- */

static void say_file(const char *path, const char *key) {
        FILE *f = fopen(path, "re");
        char line[4096];
        if (!f) {
                say(strerrorname_np(errno), "%s", key);
                return;
        }
        for (int n = 0; fgets(line, sizeof(line), f); n++) {
                line[strcspn(line, "\n")] = '\0';
                say(line, "%s %d", key, n);
        }
        fclose(f);
}

static void say_status(void) {
        static const char *const wanted[] = { "Cap",  "NoNewPrivs", "Seccomp:", "Groups", "Uid",
                                              "Gid",  "Umask",      "SigIgn",   "SigBlk", "Speculation_Store",
                                              "NSpid" };
        FILE *f = fopen("/proc/self/status", "re");
        char line[4096];
        while (f && fgets(line, sizeof(line), f))
                for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
                        if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) {
                                char *value = strchr(line, '\t');
                                line[strcspn(line, ":")] = '\0';
                                value[strcspn(value, "\n")] = '\0';
                                say(value + 1, "status %s", line);
                        }
        if (f)
                fclose(f);
}

static void say_namespaces(void) {
        static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
                char path[64], target[64];
                snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
                ssize_t n = readlink(path, target, sizeof(target) - 1);
                target[n < 0 ? 0 : n] = '\0';
                say(target, "namespace %s", kinds[i]);
        }
}

static void say_descriptors(void) {
        DIR *dir = opendir("/proc/self/fd");
        int own = dir ? dirfd(dir) : -1;
        for (struct dirent *e; dir && (e = readdir(dir));)
                if (e->d_name[0] != '.' && atoi(e->d_name) != own)
                        say("open", "descriptor %s", e->d_name);
        if (dir)
                closedir(dir);
}

static void say_limits(void) {
        for (int i = 0; i < RLIMIT_NLIMITS; i++) {
                struct rlimit limit;
                char text[64];
                if (getrlimit(i, &limit) == 0) {
                        snprintf(text, sizeof(text), "%lld %lld", (long long) limit.rlim_cur,
                                 (long long) limit.rlim_max);
                        say(text, "limit %d", i);
                }
        }
        char text[64];
        snprintf(text, sizeof(text), "nice %d scheduler %d session %s", getpriority(PRIO_PROCESS, 0),
                 sched_getscheduler(0), getsid(0) == getpid() ? "own" : "inherited");
        say(text, "scheduling");
}

/* ---- files ---- */

static void say_mounts(void) {
        FILE *f = fopen("/proc/self/mountinfo", "re");
        char line[8192];
        while (f && fgets(line, sizeof(line), f)) {
                char target[PATH_MAX], options[1024], type[128];
                char *separator = strstr(line, " - ");
                if (!separator || sscanf(line, "%*s %*s %*s %*s %4095s %1023s", target, options) != 2 ||
                    sscanf(separator, " - %127s", type) != 1)
                        continue;
                char value[2048];
                snprintf(value, sizeof(value), "%s %s", type, options);
                say(value, "mount %s", target);
        }
        if (f)
                fclose(f);
}

static void say_nodes(const char *folder) {
        DIR *dir = opendir(folder);
        for (struct dirent *e; dir && (e = readdir(dir));) {
                struct stat st;
                if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                char value[PATH_MAX + 128], target[PATH_MAX] = "";
                if (S_ISLNK(st.st_mode)) {
                        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
                        target[n < 0 ? 0 : n] = '\0';
                }
                snprintf(value, sizeof(value), "%o %u:%u %u:%u %s", st.st_mode, st.st_uid, st.st_gid,
                         major(st.st_rdev), minor(st.st_rdev), target);
                say(value, "node %s/%s", folder, e->d_name);
        }
        if (dir)
                closedir(dir);
}

/* How a path can be opened, and whether anything is in it. */
static void say_access(const char *path) {
        struct stat st;
        if (lstat(path, &st) < 0) {
                say(strerrorname_np(errno), "path %s", path);
                return;
        }
        char byte, value[128];
        int in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        const char *reading = result_of(in);
        ssize_t n = in >= 0 && !S_ISDIR(st.st_mode) ? read(in, &byte, 1) : 0;
        int entries = 0;
        DIR *dir = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
        while (dir && readdir(dir))
                entries++;
        if (dir)
                closedir(dir);
        int out = S_ISDIR(st.st_mode) ? -1 : open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        const char *writing = S_ISDIR(st.st_mode) ? (access(path, W_OK) == 0 ? "ok" : strerrorname_np(errno))
                                                  : result_of(out);
        snprintf(value, sizeof(value), "type %o read %s %s write %s", st.st_mode & S_IFMT, reading,
                 n > 0 || entries > 2 ? "full"
                 : n < 0              ? strerrorname_np(errno)
                                      : "empty",
                 writing);
        say(value, "path %s", path);
        if (in >= 0)
                close(in);
        if (out >= 0)
                close(out);
}

static void say_paths(void) {
        static const char *const paths[] = {
                "/",
                "/proc/acpi",
                "/proc/asound",
                "/proc/bus",
                "/proc/fs",
                "/proc/irq",
                "/proc/interrupts",
                "/proc/kcore",
                "/proc/keys",
                "/proc/key-users",
                "/proc/kmsg",
                "/proc/kallsyms",
                "/proc/latency_stats",
                "/proc/sched_debug",
                "/proc/scsi",
                "/proc/self/attr/exec",
                "/proc/self/oom_score_adj",
                "/proc/self/mem",
                "/proc/sys",
                "/proc/sys/fs/binfmt_misc",
                "/proc/sys/kernel/core_pattern",
                "/proc/sys/kernel/hostname",
                "/proc/sys/kernel/modprobe",
                "/proc/sys/kernel/ns_last_pid",
                "/proc/sys/kernel/panic",
                "/proc/sys/kernel/shmmax",
                "/proc/sys/net/ipv4/ip_forward",
                "/proc/sys/vm/overcommit_memory",
                "/proc/sysrq-trigger",
                "/proc/timer_list",
                "/proc/timer_stats",
                "/proc/config.gz",
                "/proc/mtrr",
                "/proc/slabinfo",
                "/proc/vmallocinfo",
                "/proc/swaps",
                "/sys",
                "/sys/firmware",
                "/sys/devices/virtual/powercap",
                "/sys/fs/cgroup",
                "/sys/fs/bpf",
                "/sys/kernel/debug",
                "/sys/kernel/security",
                "/sys/kernel/tracing",
                "/sys/kernel/uevent_helper",
                "/sys/kernel/vmcoreinfo",
                "/sys/power/state",
                "/sys/module",
                "/sys/devices/system/cpu/cpu0/thermal_throttle",
                "/dev/kmsg",
                "/dev/mem",
                "/dev/port",
                "/dev/fuse",
                "/dev/net/tun",
                "/dev/console",
                "/dev/shm",
                "/dev/mqueue",
                "/etc/hosts",
                "/etc/hostname",
                "/etc/resolv.conf",
                "/.dockerenv",
                "/sys/fs/cgroup/memory/release_agent",
                "/sys/fs/cgroup/memory/cgroup.procs",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/pids/cgroup.procs",
                "/sys/fs/cgroup/devices/devices.allow",
                "/sys/fs/cgroup/systemd/release_agent",
        };
        for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
                say_access(paths[i]);
}

/* Whether a device can be made, and opened: each in a process of its own. */
static void say_devices(void) {
        static const struct {
                mode_t type;
                unsigned major, minor;
        } devices[] = {
                { S_IFCHR, 1, 1 },    { S_IFCHR, 1, 2 },    { S_IFCHR, 1, 3 },    { S_IFCHR, 1, 4 },
                { S_IFCHR, 1, 5 },    { S_IFCHR, 1, 7 },    { S_IFCHR, 1, 8 },    { S_IFCHR, 1, 9 },
                { S_IFCHR, 1, 11 },   { S_IFCHR, 4, 0 },    { S_IFCHR, 4, 64 },   { S_IFCHR, 5, 0 },
                { S_IFCHR, 5, 1 },    { S_IFCHR, 5, 2 },    { S_IFCHR, 10, 200 }, { S_IFCHR, 10, 229 },
                { S_IFCHR, 10, 232 }, { S_IFCHR, 10, 237 }, { S_IFCHR, 136, 0 },  { S_IFCHR, 226, 0 },
                { S_IFBLK, 7, 0 },    { S_IFBLK, 8, 0 },    { S_IFBLK, 252, 0 },  { S_IFBLK, 254, 0 },
        };
        for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
                const char *path = "/tmp/node";
                unlink(path);
                int made = mknod(path, devices[i].type | 0600, makedev(devices[i].major, devices[i].minor));
                char value[64];
                int length = snprintf(value, sizeof(value), "mknod %s", result_of(made));
                if (made == 0) {
                        int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
                        /* EPERM is the device controller; anything else came from the driver */
                        snprintf(value + length, sizeof(value) - (size_t) length, " open %s",
                                 fd >= 0 || errno != EPERM ? "passed" : "EPERM");
                        if (fd >= 0)
                                close(fd);
                }
                unlink(path);
                say(value, "device %c %u:%u", devices[i].type == S_IFCHR ? 'c' : 'b', devices[i].major,
                    devices[i].minor);
        }
}

/* ---- system calls ---- */

/* Runs `call` in a process of its own; what it answered, or how the process ended. */
static void say_call(long (*call)(long), long argument, const char *key) {
        int fds[2];
        if (pipe(fds) < 0)
                exit(1);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
                pid_t self = (pid_t) syscall(SYS_getpid);
                signal(SIGALRM, SIG_DFL);
                alarm(SECONDS_PER_CALL);
                int null = open("/dev/null", O_RDWR);
                for (int i = 0; i < 3; i++)
                        dup2(null, i);
                errno = 0;
                long r = call(argument);
                const char *name = r == -1 ? strerrorname_np(errno) : "ok";
                if (syscall(SYS_getpid) == self)
                        (void) !write(fds[1], name ? name : "?", name ? strlen(name) : 1);
                _exit(0);
        }
        close(fds[1]);
        char text[64] = "";
        int status = 0;
        waitpid(child, &status, 0);
        ssize_t n = read(fds[0], text, sizeof(text) - 1);
        close(fds[0]);
        if (n <= 0)
                snprintf(text, sizeof(text), "%s", WIFSIGNALED(status) ? "ended by a signal" : "ended");
        say(text, "%s %ld", key, argument);
}

static long call_number(long number) {
        return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
}

static long call_socket(long family) {
        int fd = socket((int) family, SOCK_DGRAM, 0);
        return fd >= 0 || errno != EPROTONOSUPPORT ? fd : socket((int) family, SOCK_RAW, 0);
}

static long call_raw_socket(long protocol) {
        return socket(AF_INET, SOCK_RAW, (int) protocol);
}

static long call_clone(long flags) {
        return syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static long call_unshare(long flags) {
        return unshare((int) flags);
}

static long call_personality(long value) {
        return personality((unsigned long) value);
}

static void say_calls(void) {
        /* these would stop or end the machine, or this probe, were they let through with any arguments */
        static const int passed_over[] = { SYS_reboot, SYS_kexec_load, SYS_vhangup,
                                           SYS_exit,   SYS_exit_group, SYS_rt_sigreturn,
                                           SYS_pause,  SYS_kill,       SYS_tkill };
        for (long number = 0; number <= LAST_SYSCALL; number++) {
                bool is_passed_over = number >= FIRST_HIGH_SYSCALL && number < FIRST_COMMON_SYSCALL;
                for (size_t i = 0; i < sizeof(passed_over) / sizeof(*passed_over); i++)
                        is_passed_over = is_passed_over || passed_over[i] == number;
                if (!is_passed_over)
                        say_call(call_number, number, "syscall");
        }
        for (long family = 0; family < 46; family++)
                say_call(call_socket, family, "socket");
        say_call(call_raw_socket, 1, "raw socket");
        static const long
                spaces[] = { CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                             CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET, 0x80 /* CLONE_NEWTIME */ };
        for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
                say_call(call_clone, spaces[i], "clone");
                say_call(call_unshare, spaces[i], "unshare");
        }
        static const long personalities[] = { 0, 8, 0x20000, 0x20008, 0xffffffff, 0x0040000, 0x0400000, 4 };
        for (size_t i = 0; i < sizeof(personalities) / sizeof(*personalities); i++)
                say_call(call_personality, personalities[i], "personality");
}

int main(int argc, char **argv) {
        extern char **environ;
        setvbuf(stdout, NULL, _IOLBF, 0);
        say_descriptors();
        say_status();
        say_namespaces();
        say_limits();
        say_file("/proc/self/cgroup", "cgroup");
        say_file("/proc/self/oom_score_adj", "oom_score_adj");
        say_file("/proc/sys/net/ipv4/ping_group_range", "ping_group_range");
        say_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "ip_unprivileged_port_start");
        say_file("/proc/self/timens_offsets", "timens_offsets");
        for (char **e = environ; *e; e++)
                say("set", "environment %s", *e);
        char where[PATH_MAX];
        say(getcwd(where, sizeof(where)) ? where : strerrorname_np(errno), "directory");
        say_mounts();
        say_nodes("/dev");
        say_nodes("/");
        say_paths();
        say_devices();
        if (argc > 1 && strcmp(argv[1], "calls") == 0)
                say_calls();
        return 0;
}
