/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/loop_private.h"
#include "sys/fd.h"

enum { BATCH = 32 };

/* ---- descriptors ---- */

loop_io *loop_io_add(loop *l, int fd, uint32_t events, loop_io_fn fn, void *arg) {
        struct loop_io *io = mn_alloc(sizeof(*io));
        *io = (struct loop_io){ .loop = l, .fd = fd, .events = events, .fn = fn, .arg = arg };
        struct epoll_event event = { .events = events, .data.ptr = io };
        if (events && epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
                mn_freep(&io); /* keeps errno */
                return NULL;
        }
        io->next = l->ios;
        if (l->ios)
                l->ios->prev = io;
        l->ios = io;
        return io;
}

void loop_io_set(loop_io *io, uint32_t events) {
        if (io->is_removed || events == io->events)
                return;
        struct epoll_event event = { .events = events, .data.ptr = io };
        int op = !events ? EPOLL_CTL_DEL : !io->events ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        epoll_ctl(io->loop->epoll_fd, op, io->fd, &event);
        io->events = events;
}

void loop_io_remove(loop_io *io) {
        if (!io || io->is_removed)
                return;
        loop *l = io->loop;
        loop_io_set(io, 0);
        if (io->owns_fd)
                io->fd = mn_close(io->fd);
        if (io->prev)
                io->prev->next = io->next;
        else
                l->ios = io->next;
        if (io->next)
                io->next->prev = io->prev;
        io->is_removed = true;
        io->next = l->removed;
        l->removed = io;
}

static void free_removed(loop *l) {
        for (loop_io *io = l->removed, *next; io; io = next) {
                next = io->next;
                free(io);
        }
        l->removed = NULL;
}

/* ---- posting from other threads ---- */

static void run_posted(void *arg, uint32_t events) {
        (void) events;
        loop *l = arg;
        eventfd_t count;
        eventfd_read(l->post_fd, &count);
        pthread_mutex_lock(&l->post_lock);
        __typeof__(l->posted) jobs = l->posted;
        l->posted = (__typeof__(l->posted)){ 0 };
        pthread_mutex_unlock(&l->post_lock);
        for (size_t i = 0; i < jobs.len; i++)
                jobs.items[i].fn(jobs.items[i].arg);
        mn_vec_release(&jobs);
}

void loop_post(loop *l, void (*fn)(void *arg), void *arg) {
        pthread_mutex_lock(&l->post_lock);
        mn_vec_push(&l->posted, ((struct loop_job){ fn, arg }));
        pthread_mutex_unlock(&l->post_lock);
        eventfd_write(l->post_fd, 1);
}

/* ---- loop ---- */

loop *loop_new(void) {
        int fd = epoll_create1(EPOLL_CLOEXEC);
        if (fd < 0)
                return NULL;
        loop *l = mn_alloc(sizeof(*l));
        l->epoll_fd = fd;
        pthread_mutex_init(&l->post_lock, NULL);
        l->post_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (l->post_fd >= 0) {
                loop_io *io = loop_io_add(l, l->post_fd, EPOLLIN, run_posted, l);
                if (io) {
                        io->owns_fd = true;
                        return l;
                }
                mn_close(l->post_fd);
        }
        loop_free(l);
        return NULL;
}

void loop_free(loop *l) {
        if (!l)
                return;
        while (l->ios)
                loop_io_remove(l->ios);
        free_removed(l);
        loop_timers_release(l);
        mn_vec_release(&l->posted);
        pthread_mutex_destroy(&l->post_lock);
        mn_close(l->epoll_fd);
        free(l);
}

void loop_freep(loop **l) {
        loop_free(*l);
        *l = NULL;
}

int loop_run_once(loop *l, int timeout_ms) {
        struct epoll_event events[BATCH];
        int n = epoll_wait(l->epoll_fd, events, BATCH, loop_timers_wait_ms(l, timeout_ms));
        if (n < 0 && errno != EINTR)
                return -errno;
        for (int i = 0; i < n; i++) {
                loop_io *io = events[i].data.ptr;
                /* An earlier callback of this batch may have removed it or lost interest. */
                uint32_t wanted = events[i].events & (io->events | EPOLLHUP | EPOLLERR);
                if (!io->is_removed && io->events && wanted)
                        io->fn(io->arg, wanted);
        }
        loop_timers_fire(l);
        free_removed(l);
        return 0;
}

int loop_run(loop *l) {
        l->is_quitting = false;
        while (!l->is_quitting) {
                int r = loop_run_once(l, -1);
                if (r < 0)
                        return r;
        }
        return 0;
}

void loop_quit(loop *l) {
        l->is_quitting = true;
}
