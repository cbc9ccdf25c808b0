/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decompress_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/spawn.h"
#include "worker/decompress_protocol.h"

struct decompress_pool {
        char *program;
        pthread_mutex_t lock;
        unsigned nusers;                 /* operations under way */
        struct decompress_process *idle; /* of theirs */
};

/* ---- a process ---- */

static void end(struct decompress_process *p) {
        if (p->pidfd >= 0) {
                mn_pidfd_kill(p->pidfd, SIGKILL);
                mn_wait_pidfd(p->pidfd);
        }
        mn_close(p->pidfd);
        mn_close(p->in);
        mn_close(p->out);
        if (p->memory)
                munmap(p->memory, DECOMPRESS_MEMORY_SIZE);
        free(p);
}

/* Its size is fixed: a worker that could make it smaller would let us read past its end. */
static int make_memory(char **ret) {
        cleanup_close int fd = memfd_create("minato-decompress", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0 || ftruncate(fd, DECOMPRESS_MEMORY_SIZE) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return -errno;
        *ret = mmap(NULL, DECOMPRESS_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        return *ret == MAP_FAILED ? -errno : MN_TAKE_FD(fd);
}

static int start(struct decompress_process *p, const char *program) {
        int in[2], out[2];
        cleanup_close int memory = make_memory(&p->memory);
        if (memory < 0) {
                p->memory = NULL;
                return memory;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0)
                return -errno;
        p->in = in[0];
        cleanup_close int their_in = in[1];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) < 0)
                return -errno;
        p->out = out[0];
        cleanup_close int their_out = out[1];
        char *argv[] = { (char *) "minato-decompress", NULL };
        const mn_spawn_fd fds[] = { { their_in, DECOMPRESS_IN_FD },
                                    { their_out, DECOMPRESS_OUT_FD },
                                    { memory, DECOMPRESS_MEMORY_FD } };
        const mn_spawn_spec spec = { .path = program, .argv = argv, .fds = fds, .nfds = MN_ARRAY_LEN(fds) };
        pid_t pid = mn_spawn(&spec, &p->pidfd);
        return pid < 0 ? (int) pid : 0;
}

static int start_new(const char *program, struct decompress_process **ret) {
        struct decompress_process *p = mn_alloc(sizeof(*p));
        p->in = p->out = p->pidfd = -1;
        p->nfree = DECOMPRESS_SLOTS;
        int r = start(p, program);
        if (r < 0)
                end(p);
        else
                *ret = p;
        return r;
}

/* ---- the pool ---- */

decompress_pool *decompress_pool_new(const char *program) {
        decompress_pool *pool = mn_alloc(sizeof(*pool));
        pool->program = program ? mn_strdup(program) : NULL;
        pthread_mutex_init(&pool->lock, NULL);
        return pool;
}

void decompress_pool_free(decompress_pool *pool) {
        if (!pool)
                return;
        free(pool->program);
        pthread_mutex_destroy(&pool->lock);
        free(pool);
}

void decompress_pool_enter(decompress_pool *pool) {
        pthread_mutex_lock(&pool->lock);
        pool->nusers++;
        pthread_mutex_unlock(&pool->lock);
}

void decompress_pool_leave(decompress_pool *pool) {
        pthread_mutex_lock(&pool->lock);
        struct decompress_process *idle = --pool->nusers ? NULL : MN_TAKE(pool->idle);
        pthread_mutex_unlock(&pool->lock);
        while (idle) {
                struct decompress_process *next = idle->next;
                end(idle);
                idle = next;
        }
}

int decompress_pool_take(decompress_pool *pool, struct decompress_process **ret) {
        if (!pool->program)
                return 0;
        pthread_mutex_lock(&pool->lock);
        struct decompress_process *p = pool->idle;
        if (p)
                pool->idle = p->next;
        pthread_mutex_unlock(&pool->lock);
        *ret = p;
        return p ? 0 : start_new(pool->program, ret);
}

void decompress_pool_give(decompress_pool *pool, struct decompress_process *process, bool is_clean) {
        pthread_mutex_lock(&pool->lock);
        bool is_kept = is_clean && pool->nusers;
        if (is_kept) {
                process->next = pool->idle;
                pool->idle = process;
        }
        pthread_mutex_unlock(&pool->lock);
        if (!is_kept)
                end(process);
}
