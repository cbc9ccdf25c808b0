/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "network/ipam.h"

static mn_net_address cidr(const char *text) {
        mn_net_address a;
        assert_int_equal(network_cidr_parse(text, &a), 0);
        return a;
}

static void init(network_subnet *pool, const char *subnet, const char *range) {
        mn_net_address s = cidr(subnet), r = range ? cidr(range) : s;
        network_subnet_init(pool, &s, range ? &r : NULL);
}

static void expect_take(network_subnet *pool, const char *text) {
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address a;
        assert_int_equal(network_subnet_take(pool, &a, NULL), MN_OK);
        assert_string_equal(network_cidr_format(&a, buf), text);
}

static void test_lowest_free_first(void **state) {
        (void) state;
        network_subnet pool;
        init(&pool, "172.17.0.0/16", NULL);
        expect_take(&pool, "172.17.0.1/16");
        expect_take(&pool, "172.17.0.2/16");
        expect_take(&pool, "172.17.0.3/16");
        mn_net_address second = cidr("172.17.0.2/16");
        network_subnet_free(&pool, &second);
        network_subnet_free(&pool, &second); /* twice does no harm */
        expect_take(&pool, "172.17.0.2/16");
        expect_take(&pool, "172.17.0.4/16");
        network_subnet_release(&pool);
}

static void test_all_of_a_subnet(void **state) {
        (void) state;
        network_subnet pool;
        mn_net_address a;
        cleanup_err mn_err err = { 0 };
        uint64_t used, available;
        init(&pool, "10.0.0.0/24", "10.0.0.128/25");
        for (int i = 0; i < 127; i++)
                assert_int_equal(network_subnet_take(&pool, &a, NULL), MN_OK);
        assert_int_equal(a.bytes[3], 254); /* the broadcast address is never given out */
        assert_int_equal(network_subnet_take(&pool, &a, &err), MN_CONFLICT);
        network_subnet_count(&pool, &used, &available);
        assert_int_equal(used, 129);
        assert_int_equal(available, 0);
        network_subnet_release(&pool);
}

static void test_claims(void **state) {
        (void) state;
        network_subnet pool;
        init(&pool, "10.0.0.0/24", NULL);
        mn_net_address inside = cidr("10.0.0.7/24"), outside = cidr("10.0.1.7/24"),
                       broadcast = cidr("10.0.0.255/24");
        assert_int_equal(network_subnet_claim(&pool, &inside, NULL), MN_OK);
        assert_int_equal(network_subnet_claim(&pool, &inside, NULL), MN_CONFLICT);
        assert_int_equal(network_subnet_claim(&pool, &outside, NULL), MN_INVALID);
        assert_int_equal(network_subnet_claim(&pool, &broadcast, NULL), MN_CONFLICT);
        network_subnet_release(&pool);
}

static void test_small_and_large_subnets(void **state) {
        (void) state;
        network_subnet pool;
        mn_net_address a;
        init(&pool, "10.0.0.0/31", NULL); /* point to point: both are addresses */
        expect_take(&pool, "10.0.0.0/31");
        expect_take(&pool, "10.0.0.1/31");
        assert_int_equal(network_subnet_take(&pool, &a, NULL), MN_CONFLICT);
        network_subnet_release(&pool);
        init(&pool, "255.255.255.0/24", NULL); /* the end of the address space */
        for (int i = 1; i < 255; i++)
                assert_int_equal(network_subnet_take(&pool, &a, NULL), MN_OK);
        assert_int_equal(network_subnet_take(&pool, &a, NULL), MN_CONFLICT);
        network_subnet_release(&pool);
        init(&pool, "fd00::/64", NULL);
        expect_take(&pool, "fd00::1/64");
        network_subnet_release(&pool);
}

static void expect_cut(const char *base, unsigned size, const mn_net_address *taken, size_t ntaken,
                       const char *wanted) {
        char buf[NETWORK_ADDRESS_TEXT_SIZE];
        mn_net_address pool = cidr(base), a;
        int r = network_pool_cut(&pool, size, taken, ntaken, &a);
        if (!wanted)
                assert_int_equal(r, -ENOSPC);
        else
                assert_string_equal(network_cidr_format(&a, buf), wanted);
}

static void test_cutting_pools(void **state) {
        (void) state;
        const mn_net_address taken[] = { cidr("10.0.0.0/24"), cidr("10.0.1.128/25"), cidr("10.0.2.0/23"),
                                         cidr("fd00::/8") };
        expect_cut("10.0.0.0/16", 24, NULL, 0, "10.0.0.0/24");
        expect_cut("10.0.0.0/16", 24, taken, 4, "10.0.4.0/24");
        expect_cut("10.0.0.0/16", 25, taken, 4, "10.0.1.0/25");
        expect_cut("10.0.0.0/22", 24, taken, 4, NULL);
        expect_cut("10.0.0.0/16", 16, taken, 4, NULL);
        const mn_net_address all[] = { cidr("0.0.0.0/0") };
        expect_cut("10.0.0.0/8", 24, all, 1, NULL);
        expect_cut("255.255.255.0/24", 24, all, 1, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lowest_free_first),
                cmocka_unit_test(test_all_of_a_subnet),
                cmocka_unit_test(test_claims),
                cmocka_unit_test(test_small_and_large_subnets),
                cmocka_unit_test(test_cutting_pools),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
