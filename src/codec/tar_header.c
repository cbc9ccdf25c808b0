/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and checksums of tar headers. */

#include "codec/tar_header.h"

#include <string.h>

_Static_assert(sizeof(struct tar_header) == 512, "a header is one block");
_Static_assert(sizeof(struct tar_gnu) == 512, "a header is one block");
_Static_assert(sizeof(struct tar_sparse_block) == 512, "an extension is one block");

/* Two's complement, big endian; the top bit of the first byte only says that it is base-256. */
static bool number_base256(const unsigned char *p, size_t len, int64_t *ret) {
        bool is_negative = p[0] & 0x40;
        uint64_t fill = is_negative ? UINT64_MAX : 0;
        uint64_t value = fill;
        for (size_t i = 0; i < len; i++) {
                unsigned char c = i ? p[i] : (unsigned char) (is_negative ? p[0] : p[0] & 0x7f);
                if (value >> 55 != fill >> 55)
                        return false;
                value = value << 8 | c;
        }
        *ret = (int64_t) value;
        return (*ret < 0) == is_negative;
}

bool tar_number(const char *field, size_t len, int64_t *ret) {
        if ((unsigned char) field[0] & 0x80)
                return number_base256((const unsigned char *) field, len, ret);
        size_t i = 0;
        int64_t value = 0;
        while (i < len && field[i] == ' ')
                i++;
        for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
                value = value << 3 | (field[i] - '0'); /* at most 36 bits */
        for (; i < len; i++)
                if (field[i] != ' ' && field[i])
                        return false;
        *ret = value;
        return true;
}

unsigned tar_checksum(const struct tar_header *h) {
        const unsigned char *p = (const unsigned char *) h;
        unsigned sum = ' ' * sizeof(h->checksum);
        for (size_t i = 0; i < sizeof(*h); i++)
                sum += p[i];
        for (size_t i = 0; i < sizeof(h->checksum); i++)
                sum -= (unsigned char) h->checksum[i];
        return sum;
}

static int checksum_signed(const struct tar_header *h) {
        const signed char *p = (const signed char *) h;
        int sum = ' ' * (int) sizeof(h->checksum);
        for (size_t i = 0; i < sizeof(*h); i++)
                sum += p[i];
        for (size_t i = 0; i < sizeof(h->checksum); i++)
                sum -= (signed char) h->checksum[i];
        return sum;
}

bool tar_checksum_is_right(const struct tar_header *h) {
        int64_t want;
        if (!tar_number(h->checksum, sizeof(h->checksum), &want))
                return false;
        return want == (int64_t) tar_checksum(h) || want == checksum_signed(h);
}
