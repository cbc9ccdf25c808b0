/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The EROFS index of a layer: all metadata, and pointers into the layer's tar for the contents. */

#include <stdint.h>

#include "image/tree.h"

/* Writes the index of `t` to `index_fd` (empty). `tar_fd` is the complete tar of `tar_size` bytes: sparse
   files, which EROFS cannot point to, are copied from it, holes kept. The same tar gives the same bytes
   always. 0 or -errno (-EFBIG when a size does not fit the format). */
int erofs_write(tree *t, int tar_fd, int64_t tar_size, int index_fd);

/* Mounts the pair (files, or block devices) as a detached read-only mount: a descriptor or -errno. */
int erofs_mount(int index_fd, int tar_fd);
