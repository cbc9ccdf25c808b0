/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "wire/stdio.h"

static mn_status decode(mn_arena *arena, const char *text, size_t nfds, wire_shim_request *ret, mn_err *err) {
        return wire_shim_request_decode(text, strlen(text), nfds, arena, ret, err);
}

static void a_start_request_survives_the_trip(void **state) {
        (void) state;
        static const char text[] =
                "{\"op\":\"start\",\"id\":7,\"fds\":[\"rootfs\",\"netns\"],\"start\":{\"containerId\":\"c\","
                "\"bundle\":\"/b\",\"runtime\":\"/r\",\"runtimeRoot\":\"/"
                "rr\",\"tty\":true,\"consoleHeight\":24,"
                "\"log\":{\"driver\":\"json-file\",\"path\":\"/l\",\"maxFile\":3,\"attrs\":{\"k\":\"v\"}}}}";
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        wire_shim_request request;
        assert_int_equal(decode(arena, text, 2, &request, &err), MN_OK);
        assert_int_equal(wire_shim_fd_index(&request, "netns"), 1);
        assert_int_equal(wire_shim_fd_index(&request, "client"), -1);
        assert_true(request.start->is_tty);
        cleanup_str mn_str out = MN_STR_INIT(0);
        wire_shim_request_encode(&request, &out);
        assert_string_equal(mn_str_text(&out), text);
}

static void exec_carries_its_streams_in_one_object(void **state) {
        (void) state;
        static const char text[] =
                "{\"op\":\"exec\",\"id\":1,\"exec\":{\"exec\":\"e\",\"process\":\"p.json\","
                "\"stdin\":true,\"framed\":true}}";
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_shim_request request;
        assert_int_equal(decode(arena, text, 0, &request, NULL), MN_OK);
        assert_true(request.exec->streams.has_stdin && request.exec->streams.is_framed);
}

static void refuses_what_is_incomplete(void **state) {
        (void) state;
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "{\"op\":\"dance\",\"id\":1}", "op: unknown \"dance\"" },
                { "{\"op\":\"start\",\"id\":1}", "start: missing" },
                { "{\"op\":\"prepare\",\"id\":1}", "prepare: missing" },
                { "{\"op\":\"attach\",\"id\":1,\"attach\":{}}", "attach: no descriptor \"client\"" },
                { "{\"op\":\"attach\",\"id\":1,\"fds\":[\"client\"],\"attach\":{}}", "fds: 1 named, 0 sent" },
                { "{\"op\":\"status\"}", "id: required field is missing" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                cleanup_err mn_err err = { 0 };
                wire_shim_request request;
                assert_int_equal(decode(arena, cases[i].text, 0, &request, &err), MN_INVALID);
                assert_string_equal(mn_err_text(&err), cases[i].message);
        }
}

static void frames_say_stream_and_length(void **state) {
        (void) state;
        uint8_t header[WIRE_STDIO_HEADER_SIZE];
        wire_stdio_put_header(header, WIRE_STDERR, 0x01020304);
        assert_memory_equal(header, "\2\0\0\0\1\2\3\4", 8);
        assert_int_equal(wire_stdio_get_length(header), 0x01020304);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_start_request_survives_the_trip),
                cmocka_unit_test(exec_carries_its_streams_in_one_object),
                cmocka_unit_test(refuses_what_is_incomplete),
                cmocka_unit_test(frames_say_stream_and_length),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
