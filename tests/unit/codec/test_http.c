/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/http.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/macro.h"

/* Parses a whole request given as text; the head's strings live in `*ret_buf`. */
static int parse(const char *text, size_t len, mn_http_head *head, char **ret_buf) {
        char *buf = mn_strndup(text, len);
        size_t scanned = 0;
        memcpy(buf, text, len);
        ssize_t head_len = mn_http_head_length(buf, len, &scanned);
        const char *why;
        int r = head_len < 0 ? (int) head_len : mn_http_parse_request(buf, (size_t) head_len, head, &why);
        *ret_buf = buf;
        return r;
}

static void request(void **state) {
        (void) state;
        static const char text[] =
                "POST /v1.44/containers/create?name=a%20b HTTP/1.1\r\nHost: docker\r\n"
                "Content-Type:\t application/json \r\ncontent-length: 12\r\n"
                "Connection: keep-alive, Upgrade\r\nUpgrade: tcp\r\nExpect: 100-continue\r\n\r\n";
        mn_http_head head;
        cleanup_free char *buf = NULL;
        assert_int_equal(parse(text, sizeof(text) - 1, &head, &buf), 0);
        assert_string_equal(head.method, "POST");
        assert_string_equal(head.path, "/v1.44/containers/create");
        assert_string_equal(head.query, "name=a%20b");
        assert_string_equal(head.host, "docker");
        assert_int_equal(head.framing, MN_HTTP_LENGTH);
        assert_int_equal(head.content_length, 12);
        assert_true(head.is_keep_alive && head.is_upgrade && head.expects_continue);
        assert_string_equal(mn_http_header_get(&head, "content-type"), "application/json");
        assert_null(mn_http_header_get(&head, "X-None"));
}

static void absolute_target(void **state) {
        (void) state;
        static const char text[] = "GET http://real:2375/info HTTP/1.1\r\nHost: other\r\n\r\n";
        mn_http_head head;
        cleanup_free char *buf = NULL;
        assert_int_equal(parse(text, sizeof(text) - 1, &head, &buf), 0);
        assert_string_equal(head.host, "real:2375");
        assert_string_equal(head.path, "/info");
        assert_int_equal(head.framing, MN_HTTP_NO_BODY);
}

#define H "Host: x\r\n"
#define BAD(text)                                                                                            \
        { text, sizeof(text) - 1 }

static void refused_requests(void **state) {
        (void) state;
        static const struct {
                const char *text;
                size_t len;
        } table[] = {
                BAD("GET / HTTP/1.1\nHost: x\n\n"),
                BAD("GET / HTTP/1.1\r\nHost: x\n\r\n"),
                BAD("GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\n" H H "\r\n"),
                BAD("GET / HTTP/1.1\r\n" H " folded\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\n" H ": empty\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\n" H "no colon\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\n" H "A\xc3\xa9: b\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n"),
                BAD("GET / HTTP/1.1\r\n" H "A: \x01\r\n\r\n"),
                BAD("GET  / HTTP/1.1\r\n" H "\r\n"),
                BAD("GET / HTTP/1.1 \r\n" H "\r\n"),
                BAD(" GET / HTTP/1.1\r\n" H "\r\n"),
                BAD("\r\nGET / HTTP/1.1\r\n" H "\r\n"),
                BAD("GET /\r\n\r\n"),
                BAD("GET x HTTP/1.1\r\n" H "\r\n"),
                BAD("GET /#a HTTP/1.1\r\n" H "\r\n"),
                BAD("GET /a\0b HTTP/1.1\r\n" H "\r\n"),
                BAD("G@T / HTTP/1.1\r\n" H "\r\n"),
                BAD("GET / HTTP/2.0\r\n" H "\r\n"),
                BAD("GET / http/1.1\r\n" H "\r\n"),
                BAD("GET / HTTP/1.1x\r\n" H "\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H
                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
                BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"),
                BAD("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"),
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++) {
                mn_http_head head;
                cleanup_free char *buf = NULL;
                if (parse(table[i].text, table[i].len, &head, &buf) >= 0)
                        fail_msg("accepted: %s", table[i].text);
        }
}

static void too_many_headers(void **state) {
        (void) state;
        cleanup_str mn_str text = { 0 };
        mn_str_add(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
        for (int i = 0; i < MN_HTTP_MAX_HEADERS; i++)
                mn_str_add(&text, "A: b\r\n");
        mn_str_add(&text, "\r\n");
        mn_http_head head;
        cleanup_free char *buf = NULL;
        assert_int_equal(parse(text.data, text.len, &head, &buf), -E2BIG);
}

static void head_in_pieces(void **state) {
        (void) state;
        static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nrest";
        size_t scanned = 0, head_len = sizeof(text) - 1 - 4;
        for (size_t len = 0; len < head_len; len++)
                assert_int_equal(mn_http_head_length(text, len, &scanned), 0);
        assert_int_equal(mn_http_head_length(text, sizeof(text) - 1, &scanned), head_len);
}

static void responses(void **state) {
        (void) state;
        static const struct {
                const char *text, *method;
                int status;
                mn_http_framing framing;
        } table[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "GET", 200, MN_HTTP_LENGTH },
                { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD", 200, MN_HTTP_NO_BODY },
                { "HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n", "GET", 200, MN_HTTP_CHUNKED },
                { "HTTP/1.0 200 OK\r\n\r\n", "GET", 200, MN_HTTP_UNTIL_CLOSE },
                { "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", "POST", 101,
                  MN_HTTP_NO_BODY },
                { "HTTP/1.1 304 Not Modified\r\n\r\n", "POST", 304, MN_HTTP_NO_BODY },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++) {
                cleanup_free char *buf = mn_strdup(table[i].text);
                mn_http_head head;
                const char *why;
                assert_int_equal(
                        mn_http_parse_response(buf, strlen(table[i].text), table[i].method, &head, &why), 0);
                assert_int_equal(head.status, table[i].status);
                assert_int_equal(head.framing, table[i].framing);
        }
        char bad[] = "HTTP/1.1 2000 OK\r\n\r\n";
        mn_http_head head;
        const char *why;
        assert_int_equal(mn_http_parse_response(bad, sizeof(bad) - 1, "GET", &head, &why), -EBADMSG);
}

static void tokens(void **state) {
        (void) state;
        mn_http_head head = { .nheaders = 2,
                              .headers = { { "Accept", "text/plain;q=0.5 , application/x-ndjson" },
                                           { "accept", "application/json-seq" } } };
        assert_true(mn_http_header_has_token(&head, "Accept", "text/plain"));
        assert_true(mn_http_header_has_token(&head, "Accept", "application/x-ndjson"));
        assert_true(mn_http_header_has_token(&head, "Accept", "APPLICATION/json-seq"));
        assert_false(mn_http_header_has_token(&head, "Accept", "text"));
        assert_false(mn_http_header_has_token(&head, "Accept", "q=0.5"));
}

/* Feeds `text` in pieces of `step` bytes, never more than the decoder wants; the body, or NULL when refused.
 */
static char *decode(const char *text, size_t step, size_t *ret_used) {
        mn_http_chunked c = { 0 };
        cleanup_str mn_str body = { 0 };
        size_t pos = 0, len = strlen(text);
        mn_str_add(&body, "");
        while (pos < len) {
                size_t consumed, data_len, wants = MN_MIN(step, mn_http_chunked_wants(&c));
                size_t part = MN_MIN(wants, len - pos);
                const char *data;
                int r = mn_http_chunked_decode(&c, text + pos, part, &consumed, &data, &data_len);
                if (r < 0)
                        return NULL;
                assert_true(consumed > 0);
                mn_str_add_len(&body, data, data_len);
                pos += consumed;
                if (r == 1) {
                        *ret_used = pos;
                        return mn_str_take(&body);
                }
        }
        return NULL;
}

static void chunks(void **state) {
        (void) state;
        static const char text[] = "5;a=\"b\"\r\nhello\r\n00A\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\nNEXT";
        for (size_t step = 1; step < 100; step++) {
                size_t used;
                cleanup_free char *body = decode(text, step, &used);
                assert_string_equal(body, "hello, world!!!");
                assert_string_equal(text + used, "NEXT");
        }
}

static void refused_chunks(void **state) {
        (void) state;
        static const char *const table[] = {
                "5\nhello\r\n0\r\n\r\n",
                "5\r\nhello0\r\n\r\n",
                "5\r\nhello\n0\r\n\r\n",
                "+5\r\nhello\r\n0\r\n\r\n",
                "0x5\r\nhello\r\n0\r\n\r\n",
                "\r\n0\r\n\r\n",
                "g\r\n",
                "-1\r\n",
                "1234567890123456\r\n",
                "0\r\n\n",
                "5 \r\nhello\r\n",
                "0\r\nA: b\n\r\n",
                " 5\r\nhello\r\n",
                "5;\x01\r\nhello\r\n0\r\n\r\n",
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++) {
                size_t used;
                cleanup_free char *body = decode(table[i], 7, &used);
                if (body)
                        fail_msg("accepted: %s", table[i]);
        }
}

static void queries(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_http_query q;
        assert_int_equal(mn_http_parse_query(arena, "a=1&&b=x%20y+z&c&=v&a=2&d=%3d%26", &q), 0);
        assert_string_equal(mn_http_query_get(&q, "a"), "1");
        assert_string_equal(mn_http_query_get(&q, "b"), "x y z");
        assert_string_equal(mn_http_query_get(&q, "c"), "");
        assert_string_equal(mn_http_query_get(&q, "d"), "=&");
        assert_null(mn_http_query_get(&q, "e"));
        assert_int_equal(q.len, 6);
        static const char *const bad[] = { "a=%", "a=%4", "a=%zz", "a=%00", "a;b" };
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
                assert_int_equal(mn_http_parse_query(arena, bad[i], &q), -EBADMSG);
}

static void paths(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        const char *segments[4];
        assert_int_equal(mn_http_split_path(arena, "/images/a%2Fb%3A1/json", segments, 4), 3);
        assert_string_equal(segments[1], "a/b:1");
        assert_int_equal(mn_http_split_path(arena, "/", segments, 4), 1);
        assert_int_equal(mn_http_split_path(arena, "/networks/", segments, 4), 2);
        assert_string_equal(segments[1], "");
        assert_int_equal(mn_http_split_path(arena, "/a/b/c/d/e", segments, 4), -E2BIG);
        static const char *const bad[] = { "a", "/%2e%2e/x", "/..", "/a/./b", "/%00", "/%0a", "/%", "/%g0" };
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
                assert_int_equal(mn_http_split_path(arena, bad[i], segments, 4), -EBADMSG);
        cleanup_str mn_str out = { 0 };
        mn_http_escape(&out, "a/b c\xc3\xa9:1", "/");
        assert_string_equal(mn_str_text(&out), "a/b%20c%C3%A9%3A1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(request),
                cmocka_unit_test(absolute_target),
                cmocka_unit_test(refused_requests),
                cmocka_unit_test(too_many_headers),
                cmocka_unit_test(head_in_pieces),
                cmocka_unit_test(responses),
                cmocka_unit_test(tokens),
                cmocka_unit_test(chunks),
                cmocka_unit_test(refused_chunks),
                cmocka_unit_test(queries),
                cmocka_unit_test(paths),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
