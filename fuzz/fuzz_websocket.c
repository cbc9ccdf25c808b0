/* SPDX-License-Identifier: Apache-2.0 */
/* A client's WebSocket frames: read in one piece and byte by byte, with the same outcome. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Bytes of payload, or -1 for nonsense; controls are counted. */
static ssize_t read_all(const uint8_t *data, size_t len, size_t piece, uint8_t *out, size_t *ret_controls) {
        mn_ws_reader r = { 0 };
        size_t total = 0, at = 0;
        *ret_controls = 0;
        while (at < len) {
                size_t n = len - at < piece ? len - at : piece, got;
                mn_ws_control c;
                ssize_t taken = mn_ws_read(&r, data + at, n, out + total, &got, &c);
                if (taken < 0)
                        return -1;
                assert((size_t) taken <= n && got <= (size_t) taken && (taken > 0 || c.opcode));
                *ret_controls += c.opcode != 0;
                assert(!c.opcode || c.len <= MN_WS_CONTROL_MAX);
                total += got;
                at += (size_t) taken;
        }
        return (ssize_t) total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        cleanup_free uint8_t *whole = mn_alloc(len + 1), *pieces = mn_alloc(len + 1);
        size_t a, b;
        ssize_t n = read_all(data, len, len, whole, &a), m = read_all(data, len, 1, pieces, &b);
        assert(n == m);
        assert(n < 0 || (a == b && memcmp(whole, pieces, (size_t) n) == 0));
        return 0;
}
