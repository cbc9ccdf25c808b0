/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/str.h"

/* Feeds pieces of `in_step` bytes, takes pieces of `out_step`. */
static void compress_in_steps(const char *text, size_t len, size_t in_step, size_t out_step, mn_str *out) {
        cleanup_gzip mn_gzip *z = mn_gzip_new();
        cleanup_free char *buf = mn_alloc(out_step);
        size_t pos = 0;
        for (;;) {
                if (mn_gzip_wants_input(z)) {
                        size_t n = MN_MIN(in_step, len - pos);
                        mn_gzip_put(z, text + pos, n, pos + n == len);
                        pos += n;
                }
                ssize_t n = mn_gzip_take(z, buf, out_step);
                assert_true(n >= 0);
                if (n == 0 && !mn_gzip_wants_input(z))
                        return;
                mn_str_add_len(out, buf, (size_t) n);
        }
}

static void decompress(const mn_str *in, char *out, size_t len) {
        z_stream s = { .next_in = (void *) in->data,
                       .avail_in = (unsigned) in->len,
                       .next_out = (void *) out,
                       .avail_out = (unsigned) len + 1 };
        assert_int_equal(inflateInit2(&s, 31), Z_OK);
        assert_int_equal(inflate(&s, Z_FINISH), Z_STREAM_END);
        assert_int_equal(s.total_out, len);
        inflateEnd(&s);
}

static void round_trips(void **state) {
        (void) state;
        static const size_t lengths[] = { 0, 1, 100, 65536, 300000 };
        for (size_t i = 0; i < MN_ARRAY_LEN(lengths); i++) {
                size_t len = lengths[i];
                cleanup_free char *text = mn_alloc(len + 1), *back = mn_alloc(len + 1);
                for (size_t k = 0; k < len; k++)
                        text[k] = (char) (k % 7 ? 'a' + (int) (k % 13) : rand());
                cleanup_str mn_str small = MN_STR_INIT(0), large = MN_STR_INIT(0);
                compress_in_steps(text, len, 1000, 333, &small);
                compress_in_steps(text, len, 1000, 1 << 18, &large);
                decompress(&small, back, len);
                assert_memory_equal(text, back, len);
                /* the size of the reader's buffer must not show in the bytes */
                assert_int_equal(small.len, large.len);
                assert_memory_equal(small.data, large.data, small.len);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(round_trips) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
