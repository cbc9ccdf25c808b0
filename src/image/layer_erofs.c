/* SPDX-License-Identifier: Apache-2.0 */
/* Driver `erofs`: the tar stays as it is, `index` is an EROFS image that points into it. The kernel mounts the two
   files (Linux 6.12, and only from file systems it reads that way), or two loop devices over them (Linux 6.4). */

#include <errno.h>
#include <fcntl.h>

#include "image/erofs.h"
#include "image/layer.h"
#include "sys/fd.h"
#include "sys/loopdev.h"

static int make(int dir_fd, int tar_fd, int64_t tar_size, tree *t) {
        cleanup_close int index = openat(dir_fd, "index", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return index < 0 ? -errno : erofs_write(t, tar_fd, tar_size, index);
}

static int mount_pair(int dir_fd, bool has_loop) {
        cleanup_close int index = openat(dir_fd, "index", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (index < 0)
                return -errno;
        cleanup_close int tar = openat(dir_fd, "tar", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (tar < 0)
                return -errno;
        if (!has_loop)
                return erofs_mount(index, tar);
        cleanup_close int index_device = mn_loop_attach(index);
        if (index_device < 0)
                return index_device;
        cleanup_close int tar_device = mn_loop_attach(tar);
        return tar_device < 0 ? tar_device : erofs_mount(index_device, tar_device);
}

static int mount_files(int dir_fd) {
        return mount_pair(dir_fd, false);
}

static int mount_loop(int dir_fd) {
        return mount_pair(dir_fd, true);
}

const layer_driver layer_driver_erofs = {
        .name = "erofs", .backing = "files", .make = make, .mount = mount_files
};
const layer_driver layer_driver_erofs_loop = {
        .name = "erofs", .backing = "loop devices", .make = make, .mount = mount_loop
};
