/* SPDX-License-Identifier: Apache-2.0 */
#include "image/trash.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/vec.h"
#include "sys/fd.h"
#include "sys/file.h"

/* A file system with less than one part in so many free is worth waiting for. */
enum { ROOMY = 8 };

struct item {
        char *name;
        int mount_fd;
};

struct image_trash {
        int tmp_fd;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t thread;
        bool has_thread; /* to be joined */
        bool is_running; /* it will look at the list once more */
        MN_VEC(struct item) list;
        uint64_t added, removed;
};

image_trash *image_trash_new(int tmp_fd) {
        image_trash *trash = mn_alloc(sizeof(*trash));
        trash->tmp_fd = tmp_fd;
        pthread_mutex_init(&trash->lock, NULL);
        pthread_cond_init(&trash->changed, NULL);
        return trash;
}

static void take_off(image_trash *trash, struct item *item) {
        mn_close(item->mount_fd);
        int r = mn_remove_tree(trash->tmp_fd, item->name);
        if (r < 0)
                mn_warn("removing a layer failed, the next start tries again", " file=tmp/%s error=\"%s\"",
                        item->name, mn_strerror(r));
        free(item->name);
}

static void *work(void *arg) {
        image_trash *trash = arg;
        pthread_mutex_lock(&trash->lock);
        while (trash->list.len) {
                struct item item = trash->list.items[--trash->list.len];
                pthread_mutex_unlock(&trash->lock);
                take_off(trash, &item);
                pthread_mutex_lock(&trash->lock);
                trash->removed++;
                pthread_cond_broadcast(&trash->changed);
        }
        trash->is_running = false;
        pthread_mutex_unlock(&trash->lock);
        return NULL;
}

/* With `lock`; a former thread that has ended is joined, which does not wait. */
static bool start(image_trash *trash) {
        if (trash->has_thread)
                pthread_join(trash->thread, NULL);
        trash->has_thread = pthread_create(&trash->thread, NULL, work, trash) == 0;
        trash->is_running = trash->has_thread;
        return trash->has_thread;
}

void image_trash_add(image_trash *trash, const char *name, int mount_fd) {
        pthread_mutex_lock(&trash->lock);
        mn_vec_push(&trash->list, ((struct item){ mn_strdup(name), mount_fd }));
        trash->added++;
        bool has_help = trash->is_running || start(trash);
        pthread_mutex_unlock(&trash->lock);
        if (!has_help) /* no thread can be had: now, then */
                work(trash);
}

void image_trash_wait(image_trash *trash) {
        pthread_mutex_lock(&trash->lock);
        uint64_t until = trash->added;
        while (trash->removed < until)
                pthread_cond_wait(&trash->changed, &trash->lock);
        pthread_mutex_unlock(&trash->lock);
}

void image_trash_make_room(image_trash *trash) {
        struct statvfs fs;
        if (fstatvfs(trash->tmp_fd, &fs) < 0 || fs.f_bavail < fs.f_blocks / ROOMY)
                image_trash_wait(trash);
}

void image_trash_free(image_trash *trash) {
        if (!trash)
                return;
        image_trash_wait(trash);
        if (trash->has_thread)
                pthread_join(trash->thread, NULL);
        mn_vec_release(&trash->list);
        pthread_cond_destroy(&trash->changed);
        pthread_mutex_destroy(&trash->lock);
        free(trash);
}
