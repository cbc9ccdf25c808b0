/* SPDX-License-Identifier: Apache-2.0 */
#include "image/layer_blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "image/layer_private.h"
#include "sys/fd.h"

static int open_layer(layer_store *layers, const char *diff_id) {
        int fd = openat(layers->fd, layer_name(diff_id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int layer_blob_keep(layer_store *layers, const char *diff_id, const char *digest, int fd) {
        char path[32];
        cleanup_close int dir = open_layer(layers, diff_id);
        if (dir < 0)
                return dir;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (fsync(fd) < 0)
                return -errno;
        if (linkat(AT_FDCWD, path, dir, digest, AT_SYMLINK_FOLLOW) < 0)
                return errno == EEXIST ? 0 : -errno;
        return fsync(dir) < 0 ? -errno : 0;
}

int layer_blob_open(layer_store *layers, const char *diff_id, const char *digest, int64_t *ret_size) {
        struct stat st;
        cleanup_close int dir = open_layer(layers, diff_id);
        if (dir < 0)
                return dir;
        cleanup_close int fd = openat(dir, digest, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        *ret_size = st.st_size;
        return MN_TAKE_FD(fd);
}

bool layer_blob_has(layer_store *layers, const char *diff_id, const char *digest) {
        int64_t size;
        cleanup_close int fd = layer_blob_open(layers, diff_id, digest, &size);
        return fd >= 0;
}

void layer_blob_each(layer_store *layers, const char *diff_id, void (*each)(void *arg, const char *digest),
                     void *arg) {
        int fd = open_layer(layers, diff_id);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(dir));)
                if (e->d_type == DT_REG && mn_digest_text_is_valid(e->d_name))
                        each(arg, e->d_name);
        closedir(dir);
}

/* ---- sizes ---- */

struct sum {
        layer_store *layers;
        const char *diff_id;
        int64_t bytes;
};

static void add_size(void *arg, const char *digest) {
        struct sum *sum = arg;
        struct stat st;
        int64_t size;
        cleanup_close int fd = layer_blob_open(sum->layers, sum->diff_id, digest, &size);
        if (fd >= 0 && fstat(fd, &st) == 0)
                sum->bytes += (int64_t) st.st_blocks * 512;
}

int64_t layer_blob_disk_size(layer_store *layers, const char *diff_id) {
        struct sum sum = { layers, diff_id, 0 };
        layer_blob_each(layers, diff_id, add_size, &sum);
        return sum.bytes;
}

/* ---- checking ---- */

mn_status layer_blob_verify(layer_store *layers, const char *diff_id, const char *digest, mn_err *err) {
        char found[MN_DIGEST_SIZE];
        int64_t size;
        cleanup_close int fd = layer_blob_open(layers, diff_id, digest, &size);
        cleanup_digest mn_digest *d = mn_digest_new(mn_digest_algorithm_of(digest));
        cleanup_free char *buffer = mn_alloc(LAYER_CHUNK_SIZE);
        ssize_t n = fd;
        while (n >= 0 && (n = mn_read_full(fd, buffer, LAYER_CHUNK_SIZE)) > 0)
                mn_digest_update(d, buffer, (size_t) n);
        if (n < 0)
                return mn_fail_errno(err, (int) n, "compressed copy %s of layer %s", digest, diff_id);
        if (strcmp(mn_digest_finish(d, found), digest) != 0)
                return mn_fail(err, MN_INTERNAL, "compressed copy %s of layer %s is damaged", digest,
                               diff_id);
        return MN_OK;
}

int layer_blob_remove(layer_store *layers, const char *diff_id, const char *digest) {
        cleanup_close int dir = open_layer(layers, diff_id);
        return dir < 0 ? dir : unlinkat(dir, digest, 0) < 0 ? -errno : 0;
}

/* ---- writing ---- */

struct layer_copy {
        int fd;
};

mn_status layer_copy_new(layer_store *layers, layer_copy **ret, mn_err *err) {
        int fd = openat(layers->tmp_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "making room for a compressed layer");
        layer_copy *copy = mn_alloc(sizeof(*copy));
        copy->fd = fd;
        *ret = copy;
        return MN_OK;
}

mn_status layer_copy_add(layer_copy *copy, const void *data, size_t len, mn_err *err) {
        int r = mn_write_all(copy->fd, data, len);
        return r < 0 ? mn_fail_errno(err, r, "writing a compressed layer") : MN_OK;
}

mn_status layer_copy_keep(layer_copy *copy, layer_store *layers, const char *diff_id, const char *digest,
                          mn_err *err) {
        int r = layer_blob_keep(layers, diff_id, digest, copy->fd);
        return r < 0 ? mn_fail_errno(err, r, "keeping the compressed layer %s", digest) : MN_OK;
}

void layer_copy_free(layer_copy *copy) {
        if (!copy)
                return;
        mn_close(copy->fd);
        free(copy);
}
