/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends the daemon by SIGKILL just before its k-th effect on the world: a file made, written, synced, renamed
 * or removed, a mount, a namespace, a message sent. Loaded with LD_PRELOAD; the test counts and chooses
 * through the file MINATO_CRASH_AT, which is mapped here. What lies between two effects is memory, so
 * stopping before each one in turn stops at every point that a crash can tell from another.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_OFF, MODE_CRASH, MODE_FAIL };

struct control {
        atomic_uint mode;
        atomic_uint count; /* effects since it was armed */
        atomic_uint at;    /* the one it ends before, or that fails */
        atomic_uint error; /* MODE_FAIL: the errno it gets ... */
        atomic_uint is_on; /* ... and all that follow, too */
        char name[44];     /* of the last effect counted */
};

static struct control *control;

__attribute__((constructor)) static void map_control(void) {
        const char *path = getenv("MINATO_CRASH_AT");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        if (fd < 0)
                return;
        void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (at != MAP_FAILED)
                control = at;
}

/* True when the call must fail, with errno set. */
static int effect(const char *name, int can_fail) {
        if (!control || control->mode == MODE_OFF)
                return 0;
        if (control->mode == MODE_FAIL && !can_fail)
                return 0;
        unsigned n = ++control->count;
        if (n > control->at && !control->is_on)
                return 0;
        if (n <= control->at)
                strncpy(control->name, name, sizeof control->name - 1);
        if (n < control->at)
                return 0;
        if (control->mode == MODE_CRASH) {
                kill(getpid(), SIGKILL);
                for (;;)
                        pause();
        }
        errno = (int) control->error;
        return 1;
}

static int is_file(int fd) {
        struct stat st;
        int saved = errno, r = fstat(fd, &st);
        errno = saved;
        return r == 0 && S_ISREG(st.st_mode) && fd > STDERR_FILENO;
}

#define NEXT(name)                                                                                           \
        static __typeof__(name) *next;                                                                       \
        if (!next)                                                                                           \
        *(void **) &next = dlsym(RTLD_NEXT, #name)

/* `space`: it can run out of disk. */
#define WRAP(type, name, params, args, space)                                                                \
        type name params {                                                                                   \
                NEXT(name);                                                                                  \
                if (effect(#name, space))                                                                    \
                        return (type) -1;                                                                    \
                return next args;                                                                            \
        }
#define WRAP_FILE(type, name, params, args)                                                                  \
        type name params {                                                                                   \
                NEXT(name);                                                                                  \
                if (is_file(fd) && effect(#name, 1))                                                         \
                        return (type) -1;                                                                    \
                return next args;                                                                            \
        }

WRAP_FILE(int, fsync, (int fd), (fd))
WRAP_FILE(int, fdatasync, (int fd), (fd))
WRAP_FILE(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
WRAP_FILE(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
WRAP_FILE(ssize_t, pwrite64, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
WRAP_FILE(int, ftruncate, (int fd, off_t n), (fd, n))
WRAP_FILE(int, ftruncate64, (int fd, off_t n), (fd, n))
WRAP_FILE(int, fallocate, (int fd, int m, off_t o, off_t n), (fd, m, o, n))
WRAP(int, syncfs, (int fd), (fd), 1)
WRAP(int, rename, (const char *a, const char *b), (a, b), 1)
WRAP(int, renameat, (int x, const char *a, int y, const char *b), (x, a, y, b), 1)
WRAP(int, renameat2, (int x, const char *a, int y, const char *b, unsigned f), (x, a, y, b, f), 1)
WRAP(int, unlink, (const char *a), (a), 0)
WRAP(int, unlinkat, (int x, const char *a, int f), (x, a, f), 0)
WRAP(int, rmdir, (const char *a), (a), 0)
WRAP(int, mkdir, (const char *a, mode_t m), (a, m), 1)
WRAP(int, mkdirat, (int x, const char *a, mode_t m), (x, a, m), 1)
WRAP(int, linkat, (int x, const char *a, int y, const char *b, int f), (x, a, y, b, f), 1)
WRAP(int, symlinkat, (const char *a, int x, const char *b), (a, x, b), 1)
WRAP(int, mount, (const char *s, const char *t, const char *k, unsigned long f, const void *d),
     (s, t, k, f, d), 0)
WRAP(int, umount2, (const char *t, int f), (t, f), 0)
WRAP(int, unshare, (int f), (f), 0)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), 0)
WRAP(ssize_t, send, (int fd, const void *b, size_t n, int f), (fd, b, n, f), 0)

#define WRAP_OPEN(name, head, pass)                                                                          \
        int name(head, int flags, ...) {                                                                     \
                NEXT(name);                                                                                  \
                mode_t mode = 0;                                                                             \
                if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {                                        \
                        va_list ap;                                                                          \
                        va_start(ap, flags);                                                                 \
                        mode = va_arg(ap, mode_t);                                                           \
                        va_end(ap);                                                                          \
                        if (effect(#name, 1))                                                                \
                                return -1;                                                                   \
                }                                                                                            \
                return next(pass, flags, mode);                                                              \
        }
#define TWO(a, b) a, b
WRAP_OPEN(open, const char *path, path)
WRAP_OPEN(open64, const char *path, path)
WRAP_OPEN(openat, TWO(int fd, const char *path), TWO(fd, path))
WRAP_OPEN(openat64, TWO(int fd, const char *path), TWO(fd, path))
