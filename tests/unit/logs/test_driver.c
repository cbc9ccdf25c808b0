/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "logs/logs.h"

static mn_status parse(const char *driver, const char *key, const char *value, logs_config *ret,
                       mn_err *err) {
        mn_str_pair pair = { (char *) key, (char *) value };
        mn_str_map options = { &pair, key ? 1 : 0 };
        return logs_config_parse(driver, &options, ret, err);
}

static void reads_sizes(void **state) {
        (void) state;
        static const struct {
                const char *text;
                int64_t bytes;
        } cases[] = { { "10m", 10 << 20 }, { "512", 512 }, { "1.5k", 1536 }, { "-1", -1 } };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                logs_config config;
                assert_int_equal(parse("json-file", "max-size", cases[i].text, &config, NULL), MN_OK);
                assert_int_equal(config.max_size_bytes, cases[i].bytes);
        }
}

static void refuses_with_a_reason(void **state) {
        (void) state;
        static const struct {
                const char *driver, *key, *value, *message;
                mn_status status;
        } cases[] = {
                { "syslog", NULL, NULL, "logger: no log driver named 'syslog' is registered", MN_INVALID },
                { "json-file", "max-sise", "1", "unknown log opt 'max-sise' for json-file log driver",
                  MN_INVALID },
                { "", "max-size", "10x", "invalid suffix: 'x'", MN_INVALID },
                { "", "max-size", "0", "max-size must be a positive number", MN_INVALID },
                { "", "max-file", "0", "max-file must be a positive number, not '0'", MN_INVALID },
                { "local", "compress", "true", "log-opt compress=true is not supported", MN_NOT_IMPLEMENTED },
                { "none", "max-size", "1m", "unknown log opt 'max-size' for none log driver", MN_INVALID },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                logs_config config;
                cleanup_err mn_err err = { 0 };
                assert_int_equal(parse(cases[i].driver, cases[i].key, cases[i].value, &config, &err),
                                 cases[i].status);
                assert_string_equal(mn_err_text(&err), cases[i].message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_sizes),
                cmocka_unit_test(refuses_with_a_reason),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
