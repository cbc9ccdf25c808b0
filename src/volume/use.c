/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that refer to volumes and use them. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"
#include "sys/tree.h"
#include "volume/options.h"
#include "volume/table.h"

mn_status volume_ref(volume_store *vs, const char *name, const char *container_id, mn_err *err) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = volume_find(vs, name);
        if (v)
                mn_map_set(v->refs, container_id, NULL);
        pthread_mutex_unlock(&vs->lock);
        return v ? MN_OK : volume_not_found(name, err);
}

void volume_unref(volume_store *vs, const char *name, const char *container_id) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = mn_map_get(vs->volumes, name);
        if (v)
                mn_map_remove(v->refs, container_id);
        pthread_mutex_unlock(&vs->lock);
}

/* Changes the count of uses of a container by `delta`; gives how many containers use the volume afterwards.
 */
static size_t count_use(volume_store *vs, struct volume *v, const char *container_id, int delta) {
        pthread_mutex_lock(&vs->lock);
        intptr_t count = (intptr_t) mn_map_get(v->uses, container_id) + delta;
        if (count > 0)
                mn_map_set(v->uses, container_id, (void *) count);
        else
                mn_map_remove(v->uses, container_id);
        size_t users = mn_map_len(v->uses);
        pthread_mutex_unlock(&vs->lock);
        return users;
}

mn_status volume_use(volume_store *vs, const char *name, const char *container_id, bool is_restored,
                     mn_arena *arena, char **ret_path, mn_err *err) {
        pthread_mutex_lock(&vs->mount_lock);
        pthread_mutex_lock(&vs->lock);
        struct volume *v = volume_find(vs, name);
        size_t users = v ? mn_map_len(v->uses) : 0;
        pthread_mutex_unlock(&vs->lock);
        mn_status st = v ? MN_OK : volume_not_found(name, err);
        char *path = mn_arena_printf(arena, "%s/%s/_data", vs->dir, name);
        if (!st && volume_has_mount(v) && users == 0 && !is_restored)
                st = volume_mount(path, &v->document.options, err);
        if (!st)
                count_use(vs, v, container_id, 1);
        pthread_mutex_unlock(&vs->mount_lock);
        if (!st) {
                *ret_path = path;
                if (!is_restored)
                        volume_notify(vs, "mount", name, container_id);
        }
        return st;
}

void volume_unuse(volume_store *vs, const char *name, const char *container_id) {
        pthread_mutex_lock(&vs->mount_lock);
        pthread_mutex_lock(&vs->lock);
        struct volume *v = mn_map_get(vs->volumes, name);
        pthread_mutex_unlock(&vs->lock);
        if (v && count_use(vs, v, container_id, -1) == 0 && volume_has_mount(v)) {
                cleanup_free char *path = mn_asprintf("%s/%s/_data", vs->dir, name);
                if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL)
                        mn_warn("cannot unmount a volume", "name=%s error=\"%s\"", name, mn_strerror(-errno));
        }
        pthread_mutex_unlock(&vs->mount_lock);
        if (v)
                volume_notify(vs, "unmount", name, container_id);
}

mn_status volume_copy_up(volume_store *vs, const char *name, int rootfs_fd, const char *path, mn_err *err) {
        cleanup_free char *data = mn_asprintf("%s/%s/_data", vs->dir, name);
        cleanup_close int to = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int is_empty = to < 0 ? -errno : mn_dir_is_empty(to);
        if (is_empty < 0)
                return mn_fail_errno(err, is_empty, "volume %s", name);
        if (!is_empty)
                return MN_OK;
        cleanup_close int from = mn_open_in_root(rootfs_fd, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
        if (from == -ENOENT || from == -ENOTDIR)
                return MN_OK;
        int r = from < 0 ? from : mn_tree_copy(from, to);
        return r < 0 ? mn_fail_errno(err, r, "cannot copy %s of the image into volume %s", path, name)
                     : MN_OK;
}
