/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from a socket: head, target and chunked body. Checks that every string stays inside the buffer and
 * that the chunked decoder neither stalls nor reads past the end it announces. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_strings(const mn_http_head *head, const char *buf, size_t len) {
        for (size_t i = 0; i < head->nheaders; i++) {
                assert(head->headers[i].name >= buf && head->headers[i].name < buf + len);
                assert(head->headers[i].value >= buf && head->headers[i].value <= buf + len);
        }
}

static void check_target(const mn_http_head *head) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        const char *segments[16];
        mn_http_query query;
        (void) mn_http_split_path(arena, head->path, segments, 16);
        (void) mn_http_parse_query(arena, head->query, &query);
}

static void check_chunks(const char *in, size_t len) {
        mn_http_chunked c = { 0 };
        for (size_t pos = 0; pos < len;) {
                size_t wants = mn_http_chunked_wants(&c), consumed, data_len;
                size_t part = wants < len - pos ? wants : len - pos;
                const char *body;
                int r = mn_http_chunked_decode(&c, in + pos, part, &consumed, &body, &data_len);
                if (r != 0)
                        return;
                assert(consumed > 0 && consumed <= part && data_len <= part);
                pos += consumed;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        cleanup_free char *text = mn_strndup("", 0);
        text = mn_realloc(text, len + 1);
        memcpy(text, data, len);
        text[len] = '\0';
        check_chunks(text, len);
        size_t scanned = 0;
        ssize_t head_len = mn_http_head_length(text, len, &scanned);
        if (head_len <= 0)
                return 0;
        mn_http_head head;
        const char *why;
        cleanup_free char *copy = mn_realloc(NULL, (size_t) head_len);
        memcpy(copy, text, (size_t) head_len);
        if (mn_http_parse_request(copy, (size_t) head_len, &head, &why) == 0) {
                check_strings(&head, copy, (size_t) head_len);
                check_target(&head);
        }
        if (mn_http_parse_response(text, (size_t) head_len, "GET", &head, &why) == 0)
                check_strings(&head, text, (size_t) head_len);
        return 0;
}
