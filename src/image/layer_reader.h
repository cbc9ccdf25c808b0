/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The uncompressed tar of a layer, front to back, whether it is kept as a file or as its contents
 * (image/split.h). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"

typedef struct layer_reader layer_reader;

/* Over a tar; the descriptor is taken. */
layer_reader *layer_reader_of_tar(int fd) __attribute__((returns_nonnull));

/* Over the layer's directory as the worker left it: 0 or -errno. What is read is the layer's tar only if its
   digest says so. */
int layer_reader_of_tree(int dir_fd, layer_reader **ret);

/* Hashes what is read: -EBADMSG for more than `size` bytes, and at the end when it was not the layer
   `diff_id` of that size. */
void layer_reader_verify(layer_reader *r, const char *diff_id, int64_t size);

/* False: the layer is kept as its contents. */
bool layer_reader_is_tar(const layer_reader *r);

void layer_reader_free(layer_reader *r);
void layer_reader_freep(layer_reader **r);
#define cleanup_layer_reader MN_CLEANUP(layer_reader_freep)

/* Fills `buf`, less only at the end: bytes, 0 at the end, or -errno (-EBADMSG: the description is damaged,
   -ENOENT: a file is missing or shorter than it was). */
ssize_t layer_reader_read(layer_reader *r, void *buf, size_t len);

/* An O_PATH descriptor of `path` inside the directory, following no link; `path`, which may be longer than
   the kernel takes at once, is cut up. -errno when it is not there. */
int layer_open_long(int dir_fd, char *path, int flags);
