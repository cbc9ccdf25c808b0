/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Between the daemon and its worker minato-decompress: memory both have, cut into slots that are filled and
 * emptied in turn, and two stream sockets that say so. The worker may write to the memory at any time: what
 * the daemon finds there is copied before it is looked at.
 *
 * - in: from the daemon DECOMPRESS_GZIP or DECOMPRESS_ZSTD when a stream begins, then the length of each
 * input slot, and 0 at the end (4 bytes each); from the worker a byte when a slot is empty again.
 * - out: from the worker struct decompress_out, with length 0 at the end of the stream; from the daemon a
 * byte when a slot is empty again.
 *
 * Slots go on where the stream before ended. After an error the worker ends.
 */

#include <stdint.h>

#include "codec/compress.h"

enum {
        DECOMPRESS_IN_FD = 3,
        DECOMPRESS_OUT_FD = 4,
        DECOMPRESS_MEMORY_FD = 5,
        DECOMPRESS_SLOTS = 4, /* of each kind */
        DECOMPRESS_IN_SIZE = 64 << 10,
        DECOMPRESS_OUT_SIZE = MN_DECOMPRESSOR_OUT,
        DECOMPRESS_OUT_BEGIN = DECOMPRESS_SLOTS * DECOMPRESS_IN_SIZE, /* input slots come first */
        DECOMPRESS_MEMORY_SIZE = DECOMPRESS_OUT_BEGIN + DECOMPRESS_SLOTS * DECOMPRESS_OUT_SIZE,
};

#define DECOMPRESS_GZIP UINT32_MAX
#define DECOMPRESS_ZSTD (UINT32_MAX - 1)

struct decompress_out {
        uint32_t len;  /* bytes in the next output slot; 0: the stream has ended */
        int32_t error; /* with length 0: 0, -EBADMSG for a stream that is corrupt or cut short, another -errno
                        */
};
