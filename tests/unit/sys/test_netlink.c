/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/netlink.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sys/netlink.h"

static void begin(mn_nl *nl) {
        uint32_t header = 0;
        mn_nl_begin(nl, 16, 0, &header, sizeof(header));
}

static void test_lengths_are_patched(void **state) {
        (void) state;
        cleanup_nl mn_nl nl = { 0 };
        begin(&nl);
        mn_nl_put_str(&nl, 1, "eth0");
        mn_nl_nest(&nl, 2);
        mn_nl_put_u32(&nl, 3, 7);
        mn_nl_nest_end(&nl);
        size_t first = nl.len;
        begin(&nl);
        assert_int_equal(nl.error, 0);

        struct nlmsghdr head;
        memcpy(&head, nl.data, sizeof(head));
        assert_int_equal(head.nlmsg_len, first);
        mn_nl_attr attrs[4];
        mn_nl_parse(nl.data + sizeof(head) + 4, first - sizeof(head) - 4, attrs, 4);
        assert_string_equal(attrs[1].data, "eth0");
        assert_int_equal(attrs[2].len, 8);
        mn_nl_attr inner[4];
        mn_nl_parse(attrs[2].data, attrs[2].len, inner, 4);
        assert_int_equal(mn_nl_u32(&inner[3]), 7);
}

static void test_attribute_length_never_wraps(void **state) {
        (void) state;
        char *bytes = mn_alloc(70000);
        for (size_t len = 65535 - 8; len <= 65535 + 8; len++) {
                cleanup_nl mn_nl nl = { 0 };
                begin(&nl);
                mn_nl_put(&nl, 1, bytes, len);
                assert_int_equal(nl.error, len <= 65531 ? 0 : -EMSGSIZE);
        }
        free(bytes);
}

static void test_nest_length_never_wraps(void **state) {
        (void) state;
        char bytes[1024] = { 0 };
        cleanup_nl mn_nl nl = { 0 };
        begin(&nl);
        mn_nl_nest(&nl, 1);
        for (int i = 0; i < 64; i++)
                mn_nl_put(&nl, 2, bytes, sizeof(bytes));
        mn_nl_nest_end(&nl);
        assert_int_equal(nl.error, -EMSGSIZE);
}

static void test_maximum_is_kept_and_failure_sticks(void **state) {
        (void) state;
        char bytes[256] = { 0 };
        cleanup_nl mn_nl nl = { .max = 512 };
        begin(&nl);
        mn_nl_put(&nl, 1, bytes, 256);
        mn_nl_put(&nl, 1, bytes, 256);
        assert_int_equal(nl.error, -EMSGSIZE);
        mn_nl_put_u8(&nl, 1, 1);
        assert_int_equal(nl.error, -EMSGSIZE);
        assert_int_equal(mn_nl_exchange(-1, &nl, NULL, NULL), -EMSGSIZE);
}

static void test_nesting_is_bounded_and_balanced(void **state) {
        (void) state;
        cleanup_nl mn_nl deep = { 0 };
        begin(&deep);
        for (int i = 0; i <= MN_NL_MAX_DEPTH; i++)
                mn_nl_nest(&deep, 1);
        assert_int_equal(deep.error, -EMSGSIZE);

        cleanup_nl mn_nl open = { 0 };
        begin(&open);
        mn_nl_nest(&open, 1);
        begin(&open);
        assert_int_equal(open.error, -EINVAL);
}

static void test_malformed_attributes_end_the_walk(void **state) {
        (void) state;
        uint8_t bytes[12] = { 0 };
        for (unsigned len = 0; len < 300; len++) {
                uint16_t nla_len = (uint16_t) len;
                memcpy(bytes, &nla_len, 2);
                size_t pos = 0;
                mn_nl_attr attr;
                bool is_good = mn_nl_next(bytes, sizeof(bytes), &pos, &attr);
                assert_int_equal(is_good, len >= 4 && len <= sizeof(bytes));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lengths_are_patched),
                cmocka_unit_test(test_attribute_length_never_wraps),
                cmocka_unit_test(test_nest_length_never_wraps),
                cmocka_unit_test(test_maximum_is_kept_and_failure_sticks),
                cmocka_unit_test(test_nesting_is_bounded_and_balanced),
                cmocka_unit_test(test_malformed_attributes_end_the_walk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
