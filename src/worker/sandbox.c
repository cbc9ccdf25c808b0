/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"
#include "sys/fd.h"

/* A sanitizer's run-time library needs memory and calls of its own; programs built with one are for tests. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = true };
#else
enum { IS_SANITIZED = false };
#endif

int sandbox_limit(uint64_t memory, unsigned descriptors) {
        const struct {
                int what;
                rlim_t most;
        } limits[] = {
                { RLIMIT_CORE, 0 },    { RLIMIT_NOFILE, descriptors }, { RLIMIT_NPROC, 0 },
                { RLIMIT_MEMLOCK, 0 }, { RLIMIT_AS, memory },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(limits); i++) {
                const struct rlimit value = { limits[i].most, limits[i].most };
                if (limits[i].what == RLIMIT_AS && IS_SANITIZED)
                        continue;
                if (setrlimit((__typeof__(RLIMIT_AS)) limits[i].what, &value) < 0)
                        return -errno;
        }
        return 0;
}

int sandbox_keep_capabilities(uint64_t kept) {
        int is_there;
        for (int cap = 0; (is_there = prctl(PR_CAPBSET_READ, cap)) >= 0; cap++)
                if (is_there && prctl(PR_CAPBSET_DROP, cap) < 0)
                        return -errno;
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[2] = {
                { .effective = (uint32_t) kept, .permitted = (uint32_t) kept },
                { .effective = (uint32_t) (kept >> 32), .permitted = (uint32_t) (kept >> 32) },
        };
        if (syscall(SYS_capset, &header, sets) < 0)
                return -errno;
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* ---- Landlock ---- */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

/* The newest attribute we know; older kernels are told a shorter one. */
struct ruleset {
        uint64_t handled_access_fs;
        uint64_t handled_access_net;
};
enum { HANDLED_NET = 3 /* bind and connect of TCP */, ABI_REFER = 2, ABI_NET = 4 };

/* Every access the first version of Landlock can refuse: bits 0 (execution) to 12. */
#define ALL_ACCESS_FS ((1ULL << 13) - 1)

/* Links and renames between directories are refused by every ruleset that does not grant them, so the root
   gets them; the first version of Landlock knew no such grant, and is left out. */
int sandbox_restrict_access(bool has_files) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (abi < (has_files ? ABI_REFER : 1))
                return 0;
        const struct ruleset attr = {
                .handled_access_fs = has_files ? LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REFER
                                               : ALL_ACCESS_FS,
                .handled_access_net = abi >= ABI_NET ? HANDLED_NET : 0,
        };
        size_t size = abi >= ABI_NET ? sizeof(attr) : sizeof(attr.handled_access_fs);
        cleanup_close int ruleset = (int) syscall(SYS_landlock_create_ruleset, &attr, size, 0);
        if (ruleset < 0)
                return -errno;
        if (has_files) {
                cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                const struct landlock_path_beneath_attr below = { .allowed_access = LANDLOCK_ACCESS_FS_REFER,
                                                                  .parent_fd = root };
                if (root < 0 ||
                    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
                        return -errno;
        }
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

/* ---- seccomp ---- */

#if defined(__x86_64__)
enum { OUR_ARCH = AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { OUR_ARCH = AUDIT_ARCH_AARCH64 };
#else
enum { OUR_ARCH = 0 }; /* no filter */
#endif

int sandbox_filter_calls(const int *allowed, size_t n) {
        enum { HEAD = 4, MAX = HEAD + SANDBOX_CALLS_MAX + 2 };
        if (n > SANDBOX_CALLS_MAX)
                return -E2BIG;
        struct sock_filter code[MAX] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) OUR_ARCH, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        };
        for (size_t i = 0; i < n; i++) /* the jump leads over the rest of the list and the refusal */
                code[HEAD + i] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                               (uint32_t) allowed[i], (uint8_t) (n - i), 0);
        code[HEAD + n] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
        code[HEAD + n + 1] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        const struct sock_fprog program = { .len = (unsigned short) (HEAD + n + 2), .filter = code };
        if (OUR_ARCH == 0 || IS_SANITIZED)
                return 0;
        int r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
        return r < 0 && errno != EINVAL ? -errno : 0; /* EINVAL: a kernel without filters */
}
