/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whole trees by descriptor: nothing is followed out of them, so their contents may be anybody's. */

#include <stdint.h>

/* Bytes on disk (blocks) of the tree under the directory `fd`, each inode once. Other file systems mounted
   inside do not count. 0 or -errno. Iterative. */
int mn_tree_usage(int fd, uint64_t *ret_bytes);

/* True (1) when the directory holds nothing but "lost+found"; 0, or -errno. */
int mn_dir_is_empty(int fd);

/* Copies the contents of directory `from` into directory `to`, which exists: files, directories, links,
   devices, FIFOs and sockets' names, with owner, mode, times and extended attributes; then gives `to` the
   owner and mode of `from`. Hard links become files of their own. Does not cross into other mounts' contents
   it cannot read. -ELOOP when nested deeper than 1,000. 0 or the first -errno; what was copied stays. */
int mn_tree_copy(int from, int to);
