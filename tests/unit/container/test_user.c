/* SPDX-License-Identifier: Apache-2.0 */
/* Users of the image's passwd and group: numbers are numbers, never names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "container/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "# comment\n"
                             "\n"
                             "broken line\n"
                             "web:x:33:34:web:/srv/web:/bin/sh\n"
                             "1000:x:0:0:trap:/:/bin/sh\n"
                             "far:x:4294967295:0::/:/bin/sh\n"
                             "nohome:x:50:50\n";
static const char group[] = "root:x:0:\n"
                            "wheel:x:10:root,web\n"
                            "www:x:34:\n"
                            "5:x:77:\n"
                            "video:x:44:web\n";

struct expected {
        const char *user;
        bool is_valid;
        uint32_t uid, gid;
        const char *home;
};

static void names_and_numbers(void **state) {
        (void) state;
        static const struct expected table[] = {
                { "", true, 0, 0, "/root" },
                { "root", true, 0, 0, "/root" },
                { "web", true, 33, 34, "/srv/web" },
                { "33", true, 33, 34, "/srv/web" },
                { "web:44", true, 33, 44, "/srv/web" },
                { "web:video", true, 33, 44, "/srv/web" },
                { "web:5", true, 33, 5, "/srv/web" },
                { "nohome", true, 50, 50, "/" },
                { "1000", true, 1000, 0, "/" },
                { "01000", true, 1000, 0, "/" },
                { "1000:", true, 1000, 0, "/" },
                { ":34", true, 0, 34, "/root" },
                { "2147483648", true, 2147483648u, 0, "/" },
                { "4294967294", true, 4294967294u, 0, "/" },
                { "4294967295", false, 0, 0, NULL },
                { "4294967296", false, 0, 0, NULL },
                { "99999999999999999999", false, 0, 0, NULL },
                { "far", false, 0, 0, NULL },
                { "+1", false, 0, 0, NULL },
                { "-1", false, 0, 0, NULL },
                { "0x0", false, 0, 0, NULL },
                { "nobody", false, 0, 0, NULL },
                { "web:nogroup", false, 0, 0, NULL },
                { "a:b:c", false, 0, 0, NULL },
        };
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                container_user u = { 0 };
                mn_status status = container_user_find(passwd, group, table[i].user, NULL, arena, &u, NULL);
                if ((status == MN_OK) != table[i].is_valid)
                        fail_msg("user \"%s\": status %d", table[i].user, status);
                if (status)
                        continue;
                assert_int_equal(u.uid, table[i].uid);
                assert_int_equal(u.gid, table[i].gid);
                assert_string_equal(u.home, table[i].home);
        }
}

static void groups_of_a_user(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        container_user u = { 0 };
        char *extra[] = { (char[]){ "video" }, (char[]){ "2000" }, (char[]){ "wheel" }, NULL };
        assert_int_equal(container_user_find(passwd, group, "web", extra, arena, &u, NULL), MN_OK);
        assert_int_equal(u.groups.len, 3);
        assert_int_equal(u.groups.items[0], 10);
        assert_int_equal(u.groups.items[1], 44);
        assert_int_equal(u.groups.items[2], 2000);
        /* With an explicit group the others of the file are left out. */
        assert_int_equal(container_user_find(passwd, group, "web:www", NULL, arena, &u, NULL), MN_OK);
        assert_int_equal(u.groups.len, 0);
}

static void images_without_the_files(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        container_user u = { 0 };
        assert_int_equal(container_user_find("", "", "", NULL, arena, &u, NULL), MN_OK);
        assert_int_equal(u.uid, 0);
        assert_string_equal(u.home, "/");
        assert_int_equal(container_user_find("", "", "7:8", NULL, arena, &u, NULL), MN_OK);
        assert_int_equal(u.gid, 8);
        cleanup_err mn_err err = { 0 };
        assert_int_equal(container_user_find("", "", "web", NULL, arena, &u, &err), MN_INVALID);
        assert_string_equal(err.message, "unable to find user web: no matching entries in passwd file");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_and_numbers),
                cmocka_unit_test(groups_of_a_user),
                cmocka_unit_test(images_without_the_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
