/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Unix sockets in a directory given by descriptor: the path may be longer than the 107 bytes an address
 * holds. */

#include <sys/types.h>

/* Replaces `name` by a listening socket (mode 0600, close-on-exec, non-blocking). `type` is SOCK_STREAM or
   SOCK_SEQPACKET. fd or -errno. */
int mn_unix_listen(int dirfd, const char *name, int type);

/* Connects (close-on-exec, blocking). fd or -errno: -ENOENT without such a file, -ECONNREFUSED when nobody
 * listens. */
int mn_unix_connect(int dirfd, const char *name, int type);

/* User of the other side when it connected. 0 or -errno. */
int mn_unix_peer_uid(int fd, uid_t *ret);
