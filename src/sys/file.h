/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whole files and directories. `dirfd` is AT_FDCWD or a directory; names are ours, not a container's (see
 * path.h). */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads a regular file of at most `max` bytes into a fresh NUL-terminated buffer. 0 or -errno (-EFBIG when
 * larger). */
int mn_file_read(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len);

/* As above from a descriptor, from its current position. */
int mn_file_read_fd(int fd, size_t max, char **ret, size_t *ret_len);

/* Replaces `name` atomically and durably: temporary file, write, fsync, rename, fsync of the directory. */
int mn_file_write_atomic(int dirfd, const char *name, const void *data, size_t len, mode_t mode);

/* As mn_file_write_atomic without the two fsyncs: atomic for readers, for files that need not outlive a power
 * cut. */
int mn_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode);

/* Creates the file (O_EXCL) with the contents. */
int mn_file_create(int dirfd, const char *name, const void *data, size_t len, mode_t mode);

/* Writes a short value to an existing file in one write(2), as kernel files want it. */
int mn_file_put(int dirfd, const char *name, const char *value);

/* mkdir -p; existing directories keep their mode. */
int mn_mkdir_p(const char *path, mode_t mode);

/* Removes a tree without following links or crossing into mounts; -errno of the first failure but it goes on.
   0 when it is not there. Iterative: any depth. */
int mn_remove_tree(int dirfd, const char *name);

/* fsync of a directory opened by name. */
int mn_sync_dir(int dirfd, const char *name);
