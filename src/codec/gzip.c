/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gzip.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#include "base/alloc.h"

struct mn_gzip {
        struct isal_zstream stream;
        uint8_t level_buffer[ISAL_DEF_LVL1_DEFAULT];
};

mn_gzip *mn_gzip_new(void) {
        mn_gzip *z = mn_alloc(sizeof(*z));
        isal_deflate_init(&z->stream);
        z->stream.gzip_flag = IGZIP_GZIP;
        z->stream.level = 1;
        z->stream.level_buf = z->level_buffer;
        z->stream.level_buf_size = sizeof(z->level_buffer);
        return z;
}

void mn_gzip_free(mn_gzip *z) {
        free(z);
}

void mn_gzip_freep(mn_gzip **z) {
        mn_gzip_free(*z);
}

void mn_gzip_put(mn_gzip *z, const void *in, size_t len, bool is_last) {
        z->stream.next_in = (uint8_t *) (uintptr_t) in;
        z->stream.avail_in = (uint32_t) len;
        z->stream.end_of_stream = is_last;
}

bool mn_gzip_wants_input(const mn_gzip *z) {
        return z->stream.avail_in == 0 && !z->stream.end_of_stream;
}

ssize_t mn_gzip_take(mn_gzip *z, void *out, size_t size) {
        if (z->stream.internal_state.state == ZSTATE_END)
                return 0;
        z->stream.next_out = out;
        z->stream.avail_out = (uint32_t) size;
        if (isal_deflate(&z->stream) != COMP_OK)
                return -EIO;
        return (ssize_t) (size - z->stream.avail_out);
}
