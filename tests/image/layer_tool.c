/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests: makes the index of a tar, mounts the pair, runs the tar reader alone.
 *
 *     layer-tool index TAR INDEX
 *     layer-tool mount TAR INDEX DIRECTORY
 *     layer-tool stages LAYER SCRATCH-DIRECTORY     (MiB of tar per second of each step of a load, one at a
 * time)
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/time.h"
#include "codec/compress.h"
#include "codec/digest.h"
#include "codec/tar.h"
#include "image/erofs.h"
#include "image/tree.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"

static int on_entry(void *arg, const mn_tar_entry *e) {
        int r = tree_add(arg, e);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", e->path, tree_problem(arg));
        return r;
}

static int read_tree(tree *t, int fd) {
        static const mn_tar_handler handler = { .entry = on_entry };
        static char buffer[1 << 18];
        cleanup_tar_reader mn_tar_reader *reader = mn_tar_reader_new(&handler, t);
        for (;;) {
                ssize_t n = mn_read_full(fd, buffer, sizeof(buffer));
                int r = n > 0 ? mn_tar_reader_feed(reader, buffer, (size_t) n) : (int) n;
                if (r == 0 && n == 0)
                        r = mn_tar_reader_finish(reader);
                if (r < 0 && *mn_tar_reader_problem(reader))
                        fprintf(stderr, "%s\n", mn_tar_reader_problem(reader));
                if (r < 0 || n == 0)
                        return r;
        }
}

static int make_index(int tar, const char *path) {
        cleanup_close int index = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        struct stat st;
        fstat(tar, &st);
        tree *t = tree_new();
        int r = read_tree(t, tar);
        if (r == 0)
                r = erofs_write(t, tar, st.st_size, index);
        tree_free(t);
        return r;
}

static int mount_at(int tar, const char *path, const char *directory) {
        cleanup_close int index = open(path, O_RDONLY | O_CLOEXEC);
        cleanup_close int target = open(directory, O_PATH | O_CLOEXEC);
        cleanup_close int mount = erofs_mount(index, tar);
        return mount < 0 ? mount : mn_mount_attach(mount, target);
}

/* ---- stages ---- */

struct stages {
        mn_str tar; /* the uncompressed layer */
        mn_digest *digest;
        mn_tar_reader *reader;
        int fd;
};

static int gather(void *arg, const void *data, size_t len) {
        struct stages *s = arg;
        mn_str_add_len(&s->tar, data, len);
        return mn_str_error(&s->tar);
}

static int discard(void *arg, const void *data, size_t len) {
        (void) arg;
        (void) data;
        (void) len;
        return 0;
}

static int hash(struct stages *s, const char *data, size_t len) {
        mn_digest_update(s->digest, data, len);
        return 0;
}

static int parse(struct stages *s, const char *data, size_t len) {
        return mn_tar_reader_feed(s->reader, data, len);
}

static int store_piece(struct stages *s, const char *data, size_t len) {
        return mn_write_all(s->fd, data, len);
}

static void print_rate(const char *name, size_t bytes, int64_t began) {
        double seconds = (double) (mn_monotonic_ns() - began) / 1e9;
        printf("%-12s %8.0f MiB/s %7.1f ms\n", name, (double) bytes / seconds / (1 << 20), seconds * 1e3);
}

static int time_step(struct stages *s, const char *name, int (*step)(struct stages *, const char *, size_t)) {
        enum { PIECE = 256 << 10 };
        int64_t began = mn_monotonic_ns();
        int r = 0;
        for (size_t at = 0; at < s->tar.len && r == 0; at += PIECE)
                r = step(s, s->tar.data + at, MN_MIN((size_t) PIECE, s->tar.len - at));
        print_rate(name, s->tar.len, began);
        return r;
}

/* Decompresses twice: once to have the tar, once for the time. */
static int time_decompression(struct stages *s, const char *data, size_t len) {
        mn_compression format = mn_compression_detect(data, len);
        mn_decompressor *first = mn_decompressor_new(format, gather, s);
        int r = mn_decompressor_feed(first, data, len);
        mn_decompressor_free(first);
        mn_decompressor *second = mn_decompressor_new(format, discard, s);
        int64_t began = mn_monotonic_ns();
        if (r == 0)
                r = mn_decompressor_feed(second, data, len);
        print_rate("decompress", s->tar.len, began);
        mn_decompressor_free(second);
        return r;
}

static int time_stages(const char *path, const char *scratch) {
        static const mn_tar_handler handler = { .entry = on_entry };
        cleanup_free char *data = NULL;
        size_t len;
        int r = mn_file_read(AT_FDCWD, path, SIZE_MAX / 2, &data, &len);
        cleanup_close int dir = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cleanup_close int index = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        tree *t = tree_new();
        struct stages s = { .tar = MN_STR_INIT((size_t) 4 << 30),
                            .digest = mn_digest_new(MN_DIGEST_SHA256),
                            .reader = mn_tar_reader_new(&handler, t),
                            .fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };
        if (r >= 0)
                r = time_decompression(&s, data, len);
        if (r == 0)
                r = time_step(&s, "sha256", hash);
        if (r == 0)
                r = time_step(&s, "tar, tree", parse);
        if (r == 0)
                r = time_step(&s, "write", store_piece);
        int64_t began = mn_monotonic_ns();
        if (r == 0)
                r = erofs_write(t, s.fd, (int64_t) s.tar.len, index);
        print_rate("index", s.tar.len, began);
        began = mn_monotonic_ns();
        fdatasync(s.fd);
        print_rate("sync", s.tar.len, began);
        mn_close(s.fd);
        mn_digest_free(s.digest);
        mn_tar_reader_free(s.reader);
        mn_str_release(&s.tar);
        tree_free(t);
        return r;
}

int main(int argc, char **argv) {
        if (argc < 4)
                return 2;
        cleanup_close int tar = open(argv[2], O_RDONLY | O_CLOEXEC);
        int r = -1;
        if (!strcmp(argv[1], "index"))
                r = make_index(tar, argv[3]);
        else if (!strcmp(argv[1], "stages"))
                r = time_stages(argv[2], argv[3]);
        else if (!strcmp(argv[1], "mount") && argc == 5)
                r = mount_at(tar, argv[3], argv[4]);
        if (r < 0)
                fprintf(stderr, "layer-tool: %s\n", mn_strerror(r));
        return r < 0;
}
