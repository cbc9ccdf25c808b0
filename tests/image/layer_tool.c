/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests: makes the index of a tar, mounts the pair, runs the tar reader alone.
 *
 *     layer-tool index TAR INDEX
 *     layer-tool mount TAR INDEX DIRECTORY
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "codec/tar.h"
#include "image/erofs.h"
#include "image/tree.h"
#include "sys/fd.h"
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

int main(int argc, char **argv) {
        if (argc < 4)
                return 2;
        cleanup_close int tar = open(argv[2], O_RDONLY | O_CLOEXEC);
        int r = -1;
        if (!strcmp(argv[1], "index"))
                r = make_index(tar, argv[3]);
        else if (!strcmp(argv[1], "mount") && argc == 5)
                r = mount_at(tar, argv[3], argv[4]);
        if (r < 0)
                fprintf(stderr, "layer-tool: %s\n", mn_strerror(r));
        return r < 0;
}
