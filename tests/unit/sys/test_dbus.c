/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "sys/dbus.h"
#include <signal.h>
#include <sys/wait.h>

static void make_call(mn_str *out) {
        cleanup_str mn_str body = MN_STR_INIT(4096);
        mn_dbus_put_string(&body, "x.scope");
        mn_dbus_put_bool(&body, true);
        mn_dbus_array properties = mn_dbus_begin_array(&body, 8);
        mn_dbus_align(&body, 8);
        mn_dbus_put_string(&body, "TasksMax");
        mn_dbus_put_signature(&body, "t");
        mn_dbus_put_u64(&body, 7);
        mn_dbus_end_array(&body, properties);
        mn_dbus_put_call(out,
                         &(mn_dbus_request){ .destination = "org.example",
                                             .path = "/org/example",
                                             .interface = "org.example.I",
                                             .member = "Set",
                                             .signature = "sba(sv)",
                                             .body = &body },
                         5);
}

static void test_call_is_laid_out_as_specified(void **state) {
        (void) state;
        cleanup_str mn_str out = MN_STR_INIT(4096);
        make_call(&out);
        const uint8_t *data = (const uint8_t *) out.data;
        assert_int_equal(mn_dbus_message_size(data, out.len), out.len);
        mn_dbus_message m;
        assert_int_equal(mn_dbus_parse(data, out.len, &m), 0);
        assert_int_equal(m.type, MN_DBUS_CALL);
        assert_int_equal(m.serial, 5);
        assert_string_equal(m.path, "/org/example");
        assert_string_equal(m.interface, "org.example.I");
        assert_string_equal(m.member, "Set");
        assert_string_equal(m.signature, "sba(sv)");
        assert_string_equal(m.error_name, "");
        assert_int_equal((m.body - data) % 8, 0);
        mn_dbus_reader r = mn_dbus_read_body(&m);
        assert_string_equal(mn_dbus_get_string(&r), "x.scope");
        assert_int_equal(mn_dbus_get_u32(&r), 1);
        assert_int_equal(mn_dbus_get_u32(&r), 24); /* from 24: 4+8+1, 1+1+1, 8 */
        assert_int_equal(r.at, 20);
        r.at = 24;
        assert_string_equal(mn_dbus_get_string(&r), "TasksMax");
        assert_string_equal(mn_dbus_get_signature(&r), "t");
        assert_false(r.has_failed);
}

static void test_every_cut_is_refused(void **state) {
        (void) state;
        cleanup_str mn_str out = MN_STR_INIT(4096);
        make_call(&out);
        mn_dbus_message m;
        for (size_t len = 0; len < out.len; len++)
                assert_true(mn_dbus_parse((const uint8_t *) out.data, len, &m) < 0);
        assert_int_equal(mn_dbus_message_size((const uint8_t *) out.data, 15), -EAGAIN);
}

static void test_hostile_lengths_are_refused(void **state) {
        (void) state;
        cleanup_str mn_str out = MN_STR_INIT(4096);
        mn_dbus_message m;
        const struct {
                size_t at;
                uint32_t value;
                int size_error;
        } rows[] = {
                { 4, UINT32_MAX, -EMSGSIZE },  /* the body */
                { 12, UINT32_MAX, -EMSGSIZE }, /* the header fields */
                { 4, MN_DBUS_MAX_MESSAGE, -EMSGSIZE },
                { 20, UINT32_MAX, 0 }, /* a string in the header */
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                mn_str_truncate(&out, 0);
                make_call(&out);
                memcpy(out.data + rows[i].at, &rows[i].value, sizeof(rows[i].value));
                int64_t size = mn_dbus_message_size((const uint8_t *) out.data, out.len);
                assert_int_equal(size, rows[i].size_error ? rows[i].size_error : (int64_t) out.len);
                assert_true(mn_dbus_parse((const uint8_t *) out.data, out.len, &m) < 0);
        }
        out.data[0] = out.data[0] == 'l' ? 'B' : 'l';
        assert_int_equal(mn_dbus_message_size((const uint8_t *) out.data, out.len), -EBADMSG);
}

static void test_strings_end_where_they_say(void **state) {
        (void) state;
        const struct {
                const char *bytes;
                size_t len;
        } rows[] = { { "\3\0\0\0ab\0\0", 8 },
                     { "\3\0\0\0abcd", 8 },
                     { "\3\0\0\0abc", 7 },
                     { "\377\377\377\377a", 5 } };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                mn_dbus_reader r = { .data = (const uint8_t *) rows[i].bytes, .len = rows[i].len };
                assert_string_equal(mn_dbus_get_string(&r), "");
                assert_true(r.has_failed);
                assert_int_equal(mn_dbus_get_u32(&r), 0);
        }
}

/* A server that answers what the test says, byte for byte. */
struct server {
        char path[108];
        int listener;
        const char *answer;
        size_t len;
};

static void start_server(struct server *s, const char *answer, size_t len) {
        *s = (struct server){ .answer = answer, .len = len };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        snprintf(s->path, sizeof(s->path), "/tmp/minato-test-dbus-%d", (int) getpid());
        unlink(s->path);
        memcpy(address.sun_path, s->path, sizeof(s->path));
        s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->listener, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(s->listener, 1), 0);
}

static int open_with_answer(const char *answer, size_t len, int timeout_ms) {
        struct server s;
        start_server(&s, answer, len);
        pid_t pid = fork();
        if (pid == 0) {
                char buffer[256];
                int fd = accept(s.listener, NULL, NULL);
                if (fd < 0 || recv(fd, buffer, sizeof(buffer), 0) < 0 ||
                    send(fd, s.answer, s.len, MSG_NOSIGNAL) < 0)
                        _exit(1);
                while (recv(fd, buffer, sizeof(buffer), 0) > 0)
                        ;
                _exit(0);
        }
        mn_dbus bus;
        int r = mn_dbus_open(&bus, s.path, false, mn_monotonic_ns() + timeout_ms * MN_NS_PER_MS);
        if (r == 0)
                mn_dbus_close(&bus);
        close(s.listener);
        unlink(s.path);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return r;
}

static void test_authentication_is_strict(void **state) {
        (void) state;
        assert_int_equal(open_with_answer("OK 0123\r\n", 9, 20000), 0);
        assert_int_equal(open_with_answer("REJECTED EXTERNAL\r\n", 19, 20000), -EACCES);
        assert_int_equal(open_with_answer("OK", 2, 50), -ETIMEDOUT);
        static char endless[2048];
        memset(endless, 'x', sizeof(endless));
        assert_int_equal(open_with_answer(endless, sizeof(endless), 20000), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_call_is_laid_out_as_specified),
                cmocka_unit_test(test_every_cut_is_refused),
                cmocka_unit_test(test_hostile_lengths_are_refused),
                cmocka_unit_test(test_strings_end_where_they_say),
                cmocka_unit_test(test_authentication_is_strict),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
