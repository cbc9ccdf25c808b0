/* SPDX-License-Identifier: Apache-2.0 */
/* A request's body whose length is not known beforehand, sent in chunks. */
#include "cli/client_body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"

enum { BUFFER_SIZE = 64 << 10, FILE_CHUNK_SIZE = 1 << 20 };

struct client_sink {
        int fd;
        bool is_closed; /* the daemon takes no more; it may have answered already */
};

int client_sink_write(client_sink *sink, const void *data, size_t len) {
        char size[24], line_end[] = "\r\n";
        if (!len || sink->is_closed)
                return 0;
        int digits = snprintf(size, sizeof(size), "%zx\r\n", len);
        struct iovec pieces[] = { { size, (size_t) digits }, { (void *) data, len }, { line_end, 2 } };
        for (size_t i = 0; i < MN_ARRAY_LEN(pieces);) {
                ssize_t n = writev(sink->fd, pieces + i, (int) (MN_ARRAY_LEN(pieces) - i));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
                        sink->is_closed = true;
                        return 0;
                }
                if (n < 0)
                        return -errno;
                for (; i < MN_ARRAY_LEN(pieces) && (size_t) n >= pieces[i].iov_len; i++)
                        n -= (ssize_t) pieces[i].iov_len;
                if (i < MN_ARRAY_LEN(pieces)) {
                        pieces[i].iov_base = (char *) pieces[i].iov_base + n;
                        pieces[i].iov_len -= (size_t) n;
                }
        }
        return 0;
}

static mn_status produce_from_fd(int fd, client_sink *sink, mn_err *err) {
        cleanup_free char *buf = mn_alloc(BUFFER_SIZE);
        for (;;) {
                ssize_t n = read(fd, buf, BUFFER_SIZE);
                if (n == 0 || sink->is_closed)
                        return MN_OK;
                if (n < 0 && errno == EINTR)
                        continue;
                int r = n < 0 ? -errno : client_sink_write(sink, buf, (size_t) n);
                if (r < 0)
                        return mn_fail_errno(err, r, "cannot send the request's body");
        }
}

/* One chunk of `size` bytes of the file, which the kernel hands over without our touching them. 1, 0 when the
 * daemon takes no more, -errno; -ENODATA when the file has become shorter: the chunk's size is said already.
 */
static int send_file_chunk(int fd, int sink, size_t size) {
        char head[24];
        int digits = snprintf(head, sizeof(head), "%zx\r\n", size);
        int r = mn_write_all(sink, head, (size_t) digits);
        while (r == 0 && size) {
                ssize_t n = sendfile(sink, fd, NULL, size);
                if (n > 0)
                        size -= (size_t) n;
                else if (n == 0 || errno != EINTR)
                        r = n == 0 ? -ENODATA : -errno;
        }
        if (r == 0)
                r = mn_write_all(sink, "\r\n", 2);
        return r == 0 ? 1 : r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

/* Sends what the file holds now, as far as it can be sent that way; the rest is read. */
static mn_status produce_from_file(int fd, client_sink *sink, mn_err *err) {
        struct stat st;
        off_t at = lseek(fd, 0, SEEK_CUR);
        if (at >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                while (at < st.st_size && !sink->is_closed) {
                        size_t size = (size_t) MN_MIN(st.st_size - at, (off_t) FILE_CHUNK_SIZE);
                        int r = send_file_chunk(fd, sink->fd, size);
                        if (r == -ENODATA)
                                return mn_fail(err, MN_INVALID, "the file became shorter while it was sent");
                        if (r < 0)
                                return mn_fail_errno(err, r, "cannot send the request's body");
                        sink->is_closed = r == 0;
                        at += (off_t) size;
                }
        return sink->is_closed ? MN_OK : produce_from_fd(fd, sink, err);
}

mn_status client_body_send(int fd, const client_request *request, mn_err *err) {
        client_sink sink = { .fd = fd };
        mn_status status = request->produce ? request->produce(request->userdata, &sink, err)
                                            : produce_from_file(request->body_fd, &sink, err);
        if (!status && !sink.is_closed)
                mn_write_all(fd, "0\r\n\r\n", 5);
        return status;
}
