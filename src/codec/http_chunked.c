/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/http.h"

#include <errno.h>

enum { MAX_SIZE_DIGITS = 15, MAX_LINE_BYTES = 256, MAX_TRAILER_BYTES = 8192 };

/* Where in a chunked body the decoder stands. */
enum state {
        SIZE,         /* hexadecimal digits of a chunk's size */
        EXTENSION,    /* after ';': ignored up to the end of the line */
        SIZE_LF,      /* the LF after the size line */
        DATA,         /* `remaining` bytes of the chunk */
        DATA_CR,      /* CR after the data */
        DATA_LF,      /* LF after the data */
        TRAILER,      /* first byte of a trailer line, or of the empty line that ends the body */
        TRAILER_LINE, /* inside a trailer line: ignored */
        TRAILER_LF,   /* LF of a trailer line */
        LAST_LF,      /* LF of the empty line */
        DONE,
};

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static int in_size(mn_http_chunked *c, char ch) {
        int value = hex_value(ch);
        if (value >= 0) {
                c->remaining = c->remaining * 16 + (unsigned) value;
                return ++c->digits <= MAX_SIZE_DIGITS ? SIZE : -EBADMSG;
        }
        if (c->digits == 0)
                return -EBADMSG;
        return ch == '\r' ? SIZE_LF : ch == ';' ? EXTENSION : -EBADMSG;
}

/* Extensions and trailers are skipped, within limits and without control characters. */
static int in_ignored(unsigned *count, unsigned max, char ch, int same, int at_cr) {
        if (ch == '\r')
                return at_cr;
        if (((unsigned char) ch < 0x20 && ch != '\t') || ch == 0x7f || ++*count > max)
                return -EBADMSG;
        return same;
}

/* One byte outside the data; the next state or -EBADMSG. */
static int step(mn_http_chunked *c, char ch) {
        switch ((enum state) c->state) {
        case SIZE:
                return in_size(c, ch);
        case EXTENSION:
                return in_ignored(&c->line_bytes, MAX_LINE_BYTES, ch, EXTENSION, SIZE_LF);
        case SIZE_LF:
                c->digits = c->line_bytes = 0;
                return ch != '\n' ? -EBADMSG : c->remaining ? DATA : TRAILER;
        case DATA_CR:
                return ch == '\r' ? DATA_LF : -EBADMSG;
        case DATA_LF:
                return ch == '\n' ? SIZE : -EBADMSG;
        case TRAILER:
                return in_ignored(&c->trailer_bytes, MAX_TRAILER_BYTES, ch, TRAILER_LINE, LAST_LF);
        case TRAILER_LINE:
                return in_ignored(&c->trailer_bytes, MAX_TRAILER_BYTES, ch, TRAILER_LINE, TRAILER_LF);
        case TRAILER_LF:
                return ch == '\n' ? TRAILER : -EBADMSG;
        case LAST_LF:
                return ch == '\n' ? DONE : -EBADMSG;
        case DATA:
        case DONE:
                break;
        }
        return -EBADMSG;
}

int mn_http_chunked_decode(mn_http_chunked *c, const char *in, size_t len, size_t *ret_consumed,
                           const char **ret_data, size_t *ret_data_len) {
        size_t i = 0;
        *ret_data = in;
        *ret_data_len = 0;
        while (i < len && c->state != DATA && c->state != DONE) {
                int next = step(c, in[i++]);
                if (next < 0)
                        return next;
                c->state = next;
        }
        if (i < len && c->state == DATA) {
                size_t part = len - i < c->remaining ? len - i : (size_t) c->remaining;
                *ret_data = in + i;
                *ret_data_len = part;
                i += part;
                c->remaining -= part;
                if (c->remaining == 0)
                        c->state = DATA_CR;
        }
        *ret_consumed = i;
        return c->state == DONE;
}

size_t mn_http_chunked_wants(const mn_http_chunked *c) {
        /* The shortest way from each state to the end of the body; "0 CR LF CR LF" is five bytes. */
        enum { SHORTEST_END = 5 };
        switch ((enum state) c->state) {
        case DATA:
                return c->remaining > SIZE_MAX - 7 ? SIZE_MAX : (size_t) c->remaining + 2 + SHORTEST_END;
        case DATA_CR:
                return 2 + SHORTEST_END;
        case DATA_LF:
                return 1 + SHORTEST_END;
        case SIZE:
                return c->digits ? 4 : SHORTEST_END;
        case EXTENSION:
                return 4;
        case SIZE_LF:
                return 3;
        case TRAILER:
                return 2;
        case TRAILER_LINE:
                return 4;
        case TRAILER_LF:
                return 3;
        case LAST_LF:
        case DONE:
                return 1;
        }
        return 1;
}
