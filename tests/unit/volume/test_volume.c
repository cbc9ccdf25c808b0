/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/volume.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/file.h"

static char dir[] = "/tmp/minato-test-volume-XXXXXX";
static store *db;
static volume_store *vs;
static mn_arena *arena;
static char notes[4096];

static void note(void *arg, const char *action, const char *name, const char *container_id) {
        (void) arg;
        size_t len = strlen(notes);
        snprintf(notes + len, sizeof(notes) - len, "%s %s%s%s\n", action, name, container_id ? " " : "",
                 container_id ? container_id : "");
}

static int open_all(void **state) {
        (void) state;
        cleanup_free char *path = mn_asprintf("%s/state.db", dir);
        arena = mn_arena_new();
        return store_open(path, &db, NULL) || volume_store_open(db, dir, note, NULL, &vs, NULL) ? -1 : 0;
}

static int close_all(void **state) {
        (void) state;
        volume_store_free(vs);
        store_close(db);
        mn_arena_free(arena);
        return 0;
}

static int setup(void **state) {
        return mkdtemp(dir) ? open_all(state) : -1;
}

static int teardown(void **state) {
        close_all(state);
        return mn_remove_tree(AT_FDCWD, dir);
}

static mn_status create(const char *name, wire_volume *ret, mn_err *err) {
        wire_volume_create request = { .name = (char *) name };
        return volume_create(vs, &request, arena, ret, err);
}

static void survives_a_restart(void **state) {
        wire_volume v, again;
        assert_int_equal(create("data", &v, NULL), MN_OK);
        close_all(state);
        assert_int_equal(open_all(state), 0);
        assert_int_equal(volume_inspect(vs, "data", arena, &again, NULL), MN_OK);
        assert_string_equal(again.driver, "local");
        assert_true(mn_str_has_suffix(again.mountpoint, "/volumes/data/_data"));
        assert_int_equal(faccessat(AT_FDCWD, again.mountpoint, F_OK, 0), 0);
        assert_int_equal(create("data", &v, NULL), MN_OK); /* the one that is there */
        assert_int_equal(volume_remove(vs, "data", false, NULL), MN_OK);
        assert_int_equal(faccessat(AT_FDCWD, again.mountpoint, F_OK, 0), -1);
}

static void speaks_docker(void **state) {
        (void) state;
        static const struct {
                const char *name, *message;
        } cases[] = {
                { "a", "volume name is too short, names should be at least two alphanumeric characters" },
                { "../x", "create ../x: \"../x\" includes invalid characters for a local volume name, only "
                          "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                          "directory, use absolute path" },
        };
        wire_volume v;
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_err mn_err err = { 0 };
                assert_int_equal(create(cases[i].name, &v, &err), MN_INVALID);
                assert_string_equal(err.message, cases[i].message);
        }
        cleanup_err mn_err err = { 0 };
        assert_int_equal(volume_remove(vs, "nope", false, &err), MN_NOT_FOUND);
        assert_string_equal(err.message, "get nope: no such volume");
        assert_int_equal(volume_remove(vs, "nope", true, &err), MN_OK);
        wire_volume_create request = { .name = (char *) "other", .driver = (char *) "nfs" };
        assert_int_equal(volume_create(vs, &request, arena, &v, &err), MN_NOT_FOUND);
        mn_str_map_set(&request.driver_opts, arena, "device", "tmpfs");
        request.driver = NULL;
        assert_int_equal(volume_create(vs, &request, arena, &v, &err), MN_INVALID);
        assert_string_equal(err.message, "create other: missing required option: \"type\"");
}

static void references_keep_it(void **state) {
        (void) state;
        wire_volume v;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(create("kept", &v, NULL), MN_OK);
        assert_int_equal(volume_ref(vs, "kept", "c1", NULL), MN_OK);
        assert_int_equal(volume_remove(vs, "kept", true, &err), MN_CONFLICT);
        assert_string_equal(err.message, "remove kept: volume is in use - [c1]");
        volume_unref(vs, "kept", "c1");
        notes[0] = '\0';
        assert_int_equal(volume_remove(vs, "kept", false, &err), MN_OK);
        assert_string_equal(notes, "destroy kept\n");
}

static void prunes_anonymous_ones(void **state) {
        (void) state;
        wire_volume named, anonymous, used;
        assert_int_equal(create("named", &named, NULL), MN_OK);
        assert_int_equal(create("", &anonymous, NULL), MN_OK);
        assert_int_equal(create("", &used, NULL), MN_OK);
        assert_int_equal(volume_ref(vs, used.name, "c1", NULL), MN_OK);
        wire_filters filters = { 0 };
        wire_volume_prune_report report;
        assert_int_equal(volume_prune(vs, &filters, arena, &report, NULL), MN_OK);
        assert_string_equal(report.volumes_deleted[0], anonymous.name);
        assert_null(report.volumes_deleted[1]);
        wire_filters_add(&filters, arena, "all", "true");
        assert_int_equal(volume_prune(vs, &filters, arena, &report, NULL), MN_OK);
        assert_string_equal(report.volumes_deleted[0], "named");
        volume_unref(vs, used.name, "c1");
        assert_int_equal(volume_remove(vs, used.name, false, NULL), MN_OK);
}

static void copies_up_once_and_stays_inside(void **state) {
        (void) state;
        cleanup_close int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(top, "root", 0755), 0);
        assert_int_equal(mkdirat(top, "root/data", 0750), 0);
        assert_int_equal(mkdirat(top, "root/data/sub", 0700), 0);
        assert_int_equal(mn_file_create(top, "root/data/sub/f", "x", 1, 0640), 0);
        assert_int_equal(symlinkat("/etc/shadow", top, "root/data/link"), 0);
        assert_int_equal(mkfifoat(top, "root/data/fifo", 0600), 0);
        assert_int_equal(mn_file_create(top, "secret", "s", 1, 0600), 0);
        assert_int_equal(symlinkat("../..", top, "root/out"), 0);
        cleanup_close int root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        wire_volume v;
        struct stat st;
        assert_int_equal(create("filled", &v, NULL), MN_OK);
        assert_int_equal(volume_copy_up(vs, "filled", root, "/missing", NULL), MN_OK);
        assert_int_equal(volume_copy_up(vs, "filled", root, "/data", NULL), MN_OK);
        assert_int_equal(fstatat(top, "volumes/filled/_data/sub/f", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(fstatat(top, "volumes/filled/_data", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0750);
        assert_int_equal(fstatat(top, "volumes/filled/_data/link", &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(mn_file_create(top, "root/data/late", "x", 1, 0640), 0);
        assert_int_equal(volume_copy_up(vs, "filled", root, "/data", NULL), MN_OK);
        assert_int_equal(fstatat(top, "volumes/filled/_data/late", &st, 0),
                         -1); /* it was not empty any more */
        assert_int_equal(create("escape", &v, NULL), MN_OK);
        assert_int_equal(volume_copy_up(vs, "escape", root, "/out", NULL),
                         MN_OK); /* "/" of the root itself */
        assert_int_equal(fstatat(top, "volumes/escape/_data/secret", &st, 0), -1);
        assert_int_equal(fstatat(top, "volumes/escape/_data/data/sub/f", &st, 0), 0);
        assert_int_equal(volume_remove(vs, "filled", false, NULL), MN_OK);
        assert_int_equal(volume_remove(vs, "escape", false, NULL), MN_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(survives_a_restart),
                cmocka_unit_test(speaks_docker),
                cmocka_unit_test(references_keep_it),
                cmocka_unit_test(prunes_anonymous_ones),
                cmocka_unit_test(copies_up_once_and_stays_inside),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
