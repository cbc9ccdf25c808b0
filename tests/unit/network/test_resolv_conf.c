/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "network/resolv_conf.h"

static void expect(char *const *words, const char *wanted) {
        cleanup_free char *joined = words ? mn_strv_join(words, " ") : mn_strdup("");
        assert_string_equal(joined, wanted);
}

static void test_parse(void **state) {
        (void) state;
        struct resolv_conf c;
        resolv_conf_parse("# comment\n"
                          "nameserver 10.0.0.1 ; behind\r\n"
                          "\tnameserver\tfd00::1\n"
                          "nameserver not-an-address\n"
                          "nameserver\n"
                          "domain old.example\n"
                          "search one.example two.example\n"
                          "options ndots:2\n"
                          "options edns0 trust-ad\n"
                          "sortlist 1.2.3.4",
                          &c);
        expect(c.nameservers, "10.0.0.1 fd00::1");
        expect(c.search, "one.example two.example");
        expect(c.options, "ndots:2 edns0 trust-ad");
        resolv_conf_release(&c);
        resolv_conf_parse("", &c);
        assert_null(c.nameservers);
        resolv_conf_release(&c);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
