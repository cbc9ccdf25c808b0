/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a tree of the driver `unpack` says of its files beside their contents: names, types, owners, modes,
 * sizes, times, devices, targets of links, how many names a file has, and extended attributes. One digest of
 * all of it is noted beside the tree when it is made.
 */

/* Notes the digest of `tree` in the layer's directory: 0 or -errno. */
int layer_metadata_write(int dir_fd);

/* Compares: 1 when the tree is as it was made, or when nothing was noted, 0 when it is not; -errno. */
int layer_metadata_check(int dir_fd);
