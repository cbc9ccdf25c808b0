/* SPDX-License-Identifier: Apache-2.0 */
/* The description an unpacking worker leaves: two bytes say how long `names` is, then come `names` and
   `split`. Whatever they say, reading ends, and within the layer's directory. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/layer_reader.h"
#include "sys/fd.h"
#include "sys/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 1 << 20 };

static char path[] = "/tmp/fuzz-split-XXXXXX";

static void remove_directory(void) {
        mn_remove_tree(AT_FDCWD, path);
}

static int layer_directory(void) {
        static int fd = -1;
        if (fd < 0 && mkdtemp(path)) {
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (mkdirat(fd, "tree", 0700) < 0 || mn_file_create(fd, "tree/f", "contents", 8, 0600) < 0 ||
                    symlinkat("/etc/passwd", fd, "tree/link") < 0)
                        abort();
                atexit(remove_directory);
        }
        return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char digest[] = "sha256:"
                                     "0000000000000000000000000000000000000000000000000000000000000000";
        static char buffer[64 << 10];
        int dir = layer_directory();
        if (size < 2)
                return 0;
        size_t names = MN_MIN((size_t) data[0] | (size_t) data[1] << 8, size - 2);
        if (mn_file_replace(dir, "names", data + 2, names, 0600) < 0 ||
            mn_file_replace(dir, "split", data + 2 + names, size - 2 - names, 0600) < 0)
                abort();
        cleanup_layer_reader layer_reader *reader = NULL;
        if (layer_reader_of_tree(dir, &reader) < 0)
                abort();
        layer_reader_verify(reader, digest, SIZE);
        ssize_t n, total = 0;
        while ((n = layer_reader_read(reader, buffer, sizeof(buffer))) > 0)
                total += n;
        if (total > SIZE || n == 0) /* the digest is nobody's */
                abort();
        return 0;
}
