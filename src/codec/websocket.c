/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/websocket.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f, KEY_LEN = 16 };

/* ---- frames in ---- */

static bool is_control(uint8_t opcode) {
        return opcode & 8;
}

/* Bytes of the header that the bytes known so far announce. */
static size_t header_size(const mn_ws_reader *r) {
        if (r->head_len < 2)
                return 2;
        uint8_t length = r->head[1] & LENGTH;
        return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

static int check_start(const mn_ws_reader *r) {
        uint8_t opcode = r->head[0] & OPCODE, length = r->head[1] & LENGTH;
        bool is_known = opcode <= MN_WS_BINARY || (opcode >= MN_WS_CLOSE && opcode <= MN_WS_PONG);
        if (!is_known || (r->head[0] & RESERVED) || !(r->head[1] & MASKED))
                return -EBADMSG;
        if (is_control(opcode))
                return (r->head[0] & FIN) && length <= MN_WS_CONTROL_MAX ? 0 : -EBADMSG;
        return (opcode == MN_WS_CONTINUATION) == r->is_in_message ? 0 : -EBADMSG;
}

/* The header is complete. */
static int begin_payload(mn_ws_reader *r) {
        uint8_t length = r->head[1] & LENGTH;
        size_t bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
        uint64_t value = bytes ? 0 : length;
        for (size_t i = 0; i < bytes; i++)
                value = value << 8 | r->head[2 + i];
        if ((bytes == 2 && value < 126) || (bytes == 8 && (value <= UINT16_MAX || value >> 63)))
                return -EBADMSG;
        r->opcode = r->head[0] & OPCODE;
        if (!is_control(r->opcode))
                r->is_in_message = !(r->head[0] & FIN);
        r->left = value;
        r->masked = r->control_len = 0;
        r->is_in_payload = true;
        return 0;
}

static int take_header(mn_ws_reader *r, uint8_t byte) {
        r->head[r->head_len++] = byte;
        if (r->head_len == 2 && check_start(r) < 0)
                return -EBADMSG;
        return r->head_len >= 2 && r->head_len == header_size(r) ? begin_payload(r) : 0;
}

/* Where the current frame's payload goes, byte by byte of its mask. */
static size_t take_payload(mn_ws_reader *r, const uint8_t *in, size_t len, uint8_t *out) {
        const uint8_t *mask = r->head + r->head_len - 4;
        size_t n = len < r->left ? len : (size_t) r->left;
        for (size_t i = 0; i < n; i++)
                out[i] = in[i] ^ mask[r->masked++ & 3];
        r->left -= n;
        return n;
}

static void end_frame(mn_ws_reader *r, mn_ws_control *ret) {
        if (is_control(r->opcode)) {
                ret->opcode = r->opcode;
                ret->len = r->control_len;
                memcpy(ret->payload, r->control, r->control_len);
        }
        r->is_in_payload = false;
        r->head_len = 0;
}

ssize_t mn_ws_read(mn_ws_reader *r, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_out,
                   mn_ws_control *ret) {
        size_t at = 0;
        ret->opcode = 0;
        *ret_out = 0;
        for (;;) {
                if (r->is_in_payload && r->left == 0)
                        end_frame(r, ret);
                if (at == len || ret->opcode)
                        return (ssize_t) at;
                if (!r->is_in_payload) {
                        if (take_header(r, in[at++]) < 0)
                                return -EBADMSG;
                } else if (is_control(r->opcode)) {
                        size_t n = take_payload(r, in + at, len - at, r->control + r->control_len);
                        r->control_len += n;
                        at += n;
                } else {
                        size_t n = take_payload(r, in + at, len - at, out + *ret_out);
                        *ret_out += n;
                        at += n;
                }
        }
}

/* ---- frames out ---- */

size_t mn_ws_put_header(uint8_t out[MN_WS_HEADER_MAX], uint8_t opcode, uint64_t len) {
        size_t bytes = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;
        out[0] = FIN | opcode;
        out[1] = bytes == 0 ? (uint8_t) len : bytes == 2 ? 126 : 127;
        for (size_t i = 0; i < bytes; i++)
                out[2 + i] = (uint8_t) (len >> 8 * (bytes - 1 - i));
        return 2 + bytes;
}

/* ---- the handshake ---- */

static uint32_t rotate(uint32_t x, unsigned n) {
        return x << n | x >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t *block) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (size_t i = 0; i < 16; i++)
                w[i] = (uint32_t) block[4 * i] << 24 | (uint32_t) block[4 * i + 1] << 16 |
                       (uint32_t) block[4 * i + 2] << 8 | block[4 * i + 3];
        for (size_t i = 16; i < 80; i++)
                w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (size_t i = 0; i < 80; i++) {
                uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                             : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                             : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                      : (b ^ c ^ d) + 0xca62c1d6;
                uint32_t t = rotate(a, 5) + f + e + w[i];
                e = d, d = c, c = rotate(b, 30), b = a, a = t;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* SHA-1 of a text of two blocks: what the RFC asks for, no security rests on it. */
static void sha1_of_handshake(const char *text, size_t len, uint8_t out[20]) {
        uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
        uint8_t blocks[128] = { 0 };
        memcpy(blocks, text, len);
        blocks[len] = 0x80;
        blocks[126] = (uint8_t) (len * 8 >> 8);
        blocks[127] = (uint8_t) (len * 8);
        sha1_block(h, blocks);
        sha1_block(h, blocks + 64);
        for (size_t i = 0; i < 20; i++)
                out[i] = (uint8_t) (h[i / 4] >> 8 * (3 - i % 4));
}

int mn_ws_accept(const char *key, mn_str *out) {
        static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        cleanup_str mn_str bytes = MN_STR_INIT(64);
        size_t len = key ? strlen(key) : 0;
        if (len != 24 || mn_base64_decode(key, len, &bytes) < 0 || bytes.len != KEY_LEN)
                return -EINVAL;
        char text[24 + sizeof guid];
        uint8_t digest[20];
        memcpy(text, key, len);
        memcpy(text + len, guid, sizeof guid);
        sha1_of_handshake(text, len + sizeof guid - 1, digest);
        mn_base64_encode(digest, sizeof digest, false, out);
        return 0;
}
