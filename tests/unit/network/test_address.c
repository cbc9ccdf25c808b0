/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/macro.h"
#include "network/address.h"

static mn_net_address cidr(const char *text) {
        mn_net_address a;
        assert_int_equal(network_cidr_parse(text, &a), 0);
        return a;
}

static mn_net_address address(const char *text) {
        mn_net_address a;
        assert_int_equal(network_address_parse(text, &a), 0);
        return a;
}

static void test_text(void **state) {
        (void) state;
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address a = cidr("172.17.0.5/16");
        assert_string_equal(network_cidr_format(&a, buf), "172.17.0.5/16");
        a = cidr("FD00::2/64");
        assert_string_equal(network_cidr_format(&a, buf), "fd00::2/64");
        static const char *const bad[] = {
                "",           "1.2.3",      "1.2.3.4",      "1.2.3.4/",    "1.2.3.4/33",
                "1.2.3.4/-1", "1.2.3.4/8x", "::/129",       "1.2.3.4/8/8", "/8",
                "01.2.3.4/8", "1.2.3.4/ 8", "fe80::1%lo/8", "[::1]/8",     "300.1.1.1/8"
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
                assert_int_equal(network_cidr_parse(bad[i], &a), -EINVAL);
        assert_int_equal(network_address_parse(NULL, &a), -EINVAL);
}

static void test_mac(void **state) {
        (void) state;
        uint8_t mac[MN_MAC_LEN];
        char buf[18];
        assert_int_equal(network_mac_parse("02:42:AC-11:00:0f", mac), 0);
        assert_string_equal(network_mac_format(mac, buf), "02:42:ac:11:00:0f");
        assert_int_equal(network_mac_parse("02:42:ac:11:00", mac), -EINVAL);
        assert_int_equal(network_mac_parse("02:42:ac:11:00:0g", mac), -EINVAL);
        assert_int_equal(network_mac_parse("02:42:ac:11:00:0f:", mac), -EINVAL);
}

static void test_subnets(void **state) {
        (void) state;
        mn_net_address net = cidr("10.1.0.0/16"), inside = address("10.1.255.255"),
                       outside = address("10.2.0.0");
        mn_net_address wide = cidr("10.0.0.0/8"), six = cidr("fd00::/64");
        assert_true(network_subnet_contains(&net, &inside));
        assert_false(network_subnet_contains(&net, &outside));
        assert_false(network_subnet_contains(&net, &wide));
        assert_true(network_subnets_overlap(&net, &wide) && network_subnets_overlap(&wide, &net));
        assert_false(network_subnets_overlap(&net, &six));
        mn_net_address all = cidr("0.0.0.0/0");
        assert_true(network_subnet_contains(&all, &inside));
}

static void test_arithmetic(void **state) {
        (void) state;
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address a = address("10.0.255.255");
        assert_int_equal(network_address_add(&a, 1), 0);
        assert_string_equal(network_address_format(&a, buf), "10.1.0.0");
        a = address("255.255.255.255");
        assert_int_equal(network_address_add(&a, 1), -ERANGE);
        assert_int_equal(network_address_add(&a, UINT64_C(1) << 32), -ERANGE);
        mn_net_address base = cidr("10.0.0.0/8"), far = address("10.0.1.0");
        assert_int_equal(network_address_distance(&far, &base), 256);
        mn_net_address six = cidr("fd00::/32"), top = network_subnet_last(&six);
        assert_true(network_address_distance(&top, &six) == UINT64_MAX);
        assert_true(network_subnet_size(&six) == UINT64_MAX);
        assert_int_equal(network_subnet_size(&base), 1 << 24);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_mac),
                cmocka_unit_test(test_subnets),
                cmocka_unit_test(test_arithmetic),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
