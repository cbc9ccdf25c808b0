/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/websocket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The example of RFC 6455, section 1.3. */
static void accepts(void **state) {
        (void) state;
        cleanup_str mn_str out = MN_STR_INIT(64);
        assert_int_equal(mn_ws_accept("dGhlIHNhbXBsZSBub25jZQ==", &out), 0);
        assert_string_equal(mn_str_text(&out), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_int_equal(mn_ws_accept("dGhlIHNhbXBsZQ==", &out), -EINVAL);
        assert_int_equal(mn_ws_accept("not base64 at all, not 24", &out), -EINVAL);
        assert_int_equal(mn_ws_accept(NULL, &out), -EINVAL);
}

/* Masked "Hello" of section 5.7, a ping in the middle of a message, an empty frame; in pieces of every size.
 */
static void reads_in_any_pieces(void **state) {
        (void) state;
        static const uint8_t in[] = { 0x01, 0x83, 0x37, 0xfa, 0x21, 0x3d, 0x7f,    0x9f,
                                      0x4d,                                                 /* "Hel", more */
                                      0x89, 0x82, 1,    2,    3,    4,    'a' ^ 1, 'b' ^ 2, /* ping "ab" */
                                      0x80, 0x82, 0,    0,    0,    0,    'l',     'o',     /* "lo", end */
                                      0x82, 0x80, 9,    9,    9,    9,                      /* empty */
                                      0x88, 0x82, 0,    0,    0,    0,    0x03,    0xe8 };  /* close 1000 */
        for (size_t piece = 1; piece <= sizeof in; piece++) {
                mn_ws_reader r = { 0 };
                uint8_t out[64], text[64];
                size_t len = 0, got, controls = 0;
                mn_ws_control c;
                for (size_t at = 0; at < sizeof in;) {
                        size_t n = sizeof in - at < piece ? sizeof in - at : piece;
                        ssize_t taken = mn_ws_read(&r, in + at, n, out, &got, &c);
                        assert_true(taken > 0);
                        memcpy(text + len, out, got);
                        len += got;
                        at += (size_t) taken;
                        if (!c.opcode)
                                continue;
                        assert_int_equal(c.opcode, controls == 0 ? MN_WS_PING : MN_WS_CLOSE);
                        assert_memory_equal(c.payload, controls == 0 ? "ab" : "\x03\xe8", 2);
                        assert_int_equal(c.len, 2);
                        controls++;
                }
                assert_int_equal(controls, 2);
                assert_int_equal(len, 5);
                assert_memory_equal(text, "Hello", 5);
        }
}

static void refuses(void **state) {
        (void) state;
        static const struct {
                uint8_t bytes[14];
                size_t len;
        } bad[] = {
                { { 0x81, 0x05, 'H' }, 3 },                         /* not masked */
                { { 0xc1, 0x80 }, 2 },                              /* a reserved bit */
                { { 0x83, 0x80 }, 2 },                              /* a reserved opcode */
                { { 0x8b, 0x80 }, 2 },                              /* ... of a control frame */
                { { 0x09, 0x80 }, 2 },                              /* a split ping */
                { { 0x89, 0xfe }, 2 },                              /* a long ping */
                { { 0x80, 0x80 }, 2 },                              /* continues nothing */
                { { 0x82, 0xfe, 0, 125, 0, 0, 0, 0 }, 8 },          /* not the shortest length */
                { { 0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255 }, 14 }, /* the same */
                { { 0x82, 0xff, 0x80 }, 14 },                       /* a length of 64 bits */
        };
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                mn_ws_reader r = { 0 };
                uint8_t out[16];
                size_t got;
                mn_ws_control c;
                assert_int_equal(mn_ws_read(&r, bad[i].bytes, bad[i].len, out, &got, &c), -EBADMSG);
        }
}

static void writes_headers(void **state) {
        (void) state;
        uint8_t out[MN_WS_HEADER_MAX];
        assert_int_equal(mn_ws_put_header(out, MN_WS_BINARY, 125), 2);
        assert_memory_equal(out, "\x82\x7d", 2);
        assert_int_equal(mn_ws_put_header(out, MN_WS_TEXT, 256), 4);
        assert_memory_equal(out, "\x81\x7e\x01\x00", 4);
        assert_int_equal(mn_ws_put_header(out, MN_WS_BINARY, 65536), 10);
        assert_memory_equal(out, "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts),
                cmocka_unit_test(reads_in_any_pieces),
                cmocka_unit_test(refuses),
                cmocka_unit_test(writes_headers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
