/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/clone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Flags by number: older headers lack the newest. */
#define FLAG_VM UINT64_C(0x100)
#define FLAG_PIDFD UINT64_C(0x1000)
#define FLAG_VFORK UINT64_C(0x4000)
#define FLAG_PARENT_SETTID UINT64_C(0x100000)
#define FLAG_INTO_CGROUP UINT64_C(0x200000000)

enum { CHILD_STACK_SIZE = 256 * 1024 };

/* struct clone_args of the kernel, with the cgroup field. */
struct args {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
                set_tid_size, cgroup;
};

/* The child starts on its own stack in `child_main` and never comes back here. */
static long clone3_on_stack(const struct args *args, int (*child_main)(void *), void *arg) {
        long r;
#if defined(__x86_64__)
        register int (*fn)(void *) __asm__("r12") = child_main;
        register void *fn_arg __asm__("r13") = arg;
        __asm__ volatile("syscall\n\t"
                         "test %%rax, %%rax\n\t"
                         "jnz 1f\n\t"
                         "xor %%ebp, %%ebp\n\t"
                         "mov %%r13, %%rdi\n\t"
                         "call *%%r12\n\t"
                         "mov %%eax, %%edi\n\t"
                         "mov %[exit], %%eax\n\t"
                         "syscall\n\t"
                         "hlt\n"
                         "1:"
                         : "=a"(r)
                         : "0"((long) SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(fn),
                           "r"(fn_arg), [exit] "i"(SYS_exit)
                         : "rcx", "r11", "memory", "cc");
#elif defined(__aarch64__)
        register long nr __asm__("x8") = SYS_clone3;
        register long x0 __asm__("x0") = (long) args;
        register long x1 __asm__("x1") = sizeof(*args);
        register int (*fn)(void *) __asm__("x20") = child_main;
        register void *fn_arg __asm__("x21") = arg;
        __asm__ volatile("svc #0\n\t"
                         "cbnz x0, 1f\n\t"
                         "mov x29, xzr\n\t"
                         "mov x0, x21\n\t"
                         "blr x20\n\t"
                         "mov x8, %[exit]\n\t"
                         "svc #0\n"
                         "1:"
                         : "+r"(x0)
                         : "r"(nr), "r"(x1), "r"(fn), "r"(fn_arg), [exit] "i"(SYS_exit)
                         : "memory", "cc");
        r = x0;
#else
#error "clone3 with a stack is written for x86_64 and aarch64"
#endif
        return r;
}

pid_t mn_clone(const mn_clone_spec *spec) {
        int pidfd = -1;
        struct args args = {
                .flags = spec->flags | FLAG_PIDFD | FLAG_PARENT_SETTID,
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .parent_tid = (uint64_t) (uintptr_t) spec->ret_pid,
                .exit_signal = spec->flags & CLONE_PARENT ? 0 : SIGCHLD, /* a sibling has the caller's */
        };
        if (spec->cgroup_fd > 0) {
                args.flags |= FLAG_INTO_CGROUP;
                args.cgroup = (uint64_t) spec->cgroup_fd;
        }
        long pid;
        if (spec->shares_memory) {
                _Alignas(16) char stack[CHILD_STACK_SIZE];
                args.flags |= FLAG_VM | FLAG_VFORK;
                args.stack = (uint64_t) (uintptr_t) stack;
                args.stack_size = sizeof(stack);
                pid = clone3_on_stack(&args, spec->main, spec->arg);
        } else {
                pid = syscall(SYS_clone3, &args, sizeof(args));
                if (pid == 0)
                        _exit(spec->main(spec->arg));
                if (pid < 0)
                        pid = -errno;
        }
        if (pid < 0)
                return (pid_t) pid;
        if (spec->ret_pidfd)
                *spec->ret_pidfd = pidfd;
        else
                close(pidfd);
        return (pid_t) pid;
}
