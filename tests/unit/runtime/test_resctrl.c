/* SPDX-License-Identifier: Apache-2.0 */
/* linux.intelRdt against a directory that has what a mounted resctrl has: an existing class with its files.
   What only the kernel does (files appearing in a new group) is not imitated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "runtime/resctrl.h"
#include "sys/file.h"

struct place {
        char root[64];
        mn_err err;
};

static char class_name[] = "gold";
static char *no_schemata[] = { NULL };

static char *path_in(struct place *p, const char *name) {
        return mn_asprintf("%s/%s", p->root, name);
}

static void put(struct place *p, const char *name, const char *text) {
        cleanup_free char *path = path_in(p, name);
        assert_int_equal(mn_file_create(-100 /* AT_FDCWD */, path, text, strlen(text), 0600), 0);
}

static bool is_there(struct place *p, const char *name) {
        cleanup_free char *path = path_in(p, name);
        return access(path, F_OK) == 0;
}

static int set_up(void **state) {
        struct place *p = calloc(1, sizeof(*p));
        strcpy(p->root, "/tmp/minato-resctrl-XXXXXX");
        assert_non_null(mkdtemp(p->root));
        for (int i = 0; i < 2; i++) {
                cleanup_free char *path = path_in(p, i ? "gold/mon_groups" : "gold");
                assert_int_equal(mkdir(path, 0755), 0);
        }
        put(p, "gold/schemata", "    MB:0=100;1=100\n    L3:0=7f0;1=1f\n");
        put(p, "gold/tasks", "");
        *state = p;
        return 0;
}

static int tear_down(void **state) {
        struct place *p = *state;
        mn_err_release(&p->err);
        mn_remove_tree(-100, p->root);
        free(p);
        return 0;
}

static void test_an_existing_class_is_joined(void **state) {
        struct place *p = *state;
        oci_intel_rdt rdt = { .clos_id = class_name, .schemata = no_schemata };
        cleanup_free char *text = NULL, *tasks = path_in(p, "gold/tasks");
        assert_int_equal(resctrl_apply(p->root, &rdt, "c1", 4711, &p->err), MN_OK);
        assert_int_equal(mn_file_read(-100, tasks, 100, &text, NULL), 0);
        assert_string_equal(text, "4711");
        resctrl_remove(p->root, &rdt, "c1"); /* it was not ours */
        assert_true(is_there(p, "gold"));
}

static void test_a_class_that_is_not_there(void **state) {
        struct place *p = *state;
        static char name[] = "silver";
        oci_intel_rdt rdt = { .clos_id = name, .schemata = no_schemata };
        assert_int_not_equal(resctrl_apply(p->root, &rdt, "c1", 4711, &p->err), MN_OK);
        assert_non_null(strstr(mn_err_text(&p->err), "linux.intelRdt.closID: \"silver\""));
        assert_false(is_there(p, "silver"));
}

/* closID "/": the root of the file system, which is never made nor removed. */
static void test_the_default_class(void **state) {
        struct place *p = *state;
        static char root_class[] = "/", same[] = "L3:0=fff", other[] = "L3:0=1";
        char *list[] = { same, NULL };
        put(p, "schemata", "    L3:0=fff\n");
        put(p, "tasks", "");
        oci_intel_rdt rdt = { .clos_id = root_class, .schemata = list };
        cleanup_free char *text = NULL, *tasks = path_in(p, "tasks");
        assert_int_equal(resctrl_apply(p->root, &rdt, "c1", 4711, &p->err), MN_OK);
        assert_int_equal(mn_file_read(-100, tasks, 100, &text, NULL), 0);
        assert_string_equal(text, "4711");
        resctrl_remove(p->root, &rdt, "c1");
        assert_true(is_there(p, "schemata"));
        list[0] = other;
        assert_int_equal(resctrl_apply(p->root, &rdt, "c1", 4711, &p->err), MN_CONFLICT);
}

static void test_schemata_of_an_existing_class(void **state) {
        struct place *p = *state;
        static char same[] = "L3:0=7f0;1=1f", other[] = "L3:0=7f0;1=3f";
        char *list[] = { same, NULL };
        oci_intel_rdt rdt = { .clos_id = class_name, .schemata = list };
        assert_int_equal(resctrl_apply(p->root, &rdt, "c1", 1, &p->err), MN_OK);
        list[0] = other;
        assert_int_equal(resctrl_apply(p->root, &rdt, "c1", 1, &p->err), MN_CONFLICT);
        assert_non_null(
                strstr(mn_err_text(&p->err), "linux.intelRdt.schemata: class \"gold\" exists with others"));
        rdt = (oci_intel_rdt){ .clos_id = class_name, .schemata = no_schemata, .l3_cache_schema = other };
        mn_err_release(&p->err);
        assert_int_equal(resctrl_apply(p->root, &rdt, "c1", 1, &p->err), MN_CONFLICT);
        assert_true(is_there(p, "gold"));
}

static void test_the_containers_own_class(void **state) {
        struct place *p = *state;
        oci_intel_rdt rdt = { .schemata = no_schemata };
        assert_int_equal(resctrl_apply(p->root, &rdt, "gold", 1, &p->err), MN_CONFLICT); /* taken already */
        assert_true(is_there(p, "gold/schemata"));
        mn_err_release(&p->err);
        assert_int_not_equal(resctrl_apply(p->root, &rdt, "c1", 1, &p->err),
                             MN_OK); /* no "tasks" appears here */
        assert_false(is_there(p, "c1"));
}

static void test_a_monitoring_group_that_fails_is_removed(void **state) {
        struct place *p = *state;
        oci_intel_rdt rdt = { .clos_id = class_name, .schemata = no_schemata, .enable_monitoring = true };
        assert_int_not_equal(resctrl_apply(p->root, &rdt, "c1", 1, &p->err), MN_OK);
        assert_false(is_there(p, "gold/mon_groups/c1"));
}

static void test_names(void **state) {
        struct place *p = *state;
        static char bad[][4] = { "..", ".", "a/b", "a\nb" };
        for (size_t i = 0; i < 4; i++) {
                oci_intel_rdt rdt = { .clos_id = bad[i], .schemata = no_schemata };
                mn_err_release(&p->err);
                assert_int_equal(resctrl_check(&rdt, &p->err), MN_INVALID);
        }
        assert_int_equal(resctrl_check(NULL, &p->err), MN_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_an_existing_class_is_joined, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_class_that_is_not_there, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_schemata_of_an_existing_class, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_the_containers_own_class, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_monitoring_group_that_fails_is_removed, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_the_default_class, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
