/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by ISA-L (2.6 times zlib here), zstd by libzstd. */

#include "codec/compress.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"

enum { OUT_SIZE = MN_DECOMPRESSOR_OUT, ZSTD_WINDOW_LOG_MAX = 27 };

struct mn_decompressor {
        mn_compression format;
        mn_sink_fn sink;
        void *arg;
        struct inflate_state *gzip;
        ZSTD_DStream *zstd;
        bool is_idle;    /* between members or frames: the stream may end here */
        bool is_padding; /* zeros after the last gzip member */
        uint8_t *out;    /* OUT_SIZE bytes: `own`, or the caller's */
        uint8_t *own;
};

mn_compression mn_compression_detect(const void *head, size_t len) {
        static const struct {
                mn_compression format;
                size_t len;
                const char *magic;
        } magics[] = {
                { MN_COMPRESSION_GZIP, 3, "\x1f\x8b\x08" },
                { MN_COMPRESSION_ZSTD, 4, "\x28\xb5\x2f\xfd" },
                { MN_COMPRESSION_BZIP2, 3, "BZh" },
                { MN_COMPRESSION_XZ, 6,
                  "\xfd"
                  "7zXZ\0" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(magics); i++)
                if (len >= magics[i].len && !memcmp(head, magics[i].magic, magics[i].len))
                        return magics[i].format;
        return MN_COMPRESSION_NONE;
}

static void start_gzip_member(struct inflate_state *state) {
        isal_inflate_init(state);
        state->crc_flag = ISAL_GZIP;
}

mn_decompressor *mn_decompressor_new(mn_compression format, mn_sink_fn sink, void *arg) {
        if (format == MN_COMPRESSION_BZIP2 || format == MN_COMPRESSION_XZ)
                return NULL;
        mn_decompressor *d = mn_alloc(sizeof(*d));
        d->format = format;
        d->sink = sink;
        d->arg = arg;
        if (format == MN_COMPRESSION_GZIP) {
                d->gzip = mn_alloc(sizeof(*d->gzip));
                start_gzip_member(d->gzip);
        } else if (format == MN_COMPRESSION_ZSTD) {
                d->zstd = ZSTD_createDStream();
                if (!d->zstd)
                        abort();
                ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
        }
        if (format != MN_COMPRESSION_NONE)
                d->out = d->own = mn_alloc(OUT_SIZE);
        return d;
}

void mn_decompressor_free(mn_decompressor *d) {
        if (!d)
                return;
        ZSTD_freeDStream(d->zstd);
        free(d->gzip);
        free(d->own);
        free(d);
}

void mn_decompressor_set_out(mn_decompressor *d, void *out) {
        d->out = out;
}

void mn_decompressor_freep(mn_decompressor **d) {
        mn_decompressor_free(*d);
}

/* After a member: another one, zeros to the end, or rubbish. Moves `*data` past zeros. */
static int between_members(mn_decompressor *d, const uint8_t **data, size_t *len) {
        while (*len && !**data && (d->is_padding || d->is_idle)) {
                d->is_padding = true;
                (*data)++;
                (*len)--;
        }
        if (!*len)
                return 0;
        if (d->is_padding)
                return -EBADMSG;
        start_gzip_member(d->gzip);
        d->is_idle = false;
        return 0;
}

static int feed_gzip(mn_decompressor *d, const uint8_t *data, size_t len) {
        while (len) {
                if (d->is_idle) {
                        int r = between_members(d, &data, &len);
                        if (r < 0 || !len)
                                return r;
                }
                d->gzip->next_in = (uint8_t *) data;
                d->gzip->avail_in = (uint32_t) MN_MIN(len, (size_t) UINT32_MAX);
                uint32_t given = d->gzip->avail_in;
                /* Output that did not fit is held inside, so go on until it leaves room and wants input. */
                do {
                        d->gzip->next_out = d->out;
                        d->gzip->avail_out = OUT_SIZE;
                        if (isal_inflate(d->gzip) != ISAL_DECOMP_OK)
                                return -EBADMSG;
                        size_t got = OUT_SIZE - d->gzip->avail_out;
                        int r = got ? d->sink(d->arg, d->out, got) : 0;
                        if (r < 0)
                                return r;
                        d->is_idle = d->gzip->block_state == ISAL_BLOCK_FINISH;
                } while (!d->is_idle && (d->gzip->avail_in || !d->gzip->avail_out));
                size_t used = given - d->gzip->avail_in;
                data += used;
                len -= used;
        }
        return 0;
}

static int feed_zstd(mn_decompressor *d, const uint8_t *data, size_t len) {
        ZSTD_inBuffer in = { data, len, 0 };
        bool is_full = false;
        while (in.pos < in.size || is_full) {
                ZSTD_outBuffer out = { d->out, OUT_SIZE, 0 };
                size_t left = ZSTD_decompressStream(d->zstd, &out, &in);
                if (ZSTD_isError(left))
                        return -EBADMSG;
                int r = out.pos ? d->sink(d->arg, d->out, out.pos) : 0;
                if (r < 0)
                        return r;
                d->is_idle = left == 0;
                is_full = out.pos == out.size && !d->is_idle;
        }
        return 0;
}

int mn_decompressor_feed(mn_decompressor *d, const void *data, size_t len) {
        if (!len)
                return 0;
        if (d->format == MN_COMPRESSION_GZIP)
                return feed_gzip(d, data, len);
        if (d->format == MN_COMPRESSION_ZSTD)
                return feed_zstd(d, data, len);
        return d->sink(d->arg, data, len);
}

int mn_decompressor_finish(mn_decompressor *d) {
        return d->format == MN_COMPRESSION_NONE || d->is_idle ? 0 : -EBADMSG;
}
