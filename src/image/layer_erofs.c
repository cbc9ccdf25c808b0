/* SPDX-License-Identifier: Apache-2.0 */
/* Driver `erofs`: the tar stays as it is, `index` is an EROFS image that points into it. */

#include <errno.h>
#include <fcntl.h>

#include "image/erofs.h"
#include "image/layer.h"
#include "sys/fd.h"

static int make(int dir_fd, int tar_fd, int64_t tar_size, tree *t) {
        cleanup_close int index = openat(dir_fd, "index", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return index < 0 ? -errno : erofs_write(t, tar_fd, tar_size, index);
}

static int mount_pair(int dir_fd) {
        cleanup_close int index = openat(dir_fd, "index", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (index < 0)
                return -errno;
        cleanup_close int tar = openat(dir_fd, "tar", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return tar < 0 ? -errno : erofs_mount(index, tar);
}

const layer_driver layer_driver_erofs = { .name = "erofs", .make = make, .mount = mount_pair };
