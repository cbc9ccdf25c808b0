/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Decompression of streams that arrive in pieces of any size. Output is bounded by what the sink accepts;
 * memory is bounded by the format (gzip 32 KiB of history, zstd a window of at most 128 MiB).
 */

#include <stddef.h>

#include "base/macro.h"

typedef enum mn_compression {
        MN_COMPRESSION_NONE,
        MN_COMPRESSION_GZIP,  /* any number of members, zeros after the last one */
        MN_COMPRESSION_ZSTD,  /* any number of frames, skippable ones too */
        MN_COMPRESSION_BZIP2, /* recognised, not supported */
        MN_COMPRESSION_XZ,    /* recognised, not supported */
} mn_compression;

enum {
        MN_COMPRESSION_HEAD = 6, /* bytes that tell the format */
        MN_DECOMPRESSOR_OUT = 256 << 10,
};

/* What a stream is by its first bytes; fewer than MN_COMPRESSION_HEAD are a whole short stream. */
mn_compression mn_compression_detect(const void *head, size_t len);

/* Receives output: 0, or -errno to stop. */
typedef int (*mn_sink_fn)(void *arg, const void *data, size_t len);

typedef struct mn_decompressor mn_decompressor;

/* NULL for a format that is not supported. */
mn_decompressor *mn_decompressor_new(mn_compression format, mn_sink_fn sink, void *arg);
void mn_decompressor_free(mn_decompressor *d);

/* From now on output is made in `out`, MN_DECOMPRESSOR_OUT bytes that the caller keeps, instead of a buffer
 * of its own. The sink may call this: for formats that compress, every call of it gets the beginning of
 * `out`. */
void mn_decompressor_set_out(mn_decompressor *d, void *out);

/* Takes the next piece: 0, the sink's error, or -EBADMSG when the stream is corrupt. */
int mn_decompressor_feed(mn_decompressor *d, const void *data, size_t len) MN_MUST_USE;

/* The input has ended: -EBADMSG when it was cut short. */
int mn_decompressor_finish(mn_decompressor *d) MN_MUST_USE;

void mn_decompressor_freep(mn_decompressor **d);
#define cleanup_decompressor MN_CLEANUP(mn_decompressor_freep)
