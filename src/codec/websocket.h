/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* WebSocket framing (RFC 6455), the server's side: frames of a client in, headers for our own out. No
 * extensions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

enum {
        MN_WS_CONTINUATION = 0,
        MN_WS_TEXT = 1,
        MN_WS_BINARY = 2,
        MN_WS_CLOSE = 8,
        MN_WS_PING = 9,
        MN_WS_PONG = 10,
        MN_WS_HEADER_MAX = 10,   /* of a frame of ours, which is not masked */
        MN_WS_CONTROL_MAX = 125, /* bytes in a control frame */
};

/* What has been read of the current frame. Zero at the beginning. */
typedef struct mn_ws_reader {
        uint8_t head[14];
        size_t head_len;
        bool is_in_payload, is_in_message;
        uint8_t opcode;
        uint64_t left; /* bytes of payload to come */
        size_t masked; /* position in the mask */
        uint8_t control[MN_WS_CONTROL_MAX];
        size_t control_len;
} mn_ws_reader;

/* A control frame that was complete. */
typedef struct mn_ws_control {
        uint8_t opcode; /* 0: none */
        uint8_t payload[MN_WS_CONTROL_MAX];
        size_t len;
} mn_ws_control;

/* Reads bytes of the client's up to the end of the input or of a control frame. Unmasked payload of text and
   binary messages goes to `out`, which has room for `len` bytes and may be `in` itself. Bytes taken, or
   -EBADMSG for what the RFC forbids: no mask, reserved bits or opcodes, long or split control frames, lengths
   not in their shortest form, a continuation of nothing. */
ssize_t mn_ws_read(mn_ws_reader *r, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_out,
                   mn_ws_control *ret);

/* The header of an unfragmented frame of ours: its length. */
size_t mn_ws_put_header(uint8_t out[MN_WS_HEADER_MAX], uint8_t opcode, uint64_t len);

/* Appends Sec-WebSocket-Accept for a Sec-WebSocket-Key; -EINVAL when that is not 16 bytes in base64. */
int mn_ws_accept(const char *key, mn_str *out);
