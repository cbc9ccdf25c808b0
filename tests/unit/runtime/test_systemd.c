/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "runtime/systemd_cgroup.h"
#include "runtime/systemd_properties.h"

static void test_units_and_slices(void **state) {
        (void) state;
        const struct {
                const char *spec, *name, *slice, *path;
        } rows[] = {
                { NULL, "minato-ID.scope", "system.slice", "/system.slice/minato-ID.scope" },
                { "user.slice:p:n", "p-n.scope", "user.slice", "/user.slice/p-n.scope" },
                { ":p:n", "p-n.scope", "system.slice", "/system.slice/p-n.scope" },
                { "-.slice::n", "n.scope", "-.slice", "/n.scope" },
                { "a-b-c.slice:p:n", "p-n.scope", "a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope" },
                { "a.slice:p", NULL, NULL, NULL },
                { "a.slice:p:", NULL, NULL, NULL },
                { "/a.slice:p:n", NULL, NULL, NULL },
                { "a--b.slice:p:n", NULL, NULL, NULL },
                { "-a.slice:p:n", NULL, NULL, NULL },
                { "a-.slice:p:n", NULL, NULL, NULL },
                { "a.slice:p:n/../x", NULL, NULL, NULL },
                { "a.slice:p:n\n", NULL, NULL, NULL },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
                systemd_unit unit = { 0 };
                cleanup_err mn_err err = { 0 };
                mn_status st = systemd_unit_parse(rows[i].spec, "ID", &unit, &err);
                assert_int_equal(st, rows[i].name ? MN_OK : MN_INVALID);
                if (rows[i].name) {
                        assert_string_equal(unit.name, rows[i].name);
                        assert_string_equal(unit.slice, rows[i].slice);
                        assert_string_equal(unit.path, rows[i].path);
                }
                systemd_unit_release(&unit);
        }
}

static void test_cpu_masks(void **state) {
        (void) state;
        const struct {
                const char *list;
                int result;
                size_t len;
                uint8_t first, last;
        } rows[] = {
                { "0", 0, 1, 1, 1 },          { "0-3,7", 0, 1, 0x8f, 0x8f }, { "9", 0, 2, 0, 2 },
                { "0-15", 0, 2, 0xff, 0xff }, { "x", -EINVAL, 0, 0, 0 },     { "3-1", -ERANGE, 0, 0, 0 },
                { "8192", -ERANGE, 0, 0, 0 }, { "1-", -EINVAL, 0, 0, 0 },    { "-1", -ERANGE, 0, 0, 0 },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
                cleanup_str mn_str mask = MN_STR_INIT(2048);
                int r = systemd_cpu_mask(rows[i].list, &mask);
                assert_true(rows[i].result ? r < 0 : r == 0);
                assert_int_equal(mask.len, rows[i].len);
                if (mask.len) {
                        assert_int_equal((uint8_t) mask.data[0], rows[i].first);
                        assert_int_equal((uint8_t) mask.data[mask.len - 1], rows[i].last);
                }
        }
}

/* The first property of a body: its name and the signature of its value. */
static mn_dbus_reader first_property(const mn_str *body, const char *name, const char *signature) {
        mn_dbus_reader r = { .data = (const uint8_t *) body->data, .len = body->len };
        assert_string_equal(mn_dbus_get_string(&r), name);
        assert_string_equal(mn_dbus_get_signature(&r), signature);
        return r;
}

static void test_annotations(void **state) {
        (void) state;
        const struct {
                const char *key, *value, *name, *signature; /* NULL: refused */
        } rows[] = {
                { "CollectMode", "'inactive'", "CollectMode", "s" },
                { "CollectMode", "\"inactive\"", "CollectMode", "s" },
                { "TimeoutStopSec", "uint64 3", "TimeoutStopUSec", "t" },
                { "TimeoutStopSec", "3", "TimeoutStopUSec", "t" },
                { "TimeoutStopUSec", "uint64 3000000", "TimeoutStopUSec", "t" },
                { "SendSIGHUP", "true", "SendSIGHUP", "b" },
                { "KillSignal", "int32 9", "KillSignal", "i" },
                { "KillSignal", "9", "KillSignal", "i" },
                { "Mode", "uint32 9", "Mode", "u" },
                { "After", "['a.service', 'b.service']", "After", "as" },
                { "After", "[]", "After", "as" },
                { "After", "['a.service'", NULL, NULL },
                { "After", "['a'] x", NULL, NULL },
                { "After", "[1]", NULL, NULL },
                { "Name", "'open", NULL, NULL },
                { "Name", "'a' b", NULL, NULL },
                { "Name", "'a\\n'", NULL, NULL },
                { "Name", "", NULL, NULL },
                { "Name", "99999999999", NULL, NULL },
                { "Name", "{'a': 1}", NULL, NULL },
                { "lower", "true", NULL, NULL },
                { "A.B", "true", NULL, NULL },
                { "", "true", NULL, NULL },
                { "TimeoutStopSec", "18446744073709551615", NULL, NULL },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
                cleanup_free char *key = mn_asprintf("org.systemd.property.%s", rows[i].key);
                mn_str_pair pairs[] = { { (char *) "other", (char *) "{" },
                                        { key, (char *) (uintptr_t) rows[i].value } };
                const mn_str_map map = { pairs, 2 };
                cleanup_str mn_str body = MN_STR_INIT(4096);
                cleanup_err mn_err err = { 0 };
                mn_status st = systemd_put_annotations(&body, &map, &err);
                assert_int_equal(st, rows[i].name ? MN_OK : MN_INVALID);
                if (rows[i].name)
                        first_property(&body, rows[i].name, rows[i].signature);
                else
                        assert_non_null(strstr(mn_err_text(&err), key));
        }
}

static void test_device_lists_are_for_v1(void **state) {
        (void) state;
        cleanup_str mn_str v1 = MN_STR_INIT(65536), v2 = MN_STR_INIT(65536);
        int64_t major = 8, minor = 3;
        oci_device_rule rules[] = { { .allow = false, .access = (char *) "rwm" },
                                    { .allow = true,
                                      .type = (char *) "b",
                                      .major = &major,
                                      .minor = &minor,
                                      .access = (char *) "r" } };
        const oci_resources res = { .devices = { rules, 2 } };
        assert_int_equal(systemd_put_devices(&v2, &res, &(mn_cgroup_host){ .mode = MN_CGROUP_V2 }, NULL),
                         MN_OK);
        assert_int_equal(v2.len, 0);
        assert_int_equal(systemd_put_devices(&v1, &res, &(mn_cgroup_host){ .mode = MN_CGROUP_HYBRID }, NULL),
                         MN_OK);
        mn_dbus_reader r = first_property(&v1, "DevicePolicy", "s");
        assert_string_equal(mn_dbus_get_string(&r), "strict");
        assert_non_null(memmem(v1.data, v1.len, "/dev/block/8:3", 15));
        assert_non_null(memmem(v1.data, v1.len, "/dev/char/1:3", 14));
        assert_null(memmem(v1.data, v1.len, "char-*\0\2\0\0\0rw", 13));
}

static void test_quota_is_rounded_up(void **state) {
        (void) state;
        const struct {
                int64_t quota;
                uint64_t period, expected;
        } rows[] = { { 50000, 100000, 500000 },
                     { 25550, 50000, 520000 },
                     { -1, 100000, UINT64_MAX },
                     { 1, 1000000, 10000 } };
        for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
                int64_t quota = rows[i].quota;
                uint64_t period = rows[i].period, value;
                oci_cpu cpu = { .quota = &quota, .period = &period };
                const oci_resources res = { .cpu = &cpu };
                cleanup_str mn_str body = MN_STR_INIT(4096);
                assert_int_equal(
                        systemd_put_resources(&body, &res, &(mn_cgroup_host){ .mode = MN_CGROUP_V2 }, NULL),
                        MN_OK);
                mn_dbus_reader r = first_property(&body, "CPUQuotaPerSecUSec", "t");
                memcpy(&value, r.data + (r.at + 7) / 8 * 8, sizeof(value));
                assert_true(value == rows[i].expected);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_units_and_slices),    cmocka_unit_test(test_cpu_masks),
                cmocka_unit_test(test_annotations),         cmocka_unit_test(test_device_lists_are_for_v1),
                cmocka_unit_test(test_quota_is_rounded_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
