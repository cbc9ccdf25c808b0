/* SPDX-License-Identifier: Apache-2.0 */
#include "store/syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/time.h"
#include "sys/fd.h"

enum { DELAY_MS = 500, STACK_SIZE = 64 * 1024 };

struct store_syncer {
        char *path;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t thread;
        bool has_thread;
        bool is_dirty;
        bool is_closing;
};

static void sync_file(const char *path) {
        cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fdatasync(fd) < 0)
                mn_log(MN_LOG_ERROR, "cannot sync the state database", " file=\"%s\" error=\"%s\"", path,
                       mn_strerror(-errno));
}

/* Lock held. Waits out the delay, in which more changes may gather. */
static void wait_a_little(store_syncer *s) {
        int64_t deadline = mn_monotonic_ns() + DELAY_MS * MN_NS_PER_MS;
        struct timespec until = { deadline / MN_NS_PER_SEC, deadline % MN_NS_PER_SEC };
        while (!s->is_closing && pthread_cond_timedwait(&s->changed, &s->lock, &until) != ETIMEDOUT)
                ;
}

static void *run(void *arg) {
        store_syncer *s = arg;
        pthread_mutex_lock(&s->lock);
        while (!s->is_closing) {
                if (!s->is_dirty) {
                        pthread_cond_wait(&s->changed, &s->lock);
                        continue;
                }
                wait_a_little(s);
                bool is_due = s->is_dirty && !s->is_closing;
                s->is_dirty = s->is_dirty && !is_due;
                pthread_mutex_unlock(&s->lock);
                if (is_due)
                        sync_file(s->path);
                pthread_mutex_lock(&s->lock);
        }
        pthread_mutex_unlock(&s->lock);
        return NULL;
}

store_syncer *store_syncer_new(const char *path) {
        store_syncer *s = mn_alloc(sizeof *s);
        s->path = mn_strdup(path);
        pthread_mutex_init(&s->lock, NULL);
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&s->changed, &monotonic);
        pthread_condattr_destroy(&monotonic);
        return s;
}

/* Lock held. Without a thread the next touch tries again; until then the next durable commit is the bound. */
static void start_thread(store_syncer *s) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        s->has_thread = pthread_create(&s->thread, &attributes, run, s) == 0;
        pthread_attr_destroy(&attributes);
}

void store_syncer_touch(store_syncer *s) {
        pthread_mutex_lock(&s->lock);
        if (!s->has_thread)
                start_thread(s);
        if (!s->is_dirty)
                pthread_cond_signal(&s->changed);
        s->is_dirty = true;
        pthread_mutex_unlock(&s->lock);
}

void store_syncer_clear(store_syncer *s) {
        pthread_mutex_lock(&s->lock);
        s->is_dirty = false;
        pthread_mutex_unlock(&s->lock);
}

void store_syncer_free(store_syncer *s) {
        if (!s)
                return;
        pthread_mutex_lock(&s->lock);
        s->is_closing = true;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
        if (s->has_thread)
                pthread_join(s->thread, NULL);
        pthread_mutex_destroy(&s->lock);
        pthread_cond_destroy(&s->changed);
        mn_freep(&s->path);
        mn_freep(&s);
}
