/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The 8-byte frames that carry stdout and stderr in one stream (attach, exec, logs without a terminal):
   stream number, three zero bytes, length of the payload as a big-endian 32-bit number. */

#include <stddef.h>
#include <stdint.h>

enum { WIRE_STDIO_HEADER_SIZE = 8 };

typedef enum wire_stdio_stream {
        WIRE_STDIN = 0,
        WIRE_STDOUT = 1,
        WIRE_STDERR = 2,
        WIRE_SYSTEM_ERROR = 3, /* the payload is an error of the engine */
} wire_stdio_stream;

/* Writes the header of a frame with `len` bytes. */
static inline void wire_stdio_put_header(uint8_t header[WIRE_STDIO_HEADER_SIZE], wire_stdio_stream stream,
                                         uint32_t len) {
        header[0] = (uint8_t) stream;
        header[1] = header[2] = header[3] = 0;
        for (int i = 0; i < 4; i++)
                header[4 + i] = (uint8_t) (len >> (24 - 8 * i));
}

/* Length of the payload that follows the header; its stream number is header[0]. */
static inline uint32_t wire_stdio_get_length(const uint8_t header[WIRE_STDIO_HEADER_SIZE]) {
        return (uint32_t) header[4] << 24 | (uint32_t) header[5] << 16 | (uint32_t) header[6] << 8 |
               header[7];
}
