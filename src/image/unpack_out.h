/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A file written front to back through a buffer (the worker minato-unpack). */

#include <stddef.h>

struct unpack_out {
        int fd;
        int error; /* of the first write that failed; what follows is dropped */
        size_t len;
        char buffer[64 << 10];
};

/* Creates `name` in the current directory: 0 or -errno. */
int unpack_out_open(struct unpack_out *out, const char *name);
void unpack_out_put(struct unpack_out *out, const void *data, size_t len);

/* Writes what is left: 0 or the first error. */
int unpack_out_close(struct unpack_out *out);
