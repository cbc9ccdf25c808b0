/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Paths that come from a container, an image or an archive are never used as strings: they are resolved here,
 * with openat2() below a root descriptor, and what is done is done on the resulting descriptor.
 */

#include <stdint.h>
#include <sys/types.h>

/* Opens `path` as a process chrooted into `rootfd` would see it (absolute links and ".." stay inside; magic
   links are refused). `flags` as open(2), O_CLOEXEC is added. Retries on EAGAIN a bounded number of times. fd
   or -errno. */
int mn_open_in_root(int rootfd, const char *path, int flags, mode_t mode);

/* As above but nothing may lead out of `dirfd`: an absolute link or a ".." that would is -EXDEV. */
int mn_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* As mn_open_beneath, following no symbolic link at all. */
int mn_open_nofollow(int dirfd, const char *path, int flags, mode_t mode);

/* Opens the directory `path` in the root, creating missing components (mode, owned by uid:gid). Existing
   symbolic links are followed inside the root. Returns an O_PATH directory descriptor or -errno. */
int mn_mkdir_in_root(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid);

/* Opens the directory that holds the last component of `path` (creating missing parents when `create_mode` is
   not 0) and copies that component, which is never empty, "." or "..", into `ret_name` (size NAME_MAX+1 =
   256). O_PATH descriptor or -errno. */
int mn_open_parent_in_root(int rootfd, const char *path, mode_t create_mode, char ret_name[256]);

/* "/proc/self/fd/N" for calls that know only names. */
const char *mn_fd_path(int fd, char buf[32]);
