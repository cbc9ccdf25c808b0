/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that were given their names before they were synced, and are synced together. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "image/layer_private.h"
#include "sys/fd.h"

/* So many layers are synced one by one; more of them at once, with the file system. */
enum { SYNC_SINGLY_MAX = 4 };

void layer_store_owe_sync(layer_store *layers, const char *diff_id) {
        pthread_mutex_lock(&layers->owed_lock);
        mn_map_set(layers->owed, layer_name(diff_id), layers);
        pthread_mutex_unlock(&layers->owed_lock);
}

/* Takes what is owed; who fails gives it back. */
static mn_map *take_owed(layer_store *layers) {
        pthread_mutex_lock(&layers->owed_lock);
        mn_map *owed = layers->owed;
        layers->owed = mn_map_new(NULL);
        pthread_mutex_unlock(&layers->owed_lock);
        return owed;
}

static void give_back(layer_store *layers, const mn_map *owed) {
        const char *name;
        pthread_mutex_lock(&layers->owed_lock);
        for (size_t pos = 0; mn_map_next(owed, &pos, &name, NULL);)
                mn_map_set(layers->owed, name, layers);
        pthread_mutex_unlock(&layers->owed_lock);
}

static int sync_file(int dir_fd, const char *name) {
        cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 || fdatasync(fd) < 0 ? -errno : 0;
}

/* A tree has too many files to be opened. One that was removed meanwhile is not owed any more. */
static int sync_layer(layer_store *layers, const char *name) {
        cleanup_close int dir = openat(layers->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return errno == ENOENT ? 0 : -errno;
        if (faccessat(dir, "tar", F_OK, 0) < 0)
                return syncfs(dir) < 0 ? -errno : 0;
        int r = sync_file(dir, "tar");
        if (r == 0)
                r = sync_file(dir, "index");
        return r < 0 ? r : fsync(dir) < 0 ? -errno : 0;
}

static int sync_all(layer_store *layers, const mn_map *owed) {
        const char *name;
        int r = 0;
        if (mn_map_len(owed) > SYNC_SINGLY_MAX)
                return syncfs(layers->fd) < 0 ? -errno : 0;
        for (size_t pos = 0; r == 0 && mn_map_next(owed, &pos, &name, NULL);)
                r = sync_layer(layers, name);
        return r;
}

int layer_store_sync(layer_store *layers) {
        pthread_mutex_lock(&layers->sync_lock); /* who comes second waits for what the first has taken */
        cleanup_map mn_map *owed = take_owed(layers);
        int r = sync_all(layers, owed);
        if (r < 0)
                give_back(layers, owed);
        else if (fsync(layers->fd) < 0)
                r = -errno;
        pthread_mutex_unlock(&layers->sync_lock);
        return r;
}
