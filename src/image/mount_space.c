/* SPDX-License-Identifier: Apache-2.0 */
#include "image/mount_space.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/path.h"

/* What the thread is to do next; lives on the stack of the one who waits for it. */
struct order {
        void (*step)(void *arg);
        void *arg;
        bool is_done;
        struct order *next;
};

struct mount_space {
        const char *data_root; /* while it opens */
        int layers_fd;
        int places_fd; /* the file system over tmp/ */
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct order *orders;
        bool has_started;
        bool is_ended;
        int error;
};

/* ---- the thread ---- */

static int open_dir(const char *root, const char *name) {
        cleanup_free char *path = mn_asprintf("%s/%s", root, name);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Mounts of the host come and go here as there, none of ours goes out. */
static int enter(mount_space *space) {
        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return -errno;
        cleanup_close int context = mn_fs_open("tmpfs");
        if (context < 0)
                return context;
        int r = mn_fs_set(context, "mode", "0700");
        cleanup_close int places = r < 0 ? r : mn_fs_mount(context, MN_MOUNT_NODEV | MN_MOUNT_NOSUID);
        if (places < 0)
                return places;
        cleanup_close int tmp = open_dir(space->data_root, "tmp");
        r = tmp < 0 ? tmp : mn_mount_attach(places, tmp);
        if (r < 0)
                return r;
        space->places_fd = open_dir(space->data_root, "tmp");
        space->layers_fd = open_dir(space->data_root, "layers");
        return space->places_fd < 0 ? space->places_fd : MN_MIN(0, space->layers_fd);
}

static void *work(void *arg) {
        mount_space *space = arg;
        int r = enter(space);
        pthread_mutex_lock(&space->lock);
        space->error = r;
        space->has_started = true;
        pthread_cond_broadcast(&space->changed);
        while (r == 0 && (space->orders || !space->is_ended)) {
                struct order *order = space->orders;
                if (!order) {
                        pthread_cond_wait(&space->changed, &space->lock);
                        continue;
                }
                space->orders = order->next;
                pthread_mutex_unlock(&space->lock);
                order->step(order->arg);
                pthread_mutex_lock(&space->lock);
                order->is_done = true;
                pthread_cond_broadcast(&space->changed);
        }
        pthread_mutex_unlock(&space->lock);
        return NULL;
}

/* ---- outside ---- */

int mount_space_open(const char *data_root, mount_space **ret) {
        mount_space *space = mn_alloc(sizeof(*space));
        space->data_root = data_root;
        space->layers_fd = space->places_fd = -1;
        pthread_mutex_init(&space->lock, NULL);
        pthread_cond_init(&space->changed, NULL);
        int r = -pthread_create(&space->thread, NULL, work, space);
        if (r < 0) {
                pthread_cond_destroy(&space->changed);
                pthread_mutex_destroy(&space->lock);
                free(space);
                return r;
        }
        pthread_mutex_lock(&space->lock);
        while (!space->has_started)
                pthread_cond_wait(&space->changed, &space->lock);
        r = space->error;
        space->data_root = NULL;
        pthread_mutex_unlock(&space->lock);
        if (r < 0) {
                mount_space_free(space);
                return r;
        }
        *ret = space;
        return 0;
}

void mount_space_free(mount_space *space) {
        if (!space)
                return;
        pthread_mutex_lock(&space->lock);
        space->is_ended = true;
        pthread_cond_broadcast(&space->changed);
        pthread_mutex_unlock(&space->lock);
        pthread_join(space->thread, NULL);
        mn_close(space->layers_fd);
        mn_close(space->places_fd);
        pthread_cond_destroy(&space->changed);
        pthread_mutex_destroy(&space->lock);
        free(space);
}

void mount_space_run(mount_space *space, void (*step)(void *arg), void *arg) {
        if (pthread_equal(pthread_self(), space->thread)) {
                step(arg);
                return;
        }
        struct order order = { .step = step, .arg = arg };
        pthread_mutex_lock(&space->lock);
        struct order **end = &space->orders;
        while (*end)
                end = &(*end)->next;
        *end = &order;
        pthread_cond_broadcast(&space->changed);
        while (!order.is_done)
                pthread_cond_wait(&space->changed, &space->lock);
        pthread_mutex_unlock(&space->lock);
}

/* ---- steps ---- */

int mount_space_layers(const mount_space *space) {
        return space->layers_fd;
}

int mount_space_attach(mount_space *space, int mount_fd, const char *name) {
        if (mkdirat(space->places_fd, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        int r = mn_mount_attach_at(mount_fd, space->places_fd, name);
        if (r < 0)
                return r;
        int fd = openat(space->places_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

void mount_space_detach(mount_space *space, const char *name) {
        char folder[32];
        cleanup_free char *path = mn_asprintf("%s/%s", mn_fd_path(space->places_fd, folder), name);
        umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
        unlinkat(space->places_fd, name, AT_REMOVEDIR);
}

int mount_space_reopen(const mount_space *space, int fd) {
        (void) space;
        char link[32], path[4096];
        struct stat wanted, found;
        ssize_t len = readlink(mn_fd_path(fd, link), path, sizeof(path) - 1);
        if (len < 0)
                return -errno;
        path[len] = '\0';
        cleanup_close int own = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (own < 0 || fstat(own, &found) < 0 || fstat(fd, &wanted) < 0)
                return -errno;
        return found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino ? MN_TAKE_FD(own) : -ESTALE;
}

int mount_space_make(mount_space *space, const char *type, const char *folder, unsigned long flags,
                     const char *options) {
        static const char name[] =
                "making"; /* one at a time: there is one thread, with a directory of its own */
        char places[32];
        cleanup_free char *path = mn_asprintf("%s/%s", mn_fd_path(space->places_fd, places), name);
        if (mkdirat(space->places_fd, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        int r = chdir(folder) < 0 || mount(type, path, type, flags, options) < 0 ? -errno : 0;
        if (chdir("/") < 0 && r == 0)
                r = -errno;
        cleanup_close int fd = r < 0 ? r : mn_mount_clone(space->places_fd, name, false);
        mount_space_detach(space, name);
        return MN_TAKE_FD(fd);
}
