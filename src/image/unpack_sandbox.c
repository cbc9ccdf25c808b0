/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

/* A sanitizer's run-time library needs calls of its own; programs built with one are for tests. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = true };
#else
enum { IS_SANITIZED = false };
#endif

/* ---- root ---- */

/* The layer's directory as root: nothing else of the host has a name any more. */
static int change_root(int dir_fd) {
        cleanup_close int layer = mn_mount_clone(dir_fd, "", false);
        if (layer < 0)
                return layer;
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
                return -errno;
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        const mn_mount_change change = { .set = MN_MOUNT_NODEV | MN_MOUNT_NOSUID | MN_MOUNT_NOEXEC };
        int r = mn_mount_setattr(layer, "", &change);
        if (r == 0)
                r = mn_mount_attach_at(layer, AT_FDCWD, "/");
        return r < 0 ? r : mn_pivot_root(layer);
}

/* ---- limits ---- */

static int limit(void) {
        const rlim_t memory = (rlim_t) 3 << 30; /* the tree alone may take 1 GiB (image/tree.h) */
        const struct {
                int what;
                rlim_t most;
        } limits[] = {
                { RLIMIT_CORE, 0 },    { RLIMIT_NOFILE, 64 }, { RLIMIT_NPROC, 0 },
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

/* ---- capabilities ---- */

/* Devices cannot be opened: the root is mounted without them. */
static const int kept_capabilities[] = { CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,
                                         CAP_FSETID, CAP_MKNOD,        CAP_SETFCAP };

static int drop_capabilities(void) {
        uint64_t kept = 0;
        for (size_t i = 0; i < MN_ARRAY_LEN(kept_capabilities); i++)
                kept |= UINT64_C(1) << kept_capabilities[i];
        for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
                if (prctl(PR_CAPBSET_DROP, cap) < 0)
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

/* Execution is handled and granted nowhere. Links and renames between directories are refused by every
   ruleset that does not grant them, so the root gets them; the first version of Landlock knew no such grant,
   and is left out. */
static int restrict_access(void) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (abi < ABI_REFER)
                return 0;
        const struct ruleset attr = {
                .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REFER,
                .handled_access_net = abi >= ABI_NET ? HANDLED_NET : 0,
        };
        size_t size = abi >= ABI_NET ? sizeof(attr) : sizeof(attr.handled_access_fs);
        cleanup_close int ruleset = (int) syscall(SYS_landlock_create_ruleset, &attr, size, 0);
        cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (ruleset < 0 || root < 0)
                return -errno;
        const struct landlock_path_beneath_attr below = { .allowed_access = LANDLOCK_ACCESS_FS_REFER,
                                                          .parent_fd = root };
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
                return -errno;
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

static const int allowed_calls[] = {
        SYS_read,      SYS_write,     SYS_pwrite64, SYS_close,    SYS_openat2,    SYS_mkdirat,
        SYS_symlinkat, SYS_mknodat,   SYS_linkat,   SYS_unlinkat, SYS_fchdir,     SYS_chdir,
        SYS_fchmod,    SYS_fchmodat,  SYS_fchown,   SYS_fchownat, SYS_fsetxattr,  SYS_lsetxattr,
        SYS_utimensat, SYS_ftruncate, SYS_brk,      SYS_mmap,     SYS_munmap,     SYS_mremap,
        SYS_madvise,   SYS_recvfrom,  SYS_sendto,   SYS_exit,     SYS_exit_group, SYS_rt_sigreturn,
        SYS_renameat2, SYS_fcntl,
#ifdef SYS_renameat
        SYS_renameat,
#endif
};

static int filter_calls(void) {
        enum { HEAD = 4, MAX = HEAD + MN_ARRAY_LEN(allowed_calls) + 2 };
        const uint8_t n = MN_ARRAY_LEN(allowed_calls);
        struct sock_filter code[MAX] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) OUR_ARCH, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        };
        for (uint8_t i = 0; i < n; i++) /* the jump leads over the rest of the list and the refusal */
                code[HEAD + i] = (struct sock_filter) BPF_JUMP(
                        BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) allowed_calls[i], (uint8_t) (n - i), 0);
        code[HEAD + n] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
        code[HEAD + n + 1] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        const struct sock_fprog program = { .len = HEAD + n + 2, .filter = code };
        if (OUR_ARCH == 0 || IS_SANITIZED)
                return 0;
        int r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
        return r < 0 && errno != EINVAL ? -errno : 0; /* EINVAL: a kernel without filters */
}

int unpack_sandbox_enter(int dir_fd) {
        umask(0);
        int r = change_root(dir_fd);
        if (r == 0)
                r = limit();
        if (r == 0)
                r = drop_capabilities();
        if (r == 0)
                r = restrict_access();
        return r < 0 ? r : filter_calls();
}
