/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A decompressor as in codec/compress.h whose work a process does that has nothing to lose
 * (minato-decompress). All of it happens in the caller's thread: feeding takes along what has come out so
 * far.
 */

#include <stdbool.h>

#include "codec/compress.h"

typedef struct decompress_worker decompress_worker;

/* Where workers come from. `program` is minato-decompress; NULL: the bytes are decompressed in this process,
 * for tools. May be used by several threads. */
typedef struct decompress_pool decompress_pool;
decompress_pool *decompress_pool_new(const char *program);

/* When no worker and no operation is left. */
void decompress_pool_free(decompress_pool *pool);

/* Around an operation with several streams: a worker that has done one is kept for the next, until the last
 * operation under way leaves. */
void decompress_pool_enter(decompress_pool *pool);
void decompress_pool_leave(decompress_pool *pool);

/* A worker for one stream; one that is not compressed has none. The sink gets bytes that may change while it
 * looks at them: with `copies` it promises to copy them first, without, it gets a copy. 0, -ENOTSUP for a
 * format that is not supported, or another -errno. */
int decompress_worker_new(decompress_pool *pool, mn_compression format, bool copies, mn_sink_fn sink,
                          void *arg, decompress_worker **ret);

/* Ends it if it is in the middle of the stream. NULL is accepted. */
void decompress_worker_free(decompress_worker *w);
void decompress_worker_freep(decompress_worker **w);
#define cleanup_decompress_worker MN_CLEANUP(decompress_worker_freep)

/* Takes the next piece: 0, the sink's error, -EBADMSG when the stream is corrupt, -EPROTO when the worker
 * came to an end without a word. */
int decompress_worker_feed(decompress_worker *w, const void *data, size_t len) MN_MUST_USE;

/* The input has ended: the rest goes to the sink. As above; -EBADMSG also when it was cut short. */
int decompress_worker_finish(decompress_worker *w) MN_MUST_USE;
