/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's files are. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "container/engine.h"

int container_open_directory(container *c) {
        int fd = openat(c->engine->containers_fd, c->id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 || errno != ENOENT)
                return fd < 0 ? -errno : fd;
        /* Who looks without the operation lock may come after a removal: nothing would ever take away what is
         * made then. */
        engine_lock(c->engine);
        bool is_going = c->is_removed || c->state.status == CONTAINER_REMOVING;
        mode_t mode = 0710 | (c->record->host_config.is_auto_remove ? CONTAINER_SHORT_LIVED : 0);
        int r = is_going ? -ENOENT : mkdirat(c->engine->containers_fd, c->id, mode) < 0 ? -errno : 0;
        engine_unlock(c->engine);
        if (r < 0 && r != -EEXIST)
                return r;
        fd = openat(c->engine->containers_fd, c->id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int container_look_directory(container *c) {
        int fd = openat(c->engine->containers_fd, c->id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        /* Not made yet, or gone a moment ago: an empty place to look at, and nothing is made. */
        if (fd < 0 && errno == ENOENT)
                fd = openat(c->engine->containers_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

char *container_path(const container *c, mn_arena *arena, const char *file) {
        return mn_arena_printf(arena, "%s/containers/%s/%s", c->engine->options.data_root, c->id, file);
}

char *container_bundle_path(const container *c, mn_arena *arena, const char *file) {
        return mn_arena_printf(arena, "%s/containers/%s%s%s", c->engine->options.exec_root, c->id,
                               *file ? "/" : "", file);
}
