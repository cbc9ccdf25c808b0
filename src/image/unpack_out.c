/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack_out.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sys/fd.h"
#include "sys/path.h"

int unpack_out_open(struct unpack_out *out, const char *name) {
        out->error = 0;
        out->len = 0;
        out->fd = mn_open_nofollow(AT_FDCWD, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        return out->fd < 0 ? out->fd : 0;
}

static void flush(struct unpack_out *out) {
        if (!out->error)
                out->error = mn_write_all(out->fd, out->buffer, out->len);
        out->len = 0;
}

void unpack_out_put(struct unpack_out *out, const void *data, size_t len) {
        const char *p = data;
        while (len) {
                size_t n = MN_MIN(len, sizeof(out->buffer) - out->len);
                memcpy(out->buffer + out->len, p, n);
                out->len += n;
                p += n;
                len -= n;
                if (out->len == sizeof(out->buffer))
                        flush(out);
        }
}

int unpack_out_close(struct unpack_out *out) {
        flush(out);
        out->fd = mn_close(out->fd);
        return out->error;
}
