/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of several members and frames, cut and corrupt ones; digests of known texts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/str.h"
#include "codec/compress.h"
#include "codec/digest.h"

static int add(void *arg, const void *data, size_t len) {
        mn_str_add_len(arg, data, len);
        return 0;
}

static int decompress(const mn_str *in, size_t step, mn_str *out) {
        mn_compression format = mn_compression_detect(in->data, in->len);
        cleanup_decompressor mn_decompressor *d = mn_decompressor_new(format, add, out);
        for (size_t at = 0; at < in->len; at += step) {
                int err = mn_decompressor_feed(d, in->data + at, MN_MIN(step, in->len - at));
                if (err < 0)
                        return err;
        }
        return mn_decompressor_finish(d);
}

static void add_gzip(mn_str *out, const char *text, size_t len) {
        z_stream z = { 0 };
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
        size_t room = deflateBound(&z, len) + 64;
        char *to = mn_str_reserve(out, room);
        z.next_in = (Bytef *) (uintptr_t) text;
        z.avail_in = (uInt) len;
        z.next_out = (Bytef *) to;
        z.avail_out = (uInt) room;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        out->len += room - z.avail_out;
        deflateEnd(&z);
}

static void add_zstd(mn_str *out, const char *text, size_t len) {
        size_t room = ZSTD_compressBound(len);
        char *to = mn_str_reserve(out, room);
        size_t n = ZSTD_compress(to, room, text, len, 3);
        out->len += n;
}

/* A text long enough to fill the output buffer several times. */
static void fill(mn_str *text) {
        for (unsigned i = 0; text->len < 1500000; i++)
                mn_str_printf(text, "%u %x;", i, i * 2654435761u);
}

static void check(void (*pack)(mn_str *, const char *, size_t)) {
        cleanup_str mn_str text = { 0 }, packed = { 0 };
        fill(&text);
        pack(&packed, text.data, 1000000);
        pack(&packed, text.data + 1000000, text.len - 1000000);
        const size_t steps[] = { 1, 37, 4096, 1 << 24 };
        for (size_t i = 0; i < MN_ARRAY_LEN(steps); i++) {
                cleanup_str mn_str out = { 0 };
                assert_int_equal(decompress(&packed, steps[i], &out), 0);
                assert_int_equal(out.len, text.len);
                assert_memory_equal(out.data, text.data, text.len);
        }
        for (size_t cut = 1; cut < 40; cut += 6) {
                cleanup_str mn_str out = { 0 };
                mn_str shorter = packed;
                shorter.len -= cut;
                assert_int_equal(decompress(&shorter, 4096, &out), -EBADMSG);
        }
        packed.data[packed.len / 3] ^= 0x10;
        cleanup_str mn_str out = { 0 };
        int err = decompress(&packed, 4096, &out);
        assert_true(err == -EBADMSG || (out.len != text.len || memcmp(out.data, text.data, text.len) != 0));
}

static void test_gzip(void **state) {
        (void) state;
        check(add_gzip);
}

static void test_zstd(void **state) {
        (void) state;
        check(add_zstd);
}

static void test_gzip_tail(void **state) {
        (void) state;
        cleanup_str mn_str packed = { 0 }, out = { 0 }, again = { 0 };
        add_gzip(&packed, "harbour", 7);
        for (int i = 0; i < 1000; i++)
                mn_str_add_char(&packed, '\0');
        assert_int_equal(decompress(&packed, 64, &out), 0);
        assert_string_equal(mn_str_text(&out), "harbour");
        mn_str_add(&packed, "rubbish");
        assert_int_equal(decompress(&packed, 64, &again), -EBADMSG);
}

static void test_digest(void **state) {
        (void) state;
        char text[MN_DIGEST_SIZE];
        assert_string_equal(mn_digest_of("abc", 3, text),
                            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        cleanup_digest mn_digest *d = mn_digest_new(MN_DIGEST_SHA512);
        mn_digest_update(d, "a", 1);
        mn_digest_update(d, "bc", 2);
        assert_string_equal(
                mn_digest_finish(d, text),
                "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8"
                "36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
        assert_true(mn_digest_text_is_valid(text));
        assert_int_equal(mn_digest_algorithm_of(text), MN_DIGEST_SHA512);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gzip),
                cmocka_unit_test(test_zstd),
                cmocka_unit_test(test_gzip_tail),
                cmocka_unit_test(test_digest),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
