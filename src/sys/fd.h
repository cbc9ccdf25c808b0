/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* File descriptors. Everything here is close-on-exec unless said otherwise. */

#include <stddef.h>
#include <sys/types.h>

#include "base/macro.h"

/* Closes unless negative; keeps errno; always returns -1 so that `fd = mn_close(fd)` reads well. */
int mn_close(int fd);
void mn_closep(int *fd);
#define cleanup_close MN_CLEANUP(mn_closep)

/* Writes all of it, retrying on EINTR and short writes (blocking descriptors). 0 or -errno. */
int mn_write_all(int fd, const void *buf, size_t len);

/* Reads until `len` bytes or end of file; bytes read or -errno. */
ssize_t mn_read_full(int fd, void *buf, size_t len);

/* Sets or clears close-on-exec / O_NONBLOCK. */
int mn_fd_set_cloexec(int fd, int is_on);
int mn_fd_set_nonblock(int fd, int is_on);

/* flock(2): LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB -EWOULDBLOCK instead of waiting. The lock belongs to the
   open file: whoever inherits a descriptor of it holds it, too. 0 or -errno. */
int mn_fd_lock(int fd, int operation);

/* Sends `len` bytes and up to `nfds` descriptors over a unix socket in one message; 0 or -errno. */
int mn_send_fds(int sock, const void *buf, size_t len, const int *fds, size_t nfds);

/* Receives one message: bytes read (0 at end) or -errno; descriptors are stored close-on-exec, `*ret_nfds` of
   at most `max_fds`; surplus ones are closed. */
ssize_t mn_recv_fds(int sock, void *buf, size_t len, int *fds, size_t max_fds, size_t *ret_nfds);
