/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of type image: read-only views of images. A start attaches them below `images` in the bundle, on a
 * tmpfs of their own, because kernels before 6.15 copy no detached mount; the runtime copies from there into
 * the container, and then the tmpfs goes with all that is on it. A daemon that is killed between leaves it to
 * the next one, which takes it away with the take-over or the tear-down.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "container/launch.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/path.h"

#define PLACE "images"

static mn_status open_subpath(int view_fd, const char *subpath, int *ret_fd, mn_err *err) {
        int fd = mn_open_beneath(view_fd, mn_str_is_empty(subpath) ? "." : subpath, O_PATH, 0);
        if (fd == -EXDEV)
                return mn_fail(err, MN_INVALID, "path concatenation escapes the base directory, subpath: %s",
                               subpath);
        if (fd < 0)
                return mn_fail(err, MN_INVALID, "cannot access path %s: %s", subpath, mn_strerror(fd));
        *ret_fd = fd;
        return MN_OK;
}

static mn_status mount_view(container_engine *e, const container_mount *m, int *ret_fd, mn_err *err) {
        const image_rootfs_spec spec = { .image_id = m->image_id, .container_fd = -1, .is_readonly = true };
        cleanup_close int fd = -1;
        mn_status status = image_rootfs_mount(e->options.images, &spec, &fd, err);
        if (status)
                return mn_err_prefix(err, status, "mounting image %s", m->name);
        int r = mn_mount_setattr(fd, "", &(mn_mount_change){ .set = MN_MOUNT_RDONLY });
        if (r < 0)
                return mn_fail_errno(err, r, "mounting image %s", m->name);
        *ret_fd = MN_TAKE_FD(fd);
        return MN_OK;
}

mn_status container_image_mount_open(container_engine *e, const container_mount *m, int *ret_fd,
                                     mn_err *err) {
        cleanup_close int view = -1;
        mn_status status = mount_view(e, m, &view, err);
        return status ? status : open_subpath(view, m->subpath, ret_fd, err);
}

/* The directory in the bundle that images are attached in. */
static int make_place(struct launch *l) {
        if (mkdirat(l->bundle_fd, PLACE, 0700) < 0)
                return -errno;
        cleanup_close int context = mn_fs_open("tmpfs");
        if (context < 0)
                return context;
        int r = mn_fs_set(context, "mode", "0700");
        cleanup_close int tmpfs = r < 0 ? r : mn_fs_mount(context, 0);
        r = tmpfs < 0 ? tmpfs : mn_mount_attach_at(tmpfs, l->bundle_fd, PLACE);
        /* The images are nobody else's. */
        return r < 0 ? r : mn_mount_setattr(tmpfs, "", &(mn_mount_change){ .propagation = MS_PRIVATE });
}

/* Attaches the view, and opens what is to be seen of it. */
static mn_status attach(struct launch *l, const container_mount *m, const char *name, int *ret_fd,
                        mn_err *err) {
        cleanup_close int view = -1;
        mn_status status = mount_view(l->e, m, &view, err);
        if (status)
                return status;
        int r = l->has_images ? 0 : make_place(l);
        l->has_images = true;
        cleanup_close int place = r < 0 ? r
                                        : openat(l->bundle_fd, PLACE,
                                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (r >= 0 && (place < 0 || mkdirat(place, name, 0700) < 0))
                r = -errno;
        if (r >= 0)
                r = mn_mount_attach_at(view, place, name);
        if (r < 0)
                return mn_fail_errno(err, r, "mounting image %s", m->name);
        return open_subpath(view, m->subpath, ret_fd, err);
}

mn_status launch_mount_image(struct launch *l, size_t index, char **ret, mn_err *err) {
        const container_mount *m = &l->record->mounts.items[index];
        cleanup_close int fd = -1;
        mn_status status = attach(l, m, mn_arena_printf(l->arena, "%zu", index), &fd, err);
        if (status)
                return status;
        char link[32], path[4096];
        ssize_t n = readlink(mn_fd_path(fd, link), path, sizeof(path) - 1);
        if (n < 0)
                return mn_fail_errno(err, -errno, "finding the mount of image %s", m->name);
        *ret = mn_arena_strndup(l->arena, path, (size_t) n);
        return MN_OK;
}

void container_image_mounts_detach(const container *c) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        umount2(container_bundle_path(c, arena, PLACE), MNT_DETACH | UMOUNT_NOFOLLOW);
}
