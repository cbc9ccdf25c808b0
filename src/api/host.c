/* SPDX-License-Identifier: Apache-2.0 */
#include "api/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/file.h"

/* The value of KEY=... in /etc/os-release, without quotes. */
static char *os_release(mn_arena *arena, const char *text, const char *key) {
        size_t key_len = strlen(key);
        for (const char *line = text; line && *line;) {
                size_t len = strcspn(line, "\n");
                if (len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == '=') {
                        const char *value = line + key_len + 1;
                        size_t value_len = len - key_len - 1;
                        if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
                                value++;
                                value_len -= 2;
                        }
                        return mn_arena_strndup(arena, value, value_len);
                }
                line += len + (line[len] == '\n');
        }
        return mn_arena_strdup(arena, "");
}

static void read_os(mn_arena *arena, host_facts *f) {
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(AT_FDCWD, "/etc/os-release", 65536, &text, &len) < 0)
                return;
        f->operating_system = os_release(arena, text, "PRETTY_NAME");
        f->os_version = os_release(arena, text, "VERSION_ID");
}

static bool is_dir(const char *path) {
        return access(path, F_OK) == 0;
}

static void read_controllers_v2(host_facts *f) {
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", 4096, &text, &len) < 0)
                return;
        f->has_memory = strstr(text, "memory") != NULL;
        f->has_swap = f->has_memory && is_dir("/proc/swaps");
        f->has_cpu = strstr(text, "cpu ") != NULL || mn_str_has_suffix(text, "cpu\n");
        f->has_cpuset = strstr(text, "cpuset") != NULL;
        f->has_pids = strstr(text, "pids") != NULL;
}

static void read_controllers_v1(host_facts *f) {
        f->has_memory = is_dir("/sys/fs/cgroup/memory/memory.limit_in_bytes");
        f->has_swap = is_dir("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes");
        f->has_cpu = is_dir("/sys/fs/cgroup/cpu") || is_dir("/sys/fs/cgroup/cpu,cpuacct");
        f->has_cpuset = is_dir("/sys/fs/cgroup/cpuset");
        f->has_pids = is_dir("/sys/fs/cgroup/pids");
}

static bool file_says(const char *path, char wanted) {
        cleanup_free char *text = NULL;
        size_t len;
        return mn_file_read(AT_FDCWD, path, 64, &text, &len) == 0 && text[0] == wanted;
}

void host_facts_read(mn_arena *arena, host_facts *ret) {
        struct utsname uts;
        struct sysinfo memory;
        struct statfs fs;
        host_facts f = { 0 };
        if (uname(&uts) == 0) {
                f.kernel_version = mn_arena_strdup(arena, uts.release);
                f.architecture = mn_arena_strdup(arena, uts.machine);
                f.name = mn_arena_strdup(arena, uts.nodename);
        }
        read_os(arena, &f);
        f.ncpu = sysconf(_SC_NPROCESSORS_ONLN);
        if (sysinfo(&memory) == 0)
                f.mem_total = (int64_t) memory.totalram * memory.mem_unit;
        f.is_cgroup_v2 = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
        if (f.is_cgroup_v2)
                read_controllers_v2(&f);
        else
                read_controllers_v1(&f);
        f.forwards_ipv4 = file_says("/proc/sys/net/ipv4/ip_forward", '1');
        *ret = f;
}

static int64_t count_entries(const char *path) {
        DIR *dir = opendir(path);
        int64_t n = 0;
        if (!dir)
                return 0;
        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 2;
}

int64_t host_count_fds(void) {
        return count_entries("/proc/self/fd") - 1;
}

int64_t host_count_threads(void) {
        return count_entries("/proc/self/task");
}

const char *host_go_arch(void) {
#if defined(__x86_64__)
        return "amd64";
#elif defined(__aarch64__)
        return "arm64";
#elif defined(__riscv)
        return "riscv64";
#elif defined(__powerpc64__)
        return "ppc64le";
#elif defined(__s390x__)
        return "s390x";
#else
        return "unknown";
#endif
}
