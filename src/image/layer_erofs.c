/* SPDX-License-Identifier: Apache-2.0 */
/* Driver `erofs`: the tar stays as it is, `index` is an EROFS image that points into it. The kernel mounts
   the two files (Linux 6.12, and only from file systems it reads that way), or two loop devices over them
   (Linux 6.4). */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "image/erofs.h"
#include "image/layer.h"
#include "image/tree.h"
#include "sys/fd.h"
#include "sys/loopdev.h"

enum { WRITEBACK_EVERY = 8 << 20 };

/* A layer being made. */
struct making {
        int dir_fd; /* borrowed */
        int tar_fd;
        mn_tar_reader *reader;
        tree *tree;
        int64_t written;
        int64_t flushed;
};

static int on_entry(void *arg, const mn_tar_entry *entry) {
        return tree_add(arg, entry);
}

static int begin(const layer_store *layers, int dir_fd, void **ret) {
        static const mn_tar_handler handler = { .entry = on_entry };
        (void) layers;
        int fd = openat(dir_fd, "tar", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        struct making *m = mn_alloc(sizeof(*m));
        m->dir_fd = dir_fd;
        m->tar_fd = fd;
        m->tree = tree_new();
        m->reader = mn_tar_reader_new(&handler, m->tree);
        *ret = m;
        return 0;
}

static int parse(void *making, const void *data, size_t len) {
        struct making *m = making;
        return mn_tar_reader_feed(m->reader, data, len);
}

/* Begins to write out what has gathered, so that the sync at the end has little left to do. */
static void write_back(struct making *m) {
        if (m->written - m->flushed < WRITEBACK_EVERY)
                return;
        sync_file_range(m->tar_fd, m->flushed, m->written - m->flushed, SYNC_FILE_RANGE_WRITE);
        m->flushed = m->written;
}

static int write_tar(void *making, const void *data, size_t len) {
        struct making *m = making;
        int r = mn_write_all(m->tar_fd, data, len);
        if (r < 0)
                return r;
        m->written += (int64_t) len;
        write_back(m);
        return 0;
}

static int finish(void *making, const char *diff_id, int64_t tar_size) {
        struct making *m = making;
        (void) diff_id; /* the tar was written as it was hashed */
        int r = mn_tar_reader_finish(m->reader);
        if (r < 0)
                return r;
        cleanup_close int index = openat(m->dir_fd, "index", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return index < 0 ? -errno : erofs_write(m->tree, m->tar_fd, tar_size, index);
}

static int sync_files(void *making) {
        struct making *m = making;
        cleanup_close int index = openat(m->dir_fd, "index", O_RDONLY | O_CLOEXEC);
        if (index < 0 || fdatasync(m->tar_fd) < 0 || fdatasync(index) < 0)
                return -errno;
        return fsync(m->dir_fd) < 0 ? -errno : 0;
}

static const char *problem(void *making, int *error) {
        struct making *m = making;
        (void) error;
        const char *text = tree_problem(m->tree);
        return *text ? text : mn_tar_reader_problem(m->reader);
}

static void free_making(void *making) {
        struct making *m = making;
        mn_tar_reader_free(m->reader);
        tree_free(m->tree);
        mn_close(m->tar_fd);
        free(m);
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
        .name = "erofs",
        .backing = "files",
        .begin = begin,
        .parse = parse,
        .write = write_tar,
        .finish = finish,
        .sync = sync_files,
        .problem = problem,
        .free = free_making,
        .mount = mount_files,
};
const layer_driver layer_driver_erofs_loop = {
        .name = "erofs",
        .backing = "loop devices",
        .begin = begin,
        .parse = parse,
        .write = write_tar,
        .finish = finish,
        .sync = sync_files,
        .problem = problem,
        .free = free_making,
        .mount = mount_loop,
};
