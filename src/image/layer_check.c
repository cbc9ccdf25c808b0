/* SPDX-License-Identifier: Apache-2.0 */
/* A layer on the disk against its digest. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "image/layer_blob.h"
#include "image/layer_metadata.h"
#include "image/layer_private.h"
#include "sys/fd.h"

/* Where data begins at or behind `from`; the size when only holes follow. */
static off_t next_data(int fd, off_t from, off_t size) {
        off_t at = lseek(fd, from, SEEK_DATA);
        return at >= 0 ? at : errno == ENXIO ? size : from;
}

static bool same_piece(int a, int b, off_t at, char *left, char *right) {
        ssize_t n = pread(a, left, LAYER_CHUNK_SIZE, at);
        ssize_t m = pread(b, right, LAYER_CHUNK_SIZE, at);
        return n > 0 && n == m && memcmp(left, right, (size_t) n) == 0;
}

/* True when both files have the same bytes; false also when either cannot be read. Sparse files lie in the
   index with holes of any size, which are not read where both files have them. */
static bool same_file(int a_dir, int b_dir, const char *name) {
        cleanup_close int a = openat(a_dir, name, O_RDONLY | O_CLOEXEC);
        cleanup_close int b = openat(b_dir, name, O_RDONLY | O_CLOEXEC);
        if (a < 0 || b < 0)
                return a < 0 && b < 0;
        struct stat left, right;
        if (fstat(a, &left) < 0 || fstat(b, &right) < 0 || left.st_size != right.st_size)
                return false;
        cleanup_free char *buffer = mn_alloc(2 * LAYER_CHUNK_SIZE);
        for (off_t at = 0; at < left.st_size; at += LAYER_CHUNK_SIZE) {
                at = MN_MIN(next_data(a, at, left.st_size), next_data(b, at, left.st_size));
                if (at < left.st_size && !same_piece(a, b, at, buffer, buffer + LAYER_CHUNK_SIZE))
                        return false;
        }
        return true;
}

/* The index is a function of the tar: it is made anew and compared. */
static mn_status compare_index(layer_store *layers, const char *diff_id, layer_writer *made, bool repairs,
                               mn_err *err) {
        cleanup_close int dir = openat(layers->fd, layer_name(diff_id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0 || same_file(dir, layer_writer_dir(made), "index"))
                return MN_OK;
        if (!repairs)
                return mn_fail(err, MN_INTERNAL, "the index does not fit the tar");
        int r = layer_writer_sync(made);
        if (r == 0 && renameat(layer_writer_dir(made), "index", dir, "index") < 0)
                r = -errno;
        if (r == 0 && fsync(dir) < 0)
                r = -errno;
        return r < 0 ? mn_fail_errno(err, r, "replacing the index") : MN_OK;
}

static mn_status feed(layer_writer *w, layer_reader *reader, mn_err *err) {
        cleanup_free char *buffer = mn_alloc(LAYER_CHUNK_SIZE);
        mn_status st = MN_OK;
        ssize_t n = 0;
        while (!st && (n = layer_reader_read(reader, buffer, LAYER_CHUNK_SIZE)) > 0)
                st = layer_writer_feed(w, buffer, (size_t) n, err);
        if (!st && n < 0)
                st = mn_fail_errno(err, (int) n, "reading the tar");
        return st ? st : layer_writer_finish(w, err);
}

static mn_status verify_tar(layer_store *layers, const char *diff_id, layer_reader *reader, bool repairs,
                            mn_err *err) {
        layer_writer *w;
        mn_status st = layer_writer_new_as(layers, &layer_driver_erofs, diff_id, &w, err);
        if (st)
                return st;
        st = feed(w, reader, err);
        if (!st)
                st = compare_index(layers, diff_id, w, repairs, err);
        layer_writer_free(w);
        return st;
}

/* Copies of the layer's blobs get a name in the directory that takes its place. */
struct moving {
        layer_store *layers;
        const char *diff_id;
        int to_fd;
        int result;
};

static void move_copy(void *arg, const char *digest) {
        struct moving *m = arg;
        cleanup_free char *from = mn_asprintf("%s/%s", layer_name(m->diff_id), digest);
        if (linkat(m->layers->fd, from, m->to_fd, digest, 0) < 0 && m->result == 0)
                m->result = -errno;
}

/* Unpacks the tar once more and puts that tree into the place of the other. */
static mn_status remake_tree(layer_store *layers, const char *diff_id, mn_err *err) {
        cleanup_layer_reader layer_reader *reader = NULL;
        layer_writer *w;
        int64_t size;
        int r = layer_store_open_tar(layers, diff_id, &reader, &size);
        if (r < 0)
                return mn_fail_errno(err, r, "reading its contents");
        mn_status st = layer_writer_new_as(layers, &layer_driver_unpack, diff_id, &w, err);
        if (st)
                return st;
        st = feed(w, reader, err);
        struct moving moving = { layers, diff_id, layer_writer_dir(w), 0 };
        if (!st)
                layer_blob_each(layers, diff_id, move_copy, &moving);
        r = st ? 0 : moving.result;
        if (!st && r == 0)
                r = layer_writer_replace(w);
        layer_writer_free(w);
        return r < 0 ? mn_fail_errno(err, r, "replacing its tree") : st;
}

static mn_status verify_metadata(layer_store *layers, const char *diff_id, bool repairs, mn_err *err) {
        cleanup_close int dir = openat(layers->fd, layer_name(diff_id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = dir < 0 ? -errno : layer_metadata_check(dir);
        if (r < 0)
                return mn_fail_errno(err, r, "reading its tree");
        if (r > 0)
                return MN_OK;
        return repairs ? remake_tree(layers, diff_id, err)
                       : mn_fail(err, MN_INTERNAL,
                                 "names, owners, modes, times or attributes in its tree are not the layer's");
}

/* Reading the tar out of the tree compares its digest. */
static mn_status verify_contents(layer_reader *reader, mn_err *err) {
        cleanup_free char *buffer = mn_alloc(LAYER_CHUNK_SIZE);
        ssize_t n;
        while ((n = layer_reader_read(reader, buffer, LAYER_CHUNK_SIZE)) > 0)
                ;
        if (n == -EBADMSG)
                return mn_fail(err, MN_INTERNAL, "its contents do not have its digest");
        return n < 0 ? mn_fail_errno(err, (int) n, "reading its contents") : MN_OK;
}

mn_status layer_store_verify(layer_store *layers, const char *diff_id, bool repairs, mn_err *err) {
        cleanup_layer_reader layer_reader *reader = NULL;
        int64_t size;
        int r = layer_store_open_tar(layers, diff_id, &reader, &size);
        if (r < 0)
                return mn_fail_errno(err, r, "layer %s", diff_id);
        bool is_tar = layer_reader_is_tar(reader);
        mn_status st = is_tar ? verify_tar(layers, diff_id, reader, repairs, err)
                              : verify_contents(reader, err);
        if (!st && !is_tar)
                st = verify_metadata(layers, diff_id, repairs, err);
        return st ? mn_err_prefix(err, MN_INTERNAL, "layer %s", diff_id) : MN_OK;
}
