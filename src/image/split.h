/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How the tar of an unpacked layer is kept without a second copy of its contents. The worker writes beside
 * `tree`:
 *
 * - `split`: records in the order of the tar: bytes of its own (headers, padding), runs of zeros, and pieces
 * of numbered files.
 * - `names`: for each number, from 1 on, the length and the bytes of the file's path ("tree/etc/passwd");
 *   length 0: `data/<number>`, a file that a later entry of the tar replaced.
 * - `opaque`: length and bytes of the paths of opaque directories; the daemon marks them and removes the
 * list.
 *
 * All of it comes from a process that has read hostile bytes. Who reads it opens paths inside the layer's
 * directory only, follows no link, and trusts the result for its digest alone. Numbers are little endian.
 */

#include <stdint.h>

enum split_kind {
        SPLIT_BYTES = 'B', /* `len` bytes follow */
        SPLIT_ZEROS = 'Z', /* `len` zeros */
        SPLIT_FILE = 'F',  /* `len` bytes of file `number`, which never falls, from `offset` on */
};

struct __attribute__((packed)) split_record {
        uint8_t kind;
        uint32_t number;
        uint64_t offset;
        uint64_t len;
};

enum {
        SPLIT_RUN_MIN = 64,        /* fewer zeros are bytes like others */
        SPLIT_PATH_MAX = 64 << 20, /* bytes of one path, which links of a layer can make long */
};

/* ---- between daemon and worker, over a stream socket ---- */

enum {
        UNPACK_SOCKET_FD = 3,
        UNPACK_DIR_FD = 4,            /* the layer's directory */
        UNPACK_PIECE_MAX = 256 << 10, /* bytes of tar in one message */
        UNPACK_PROBLEM_SIZE = 256,
};

/* From the daemon: the length of a piece of the tar (4 bytes), then the piece; length 0 at the end. From the
   worker: one of these, after which it ends. */
struct unpack_result {
        int32_t error;                     /* 0 or -errno */
        char problem[UNPACK_PROBLEM_SIZE]; /* what is wrong with the layer; "" when it is not the layer's
                                              fault */
};
