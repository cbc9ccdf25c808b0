/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "network/dns_message.h"

/* A, "Web.Net", recursion desired, number 0x1234. */
static const uint8_t plain[] = { 0x12, 0x34, 1,   0, 0,   1,   0,   0, 0, 0, 0, 0, 3,
                                 'W',  'e',  'b', 3, 'N', 'e', 't', 0, 0, 1, 0, 1 };

static void test_query(void **state) {
        (void) state;
        struct dns_query q;
        assert_int_equal(dns_query_parse(plain, sizeof(plain), &q), 0);
        assert_string_equal(q.name, "web.net");
        assert_int_equal(q.id, 0x1234);
        assert_int_equal(q.type, DNS_TYPE_A);
        assert_int_equal(q.udp_size, 512);
        assert_true(q.is_text);
}

static void test_refused(void **state) {
        (void) state;
        struct dns_query q;
        uint8_t m[sizeof(plain)];
        for (size_t len = 0; len < sizeof(plain); len++)
                assert_int_equal(dns_query_parse(plain, len, &q), -EINVAL);
        static const struct {
                size_t at;
                uint8_t value;
        } changes[] = { { 2, 0x81 }, { 2, 0x08 },  { 2, 0x02 }, { 5, 0 }, { 5, 2 },
                        { 7, 1 },    { 12, 0xc0 }, { 12, 64 },  { 20, 9 } };
        for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
                memcpy(m, plain, sizeof(m));
                m[changes[i].at] = changes[i].value;
                assert_int_equal(dns_query_parse(m, sizeof(m), &q), -EINVAL);
        }
}

static void test_long_names(void **state) {
        (void) state;
        struct dns_query q;
        uint8_t m[600] = { 0, 0, 1, 0, 0, 1 };
        for (size_t labels = 1; labels <= 5; labels++) {
                size_t at = 12;
                for (size_t i = 0; i < labels; i++) {
                        m[at++] = 63;
                        memset(m + at, 'a', 63);
                        at += 63;
                }
                m[at] = 0;
                m[at + 2] = m[at + 4] = 1;
                m[at + 1] = m[at + 3] = 0;
                assert_int_equal(dns_query_parse(m, at + 5, &q), labels <= 3 ? 0 : -EINVAL);
        }
}

static void test_names_without_text_form(void **state) {
        (void) state;
        struct dns_query q;
        uint8_t m[sizeof(plain)];
        memcpy(m, plain, sizeof(m));
        m[14] = '.';
        assert_int_equal(dns_query_parse(m, sizeof(m), &q), 0);
        assert_false(q.is_text);
        m[14] = 0;
        assert_int_equal(dns_query_parse(m, sizeof(m), &q), 0);
        assert_false(q.is_text);
}

static void test_response(void **state) {
        (void) state;
        struct dns_query q;
        struct dns_response r;
        uint8_t out[512];
        mn_net_address a = { .family = AF_INET, .bytes = { 10, 0, 0, 1 } };
        assert_int_equal(dns_query_parse(plain, sizeof(plain), &q), 0);
        dns_response_begin(&r, &q, DNS_NOERROR, out, sizeof(out));
        dns_response_add_address(&r, &a, 600);
        size_t len = dns_response_end(&r);
        assert_int_equal(len, sizeof(plain) + 16);
        assert_memory_equal(out + len - 4, a.bytes, 4);
        assert_int_equal(out[7], 1);
        assert_true(dns_response_matches(&q, out, len));
        assert_false(dns_response_matches(&q, out, sizeof(plain) - 1));
        out[sizeof(plain) - 3] = DNS_TYPE_AAAA; /* another type */
        assert_false(dns_response_matches(&q, out, len));
}

static void test_too_many_answers_are_truncated(void **state) {
        (void) state;
        struct dns_query q;
        struct dns_response r;
        uint8_t out[512];
        mn_net_address a = { .family = AF_INET6, .bytes = { 0xfd } };
        assert_int_equal(dns_query_parse(plain, sizeof(plain), &q), 0);
        dns_response_begin(&r, &q, DNS_NOERROR, out, sizeof(out));
        for (int i = 0; i < 100; i++)
                dns_response_add_address(&r, &a, 600);
        assert_int_equal(dns_response_end(&r), sizeof(plain));
        assert_int_equal(out[2] & 2, 2);
        assert_int_equal(out[7], 0);
}

static void test_reverse(void **state) {
        (void) state;
        mn_net_address a;
        assert_int_equal(dns_reverse_parse("2.0.17.172.in-addr.arpa", &a), 0);
        static const uint8_t v4[] = { 172, 17, 0, 2 };
        assert_memory_equal(a.bytes, v4, 4);
        assert_int_equal(
                dns_reverse_parse("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
                                  &a),
                0);
        assert_int_equal(a.family, AF_INET6);
        assert_int_equal(a.bytes[0], 0xfd);
        assert_int_equal(a.bytes[15], 2);
        static const char *const bad[] = { "in-addr.arpa",
                                           ".in-addr.arpa",
                                           "1.2.3.in-addr.arpa",
                                           "1.2.3.4.5.in-addr.arpa",
                                           "256.2.3.4.in-addr.arpa",
                                           "1..3.4.in-addr.arpa",
                                           "a.2.3.4.in-addr.arpa",
                                           "1.ip6.arpa",
                                           "web" };
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(dns_reverse_parse(bad[i], &a), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_query),      cmocka_unit_test(test_refused),
                cmocka_unit_test(test_long_names), cmocka_unit_test(test_names_without_text_form),
                cmocka_unit_test(test_response),   cmocka_unit_test(test_too_many_answers_are_truncated),
                cmocka_unit_test(test_reverse),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
