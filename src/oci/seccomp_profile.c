/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/seccomp_profile.h"

#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"

/* ---- the default profile ---- */

/* Allowed whatever the container may do; with names of every architecture, of which a compiler knows its own.
 */
static const char always_allowed[] =
        "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 "
        "clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
        "clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 "
        "dup3 "
        "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
        "epoll_wait_old "
        "eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 "
        "fallocate "
        "fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync "
        "fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 "
        "fsync "
        "ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat "
        "get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid "
        "geteuid32 "
        "getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid "
        "getpriority "
        "getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname "
        "getsockopt "
        "gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init "
        "inotify_init1 "
        "inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup "
        "io_submit "
        "ioctl ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset "
        "landlock_restrict_self "
        "lchown lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr _llseek "
        "lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create "
        "memfd_secret "
        "mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr "
        "mq_notify "
        "mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap "
        "mseal "
        "msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat "
        "_newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free "
        "pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease "
        "pselect6 "
        "pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom "
        "recvmmsg "
        "recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 "
        "restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
        "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
        "sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
        "sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
        "sched_setattr "
        "sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
        "semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area "
        "set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
        "setitimer "
        "setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid "
        "setreuid32 "
        "setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown "
        "sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 "
        "statfs "
        "statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time "
        "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
        "timer_settime64 "
        "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill "
        "truncate "
        "truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes "
        "vfork "
        "vmsplice wait4 waitid waitpid write writev";

/* One comparison of an argument. A rule with several comparisons of one argument means any of them. */
struct comparison {
        uint32_t index;
        const char *op;
        uint64_t value, value_two;
};

struct default_rule {
        const char *names;
        const char *capability; /* only with this one ("!": only without) */
        const char *arches;     /* only on these */
        unsigned errno_ret;     /* not 0: refuse with it, else allow */
        const struct comparison *args;
        size_t args_len;
};

/* AF_ALG (38) and AF_VSOCK (40) stay closed. */
static const struct comparison socket_domains[] = { { 0, "SCMP_CMP_LT", 38, 0 },
                                                    { 0, "SCMP_CMP_EQ", 39, 0 },
                                                    { 0, "SCMP_CMP_GT", 40, 0 } };
static const struct comparison personalities[] = { { 0, "SCMP_CMP_EQ", 0x0, 0 },
                                                   { 0, "SCMP_CMP_EQ", 0x8, 0 },
                                                   { 0, "SCMP_CMP_EQ", 0x20000, 0 },
                                                   { 0, "SCMP_CMP_EQ", 0x20008, 0 },
                                                   { 0, "SCMP_CMP_EQ", 0xffffffff, 0 } };
/* None of the CLONE_NEW... flags; s390 has them in the second argument. */
static const struct comparison clone_flags[] = { { 0, "SCMP_CMP_MASKED_EQ", 0x7e020000, 0 } };
static const struct comparison clone_flags_s390[] = { { 1, "SCMP_CMP_MASKED_EQ", 0x7e020000, 0 } };

#define ARGS(a) .args = (a), .args_len = MN_ARRAY_LEN(a)

static const struct default_rule default_rules[] = {
        { always_allowed },
        { "process_vm_readv process_vm_writev ptrace" }, /* safe since 4.8, which is older than anything we
                                                            run on */
        { "socket", ARGS(socket_domains) },
        { "personality", ARGS(personalities) },
        { "sync_file_range2 swapcontext", .arches = "ppc64le" },
        { "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
          .arches = "arm arm64" },
        { "arch_prctl", .arches = "amd64 x32" },
        { "modify_ldt", .arches = "amd64 x32 x86" },
        { "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr", .arches = "s390 s390x" },
        { "riscv_flush_icache", .arches = "riscv64" },
        { "open_by_handle_at", "CAP_DAC_READ_SEARCH" },
        { "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
          "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open "
          "quotactl "
          "quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
          "CAP_SYS_ADMIN" },
        { "clone", "!CAP_SYS_ADMIN",
          "amd64 x32 x86 arm arm64 mips mipsle mips64 mips64le mips64n32 mips64len32 "
          "ppc64le riscv64 loong64",
          ARGS(clone_flags) },
        { "clone", "!CAP_SYS_ADMIN", "s390 s390x", ARGS(clone_flags_s390) },
        { "clone3", "!CAP_SYS_ADMIN", .errno_ret = ENOSYS },
        { "reboot", "CAP_SYS_BOOT" },
        { "chroot", "CAP_SYS_CHROOT" },
        { "delete_module init_module finit_module", "CAP_SYS_MODULE" },
        { "acct", "CAP_SYS_PACCT" },
        { "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace", "CAP_SYS_PTRACE" },
        { "iopl ioperm", "CAP_SYS_RAWIO" },
        { "settimeofday stime clock_settime clock_settime64", "CAP_SYS_TIME" },
        { "vhangup", "CAP_SYS_TTY_CONFIG" },
        { "get_mempolicy mbind set_mempolicy set_mempolicy_home_node", "CAP_SYS_NICE" },
        { "syslog", "CAP_SYSLOG" },
        { "bpf", "CAP_BPF" },
        { "perf_event_open", "CAP_PERFMON" },
};

/* ---- conditions ---- */

static const struct {
        const char *go, *architectures;
} architectures[] = {
        { "amd64", "SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32" },
        { "arm64", "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM" },
        { "mips64", "SCMP_ARCH_MIPS64 SCMP_ARCH_MIPS SCMP_ARCH_MIPS64N32" },
        { "mips64n32", "SCMP_ARCH_MIPS64N32 SCMP_ARCH_MIPS SCMP_ARCH_MIPS64" },
        { "mips64le", "SCMP_ARCH_MIPSEL64 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64N32" },
        { "mips64len32", "SCMP_ARCH_MIPSEL64N32 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64" },
        { "s390x", "SCMP_ARCH_S390X SCMP_ARCH_S390" },
        { "ppc64le", "SCMP_ARCH_PPC64LE" },
        { "riscv64", "SCMP_ARCH_RISCV64" },
        { "loong64", "SCMP_ARCH_LOONGARCH64" },
        { "arm", "SCMP_ARCH_ARM" },
        { "x86", "SCMP_ARCH_X86" },
};

static const char *own_arch(void) {
#if defined(__x86_64__)
        return "amd64";
#elif defined(__aarch64__)
        return "arm64";
#elif defined(__s390x__)
        return "s390x";
#elif defined(__powerpc64__)
        return "ppc64le";
#elif defined(__riscv)
        return "riscv64";
#elif defined(__loongarch64)
        return "loong64";
#else
        return "arm";
#endif
}

static oci_seccomp_context complete(const oci_seccomp_context *given) {
        oci_seccomp_context c = *given;
        if (!c.arch)
                c.arch = own_arch();
        struct utsname name;
        if (!c.kernel_major && uname(&name) == 0) {
                char *rest;
                c.kernel_major = (unsigned) strtoul(name.release, &rest, 10);
                c.kernel_minor = *rest == '.' ? (unsigned) strtoul(rest + 1, NULL, 10) : 0;
        }
        return c;
}

static bool has_capability(const oci_seccomp_context *c, const char *name) {
        int number = oci_capability_number(name);
        return number >= 0 && (c->capabilities >> number & 1);
}

static bool has_word(const char *words, const char *word) {
        cleanup_strv char **v = mn_strv_split(words, ' ');
        return mn_strv_has(v, word);
}

static char **words_to_strv(mn_arena *arena, const char *words) {
        cleanup_strv char **v = mn_strv_split(words, ' ');
        size_t len = mn_strv_len(v);
        char **copy = mn_arena_array(arena, len + 1, sizeof(char *));
        for (size_t i = 0; i < len; i++)
                copy[i] = mn_arena_strdup(arena, v[i]);
        return copy;
}

static char **default_architectures(const char *arch, mn_arena *arena) {
        for (size_t i = 0; i < MN_ARRAY_LEN(architectures); i++)
                if (strcmp(architectures[i].go, arch) == 0)
                        return words_to_strv(arena, architectures[i].architectures);
        return mn_arena_array(arena, 1, sizeof(char *));
}

static bool applies(const struct default_rule *rule, const oci_seccomp_context *c) {
        if (rule->arches && !has_word(rule->arches, c->arch))
                return false;
        if (!rule->capability)
                return true;
        bool wants_it = rule->capability[0] != '!';
        return has_capability(c, rule->capability + !wants_it) == wants_it;
}

/* Comparisons of one argument in one rule would all have to hold: each becomes a rule of its own. */
static void add_rule(oci_seccomp *ret, const struct default_rule *rule, const struct comparison *arg,
                     mn_arena *arena) {
        oci_seccomp_rule *r = &ret->syscalls.items[ret->syscalls.len++];
        r->names = words_to_strv(arena, rule->names);
        r->action = mn_arena_strdup(arena, rule->errno_ret ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW");
        if (rule->errno_ret) {
                r->errno_ret = mn_arena_alloc(arena, sizeof(*r->errno_ret));
                *r->errno_ret = rule->errno_ret;
        }
        if (arg) {
                r->args.items = mn_arena_alloc(arena, sizeof(*r->args.items));
                r->args.len = 1;
                r->args.items[0] = (oci_seccomp_arg){ arg->index, arg->value, arg->value_two,
                                                      mn_arena_strdup(arena, arg->op) };
        }
}

void oci_seccomp_default(const oci_seccomp_context *context, mn_arena *arena, oci_seccomp *ret) {
        oci_seccomp_context c = complete(context);
        size_t most = 0;
        for (size_t i = 0; i < MN_ARRAY_LEN(default_rules); i++)
                most += default_rules[i].args_len ? default_rules[i].args_len : 1;
        *ret = (oci_seccomp){ .default_action = mn_arena_strdup(arena, "SCMP_ACT_ERRNO") };
        ret->default_errno_ret = mn_arena_alloc(arena, sizeof(*ret->default_errno_ret));
        *ret->default_errno_ret = EPERM;
        ret->architectures = default_architectures(c.arch, arena);
        ret->syscalls.items = mn_arena_array(arena, most, sizeof(*ret->syscalls.items));
        for (size_t i = 0; i < MN_ARRAY_LEN(default_rules); i++) {
                const struct default_rule *rule = &default_rules[i];
                if (!applies(rule, &c))
                        continue;
                for (size_t a = 0; a < rule->args_len; a++)
                        add_rule(ret, rule, &rule->args[a], arena);
                if (!rule->args_len)
                        add_rule(ret, rule, NULL, arena);
        }
}

/* ---- profiles in Docker's format ---- */

struct profile_filter {
        char **caps;
        char **arches;
        char *min_kernel;
};

struct profile_rule {
        char *name;
        oci_seccomp_rule rule;
        struct profile_filter includes, excludes;
};

struct profile_arch {
        char *architecture;
        char **sub_architectures;
};

struct profile {
        char *default_action;
        uint32_t *default_errno_ret;
        char **architectures;
        MN_LIST(struct profile_arch) arch_map;
        char **flags;
        char *listener_path;
        char *listener_metadata;
        MN_LIST(struct profile_rule) syscalls;
};

static const mn_field filter_fields[] = {
        { "caps", &mn_type_strv, offsetof(struct profile_filter, caps) },
        { "arches", &mn_type_strv, offsetof(struct profile_filter, arches) },
        { "minKernel", &mn_type_str, offsetof(struct profile_filter, min_kernel) },
        { 0 },
};
static const mn_type filter_type = MN_STRUCT(struct profile_filter, filter_fields);

static const mn_field arg_fields[] = {
        { "index", &mn_type_u32, offsetof(oci_seccomp_arg, index) },
        { "value", &mn_type_u64, offsetof(oci_seccomp_arg, value) },
        { "valueTwo", &mn_type_u64, offsetof(oci_seccomp_arg, value_two) },
        { "op", &mn_type_str, offsetof(oci_seccomp_arg, op), MN_REQUIRED },
        { 0 },
};
static const mn_type arg_type = MN_STRUCT(oci_seccomp_arg, arg_fields);
static const mn_type arg_list = MN_LIST_OF(&arg_type);

static const mn_field rule_fields[] = {
        { "name", &mn_type_str, offsetof(struct profile_rule, name) },
        { "names", &mn_type_strv, offsetof(struct profile_rule, rule.names) },
        { "action", &mn_type_str, offsetof(struct profile_rule, rule.action), MN_REQUIRED },
        { "errnoRet", &mn_type_u32_ptr, offsetof(struct profile_rule, rule.errno_ret) },
        { "args", &arg_list, offsetof(struct profile_rule, rule.args) },
        { "includes", &filter_type, offsetof(struct profile_rule, includes) },
        { "excludes", &filter_type, offsetof(struct profile_rule, excludes) },
        { 0 },
};
static const mn_type rule_type = MN_STRUCT(struct profile_rule, rule_fields);
static const mn_type rule_list = MN_LIST_OF(&rule_type);

static const mn_field arch_fields[] = {
        { "architecture", &mn_type_str, offsetof(struct profile_arch, architecture) },
        { "subArchitectures", &mn_type_strv, offsetof(struct profile_arch, sub_architectures) },
        { 0 },
};
static const mn_type arch_type = MN_STRUCT(struct profile_arch, arch_fields);
static const mn_type arch_list = MN_LIST_OF(&arch_type);

static const mn_field profile_fields[] = {
        { "defaultAction", &mn_type_str, offsetof(struct profile, default_action), MN_REQUIRED },
        { "defaultErrnoRet", &mn_type_u32_ptr, offsetof(struct profile, default_errno_ret) },
        { "architectures", &mn_type_strv, offsetof(struct profile, architectures) },
        { "archMap", &arch_list, offsetof(struct profile, arch_map) },
        { "flags", &mn_type_strv, offsetof(struct profile, flags) },
        { "listenerPath", &mn_type_str, offsetof(struct profile, listener_path) },
        { "listenerMetadata", &mn_type_str, offsetof(struct profile, listener_metadata) },
        { "syscalls", &rule_list, offsetof(struct profile, syscalls) },
        { 0 },
};
static const mn_type profile_type = MN_STRUCT(struct profile, profile_fields);

/* "4.8" is at most the kernel that runs? -EINVAL for anything else than two numbers. */
static int kernel_is_at_least(const oci_seccomp_context *c, const char *wanted) {
        cleanup_strv char **v = mn_strv_split(wanted, '.');
        uint64_t major, minor;
        if (mn_strv_len(v) != 2 || mn_parse_u64(v[0], 10000, &major) < 0 ||
            mn_parse_u64(v[1], 10000, &minor) < 0 || !major)
                return -EINVAL;
        return c->kernel_major > major || (c->kernel_major == major && c->kernel_minor >= minor);
}

static bool has_all_capabilities(const oci_seccomp_context *c, char *const *caps) {
        for (; caps && *caps; caps++)
                if (!has_capability(c, *caps))
                        return false;
        return true;
}

static bool has_any_capability(const oci_seccomp_context *c, char *const *caps) {
        for (; caps && *caps; caps++)
                if (has_capability(c, *caps))
                        return true;
        return false;
}

/* 1: the rule is in; 0: it is not; -EINVAL: a kernel version that is none. */
static int rule_applies(const struct profile_rule *rule, const oci_seccomp_context *c) {
        const struct profile_filter *in = &rule->includes, *out = &rule->excludes;
        int included = mn_str_is_empty(in->min_kernel) ? 1 : kernel_is_at_least(c, in->min_kernel);
        int excluded = mn_str_is_empty(out->min_kernel) ? 0 : kernel_is_at_least(c, out->min_kernel);
        if (included < 0 || excluded < 0)
                return -EINVAL;
        if (mn_strv_len(in->arches) && !mn_strv_has(in->arches, c->arch))
                included = 0;
        return included && !excluded && has_all_capabilities(c, in->caps) &&
               !mn_strv_has(out->arches, c->arch) && !has_any_capability(c, out->caps);
}

static mn_status add_profile_rule(oci_seccomp *ret, const struct profile_rule *rule,
                                  const oci_seccomp_context *c, mn_arena *arena, mn_err *err) {
        bool has_name = !mn_str_is_empty(rule->name);
        if (has_name && mn_strv_len(rule->rule.names))
                return mn_fail(err, MN_INVALID,
                               "'name' and 'names' were specified in the seccomp profile, use either 'name' "
                               "or 'names'");
        int in = rule_applies(rule, c);
        if (in < 0)
                return mn_fail(err, MN_INVALID, "decoding seccomp profile failed: invalid kernel version");
        if (!in)
                return MN_OK;
        oci_seccomp_rule *r = &ret->syscalls.items[ret->syscalls.len++];
        *r = rule->rule;
        if (has_name) {
                r->names = mn_arena_array(arena, 2, sizeof(char *));
                r->names[0] = rule->name;
        }
        return MN_OK;
}

/* The profile's map names the host's architecture first, then the ones that run on it too. */
static char **mapped_architectures(const struct profile *p, const char *arch, mn_arena *arena) {
        char **own = default_architectures(arch, arena);
        for (size_t i = 0; own[0] && i < p->arch_map.len; i++) {
                const struct profile_arch *a = &p->arch_map.items[i];
                if (!mn_str_equal(a->architecture, own[0]))
                        continue;
                size_t len = mn_strv_len(a->sub_architectures);
                char **list = mn_arena_array(arena, len + 2, sizeof(char *));
                list[0] = a->architecture;
                for (size_t k = 0; k < len; k++)
                        list[k + 1] = a->sub_architectures[k];
                return list;
        }
        return own;
}

mn_status oci_seccomp_from_profile(const char *text, size_t len, const oci_seccomp_context *context,
                                   mn_arena *arena, oci_seccomp *ret, mn_err *err) {
        oci_seccomp_context c = complete(context);
        const mn_json_limits limits = { .allows_duplicate_keys = true };
        struct profile p;
        mn_status st = mn_json_decode_text(&profile_type, text, len, &limits, arena, MN_UNKNOWN_IGNORE, &p,
                                           err);
        if (st)
                return mn_err_prefix(err, st, "decoding seccomp profile failed");
        if (mn_strv_len(p.architectures) && p.arch_map.len)
                return mn_fail(
                        err, MN_INVALID,
                        "'architectures' and 'archMap' were specified in the seccomp profile, use either "
                        "'architectures' or 'archMap'");
        oci_seccomp result = {
                .default_action = p.default_action,
                .default_errno_ret = p.default_errno_ret,
                .architectures = p.arch_map.len ? mapped_architectures(&p, c.arch, arena) : p.architectures,
                .flags = p.flags,
                .listener_path = p.listener_path,
                .listener_metadata = p.listener_metadata,
        };
        result.syscalls.items = mn_arena_array(arena, p.syscalls.len + 1, sizeof(oci_seccomp_rule));
        for (size_t i = 0; i < p.syscalls.len; i++) {
                st = add_profile_rule(&result, &p.syscalls.items[i], &c, arena, err);
                if (st)
                        return st;
        }
        *ret = result;
        return MN_OK;
}
